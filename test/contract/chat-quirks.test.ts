import { describe, expect, test } from '@jest/globals';
import { CHAT_VENDORS, type ChatVendor, chatQuirksOf } from '../../lambdas/contract/chat-quirks.ts';
import { checkConfig } from '../../lambdas/contract/check-config.ts';

test.each<[string, ChatVendor]>([
  ['https://api.mistral.ai/v1', 'mistral'],
  ['https://api.deepseek.com', 'deepseek'],
  ['https://openrouter.ai/api/v1', 'openrouter'],
  ['https://api.groq.com/openai/v1', 'groq'],
  ['https://api.cerebras.ai/v1', 'cerebras'],
  ['https://api.x.ai/v1', 'xai'],
  ['https://api.moonshot.ai/v1', 'moonshot'],
  ['https://api.z.ai/api/paas/v4', 'zai'],
  ['https://generativelanguage.googleapis.com/v1beta/openai', 'google'],
  ['https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/l/endpoints/openapi', 'google'],
])('%s is known as %s', (baseUrl, like) => {
  expect(chatQuirksOf(baseUrl)).toEqual(chatQuirksOf('https://proxy.example.com', { like }));
  expect(chatQuirksOf(baseUrl)).not.toEqual({});
});

test.each(['https://api.mistral.ai.example.com', 'https://notmistral.ai', 'https://example.com/api.mistral.ai', 'x'])(
  'of %s nothing is known',
  (baseUrl) => {
    expect(chatQuirksOf(baseUrl)).toEqual({});
  },
);

test('what the configuration says goes before what the host tells', () => {
  expect(chatQuirksOf('https://api.mistral.ai/v1', { seedField: 'seed', omits: [] })).toMatchObject({
    shortCallIds: true,
    seedField: 'seed',
    omits: [],
  });
});

test('every vendor has ways of its own', () => {
  for (const like of CHAT_VENDORS) expect(Object.keys(chatQuirksOf('', { like }))).not.toEqual([]);
});

describe('in a configuration', () => {
  const problemsOf = (quirks: unknown) => {
    const checked = checkConfig({
      providers: { it: { kind: 'openai-compatible', baseUrl: 'https://llm.example.com/v1', quirks } },
      models: { m: { targets: [{ provider: 'it', model: 'x', price: { inputPerMTok: 1, outputPerMTok: 1 } }] } },
    });
    return checked.ok ? [] : checked.problems.map(({ path, message }) => `${path}: ${message}`);
  };

  test('a vendor and single ways are taken', () => {
    expect(problemsOf({ like: 'mistral', seedField: 'seed', omits: ['user'], reasoning: 'none' })).toEqual([]);
    expect(problemsOf({ messageFields: ['name'], cachePoints: 'cache_control' })).toEqual([]);
  });

  test.each<[unknown, RegExp]>([
    [{ like: 'mistrall' }, /quirks\.like: expected one of .*"mistral"/],
    [{ reasoning: 'thoughts' }, /quirks\.reasoning: expected one of/],
    [{ cachePoints: 'some' }, /quirks\.cachePoints: expected one of/],
    [{ messageFields: 'name' }, /quirks\.messageFields: expected an array/],
    [{ omits: ['a b'] }, /quirks\.omits\[0\]: expected a field's name/],
    [{ seed: 'x' }, /quirks.*unknown field/],
  ])('%j is a mistake', (quirks, message) => {
    expect(problemsOf(quirks).join('\n')).toMatch(message);
  });
});
