import { describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { dialectOf, providerOf } from '../../lambdas/core/codecs.ts';
import { kindsIn, loadCodecs, loadSurface, PROVIDER_KINDS } from '../../lambdas/wiring/codecs.ts';
import { makeTarget } from '../core/call/call-fixture.ts';

describe('loadCodecs', () => {
  test.each(PROVIDER_KINDS)(
    'of %s brings that provider and the dialect that it speaks, and nothing else',
    async (kind) => {
      const { dialects, providers } = await loadCodecs([kind]);
      expect(Object.keys(providers)).toEqual([kind]);
      expect(providers[kind]?.kind).toBe(kind);
      expect(Object.keys(dialects)).toEqual([providers[kind]?.dialect]);
    },
  );

  test('gives providers of one dialect the same one, which is the surface where clients speak it', async () => {
    const { dialects, providers } = await loadCodecs(['openai', 'anthropic', 'simulator']);
    expect(Object.keys(providers).sort()).toEqual(['anthropic', 'openai', 'simulator']);
    for (const name of ['openai-chat', 'anthropic-messages'] as const)
      expect(dialects[name]).toBe(await loadSurface(name));
  });
});

test('a configuration has the kinds of its providers, each once', () => {
  const providers: GatewayConfig['providers'] = {
    here: { kind: 'openai-compatible', baseUrl: 'http://a' },
    there: { kind: 'openai-compatible', baseUrl: 'http://b' },
    bedrock: { kind: 'bedrock', regions: ['us-east-1'] },
  };
  expect([...kindsIn({ providers })]).toEqual(['openai-compatible', 'bedrock']);
});

test('a target whose provider or dialect was not loaded is a mistake that names both', async () => {
  const { dialects, providers } = await loadCodecs(['anthropic']);
  const target = makeTarget('a', { dialect: 'bedrock-converse' });
  expect(() => dialectOf(target, dialects)).toThrow(new TypeError('the dialect bedrock-converse of a is not there'));
  expect(() => providerOf(target, providers)).toThrow(
    new TypeError(`the provider ${target.provider.kind} of a is not there`),
  );
});
