import { describe, expect, test } from '@jest/globals';
import { catalogue } from '../../lambdas/catalogue/catalogue.ts';
import { cutCatalogue } from '../../lambdas/catalogue/deployed-config.ts';
import { withCanaries } from '../../lambdas/contract/canary.ts';
import { checkConfig } from '../../lambdas/contract/check-config.ts';
import type { GatewayConfig, ModelConfig } from '../../lambdas/contract/config.ts';
import { resolveGateway } from '../../lambdas/core/route/resolve-gateway.ts';
import { checkDeployedConfig } from '../../lib/check-deployed-config.ts';

const OPENAI = { provider: 'openai', model: 'gpt-5-2025-08-07' };
const configOf = (canary: unknown, more: object = {}, model: Partial<ModelConfig> = {}): GatewayConfig =>
  ({
    providers: {
      openai: { kind: 'openai', apiKey: 'secret:o' },
      azure: { kind: 'azure-openai', baseUrl: 'https://x.openai.azure.com', apiKey: 'secret:a' },
      demo: { kind: 'simulator' },
    },
    models: { chat: { targets: [{ ...OPENAI, ...more, canary }], ...model } },
  }) as unknown as GatewayConfig;
const problemsOf = (config: GatewayConfig): string[] => {
  const checked = checkConfig(config);
  if (!checked.ok) return checked.problems.map(({ path, message }) => `${path}: ${message}`);
  const resolved = resolveGateway(checked.config, catalogue, 1);
  return resolved.ok ? [] : resolved.problems.map(({ path, message }) => `${path}: ${message}`);
};
const GOOD = { model: 'gpt-5.4-2026-03-05', share: 0.05 };

describe('a canary in the configuration', () => {
  test('is a target of its own behind its target, asked in the same way', () => {
    const resolved = resolveGateway(configOf(GOOD, { serviceTier: 'flex', api: 'chat' }), catalogue, 1);
    expect(resolved.ok && resolved.gateway.aliases.get('chat')?.targets).toMatchObject([
      { id: 'openai/gpt-5-2025-08-07', serviceTier: 'flex' },
      {
        id: 'openai/gpt-5.4-2026-03-05',
        serviceTier: 'flex',
        dialect: 'openai-chat',
        canaryOf: { target: 'openai/gpt-5-2025-08-07', share: 0.05 },
        price: { source: expect.stringContaining('litellm') },
      },
    ]);
  });

  test.each([0.0001, 0.05, 0.5, 1])('has a share such as %d', (share) => {
    expect(problemsOf(configOf({ ...GOOD, share }))).toEqual([]);
  });

  test.each([0, -0.1, 1.1, 0.00001, '0.5', null, Number.NaN])('has no share such as %p', (share) => {
    expect(problemsOf(configOf({ ...GOOD, share }))).toEqual([
      expect.stringMatching(
        /^models\.chat\.targets\[0\]\.canary\.share: expected a share of the conversations above 0 up to 1/,
      ),
    ]);
  });

  test.each<[string, unknown, object, Partial<ModelConfig>, RegExp]>([
    ['without a share', { model: GOOD.model }, {}, {}, /canary\.share: expected a share/],
    ['with another provider', { ...GOOD, provider: 'demo' }, {}, {}, /canary\.provider: unknown field/],
    ['with a weight', { ...GOOD, weight: 2 }, {}, {}, /canary\.weight: unknown field/],
    ['with a canary of its own', { ...GOOD, canary: GOOD }, {}, {}, /canary\.canary: unknown field/],
    [
      'that is its own target',
      { ...GOOD, model: OPENAI.model },
      {},
      {},
      /targets\[0\]\.canary: "openai\/gpt-5-2025-08-07" is a target of this alias twice/,
    ],
    [
      'without a price',
      { ...GOOD, model: 'mystery-2026-01-01' },
      {},
      {},
      /canary: .*A model without a price is never called/,
    ],
    [
      'with a name that moves',
      { ...GOOD, model: 'gpt-5.4' },
      {},
      {},
      /targets\[0\]\.canary\.model: .*gpt-5\.4-2026-03-05/,
    ],
    [
      'whose deployment nobody knows',
      { model: 'next', share: 0.1 },
      { provider: 'azure', model: 'mine', deploymentOf: 'gpt-5-2025-08-07' },
      {},
      /canary: nothing says what model the deployment "next" serves/,
    ],
    [
      'that makes vectors of another model',
      { model: 'text-embedding-3-large', share: 0.1 },
      { model: 'text-embedding-3-small' },
      {},
      /Vectors of different models can't be compared/,
    ],
    [
      'of the simulator that it does not know',
      { model: 'mystery', share: 0.1 },
      { provider: 'demo', model: 'echo' },
      {},
      /targets\[0\]\.canary\.model: /,
    ],
  ])('%s is refused', (_, canary, more, model, problem) => {
    const problems = problemsOf(configOf(canary, more, model));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  test('has the price of the same model elsewhere, or says otherwise there too', () => {
    const price = { inputPerMTok: 1, outputPerMTok: 2 };
    const other = { targets: [{ provider: 'openai', model: GOOD.model }] };
    const config = configOf({ ...GOOD, price });
    expect(problemsOf({ ...config, models: { ...config.models, other } })).toEqual([
      expect.stringMatching(
        /^models\.other\.targets\[0\]: has another price, .* at models\.chat\.targets\[0\]\.canary/,
      ),
    ]);
    // A target may be tried in one alias and not in another.
    const plain = configOf(GOOD);
    expect(problemsOf({ ...plain, models: { ...plain.models, other: { targets: [OPENAI] } } })).toEqual([]);
  });

  test('that has retired fails the synth, at its place', () => {
    const config = configOf({ model: 'gpt-4o-mini-2024-07-18', share: 0.1 }, { model: 'gpt-5.4-2026-03-05' });
    expect(() => checkDeployedConfig(config, Date.parse('2027-01-13'))).not.toThrow();
    expect(() => checkDeployedConfig(config, Date.parse('2027-01-14'))).toThrow(
      /models\.chat\.targets\[0\]\.canary\.model: "gpt-4o-mini-2024-07-18" retired on 2027-01-14/,
    );
  });

  test('travels with its price into the bundle', () => {
    const { config, catalogue: cut } = checkDeployedConfig(configOf(GOOD), Date.parse('2026-11-23')).deployed;
    expect(Object.keys(cut.models.openai).sort()).toEqual(['gpt-5-2025-08-07', 'gpt-5.4-2026-03-05']);
    expect(cutCatalogue(cut, config)).toEqual(cut);
    expect(withCanaries(config.models['chat']?.targets ?? []).map(({ model }) => model)).toEqual([
      'gpt-5-2025-08-07',
      'gpt-5.4-2026-03-05',
    ]);
  });
});
