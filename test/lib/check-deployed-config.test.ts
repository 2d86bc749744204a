import { describe, expect, test } from '@jest/globals';
import { checkDeployedConfig } from '../../lib/check-deployed-config.ts';
import { DEPLOYABLE } from '../support/deployable.ts';

const demo = {
  providers: { demo: { kind: 'simulator' } },
  models: { demo: { targets: [{ provider: 'demo', model: 'echo' }] } },
};

describe('a configuration at synth', () => {
  test('with a key from the environment is refused with its path: the key would stand in the template', () => {
    const config = {
      ...demo,
      providers: { ...demo.providers, openai: { kind: 'openai', apiKey: 'env:OPENAI_API_KEY' } },
    };
    expect(() => checkDeployedConfig(config)).toThrow(
      /providers\.openai\.apiKey: expected "secret:NAME" in a deployed stack, got "env:OPENAI_API_KEY"/,
    );
  });

  test.each([
    ['a misspelt field', { ...demo, modles: {} }, /modles: unknown field\. Did you mean "models"\?/],
    [
      'an unpriced model',
      {
        providers: { openai: { kind: 'openai', apiKey: 'secret:tollgate/openai' } },
        models: { assistant: { targets: [{ provider: 'openai', model: 'gpt-9-2031-01-01' }] } },
      },
      /models\.assistant\.targets\[0\]: "gpt-9-2031-01-01" is not in the catalogue/,
    ],
    [
      'a model name that the vendor may move',
      {
        providers: { openai: { kind: 'openai', apiKey: 'secret:tollgate/openai' } },
        models: { assistant: { targets: [{ provider: 'openai', model: 'gpt-5.4-mini' }] } },
      },
      /models\.assistant\.targets\[0\]\.model: "gpt-5.4-mini" is a name that the vendor can move/,
    ],
    ['no configuration', undefined, /expected an object, got nothing/],
  ])('%s is refused with what was got and what is expected', (_, config, message) => {
    expect(() => checkDeployedConfig(config)).toThrow(message);
  });

  test('every problem is told at once', () => {
    const config = {
      ...DEPLOYABLE,
      providers: {
        ...DEPLOYABLE.providers,
        openai: { kind: 'openai', apiKey: 'env:A' },
        anthropic: { kind: 'anthropic', apiKey: 'env:B' },
      },
    };
    expect(() => checkDeployedConfig(config)).toThrow(/providers\.openai\.apiKey(?:.|\n)*providers\.anthropic\.apiKey/);
  });

  test('travels with the prices of its own models only', () => {
    const { config, catalogue } = checkDeployedConfig(DEPLOYABLE).deployed;
    expect(config).toEqual(DEPLOYABLE);
    expect(Object.keys(catalogue.models.openai)).toEqual(['gpt-5.4-mini-2026-03-17']);
    expect(Object.keys(catalogue.models.anthropic)).toEqual(['claude-haiku-4-5-20251001']);
    for (const name of Object.keys(catalogue.models.bedrock))
      expect(name).toMatch(/^us\.anthropic\.claude-haiku-4-5-20251001-v1:0(@.+)?$/);
    expect(Object.keys(catalogue.models.bedrock)).not.toHaveLength(0);
  });
});
