import { describe, expect, test } from '@jest/globals';
import { readCatalogue } from '../../../lambdas/catalogue/catalogue.ts';
import { checkConfig } from '../../../lambdas/contract/check-config.ts';
import type { GatewayConfig, ProviderConfig } from '../../../lambdas/contract/config.ts';
import { askedIn } from '../../../lambdas/core/codecs.ts';
import type { SurfaceName } from '../../../lambdas/core/dialect.ts';
import { resolveGateway } from '../../../lambdas/core/route/resolve-gateway.ts';
import type { Target } from '../../../lambdas/core/target.ts';

const nothing = readCatalogue({
  asOf: '2026-11-22',
  sources: [{ name: 'test', version: '1', file: '', sha256: '', licence: '' }],
  models: { openai: {}, anthropic: {}, gemini: {}, 'azure-openai': {}, bedrock: {} },
});

const configOf = (provider: ProviderConfig, api?: 'chat' | 'responses'): GatewayConfig => ({
  providers: { p: provider },
  models: {
    m: {
      targets: [
        {
          provider: 'p',
          model: 'gpt-4.1-2025-04-14',
          price: { inputPerMTok: 1, outputPerMTok: 1 },
          contextTokens: 1_000,
          ...(api !== undefined && { api }),
        },
      ],
    },
  },
});

const targetOf = (...given: Parameters<typeof configOf>): Target => {
  const checked = checkConfig(configOf(...given));
  if (!checked.ok) throw new Error(checked.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  const resolved = resolveGateway(checked.config, nothing, 1);
  const target = resolved.ok ? resolved.gateway.aliases.get('m')?.targets[0] : undefined;
  if (target === undefined) throw new Error(JSON.stringify(resolved));
  return target;
};

const asked = (target: Target): Record<SurfaceName, Target['dialect']> => ({
  'openai-chat': askedIn(target, 'openai-chat').dialect,
  'openai-responses': askedIn(target, 'openai-responses').dialect,
  'anthropic-messages': askedIn(target, 'anthropic-messages').dialect,
});

const chat = 'openai-chat';
const responses = 'openai-responses';
const own = { [chat]: chat, [responses]: responses, 'anthropic-messages': chat };
const always = (dialect: string) => ({ [chat]: dialect, [responses]: dialect, 'anthropic-messages': dialect });

const openai = { kind: 'openai', apiKey: 'env:K' } as const;
const azure = { kind: 'azure-openai', apiKey: 'env:K', baseUrl: 'https://a.example.com' } as const;
const compatible = { kind: 'openai-compatible', baseUrl: 'https://b.example.com/v1' } as const;

describe('in which of OpenAI’s APIs a target is asked, by what its client speaks', () => {
  test.each<[string, Parameters<typeof configOf>, object]>([
    ['OpenAI takes its clients as they come', [openai], own],
    ['OpenAI, told to be asked by Responses', [{ ...openai, api: 'responses' }], always(responses)],
    ['OpenAI, told to be asked by Chat Completions', [{ ...openai, api: 'chat' }], always(chat)],
    ['a target says otherwise than its provider', [{ ...openai, api: 'chat' }, 'responses'], always(responses)],
    ['Azure’s v1 takes its clients as they come', [azure], own],
    ['Azure’s dated versions are asked as they always were', [{ ...azure, apiVersion: '2024-10-21' }], always(chat)],
    ['other servers know Chat Completions', [compatible], always(chat)],
    ['unless they are said to know Responses', [{ ...compatible, api: 'responses' }], always(responses)],
  ])('%s', (_, given, expected) => {
    expect(asked(targetOf(...given))).toEqual(expected);
  });

  test('a target of another vendor has no such choice', () => {
    const checked = checkConfig(configOf({ kind: 'anthropic', apiKey: 'env:K' }, 'responses'));
    expect(checked).toMatchObject({ ok: false, problems: [{ path: 'models.m.targets[0].api' }] });
  });
});
