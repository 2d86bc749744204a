import { describe, expect, test } from '@jest/globals';
import { comparePrices, type OtherPrice } from '../../lambdas/catalogue/compare-prices.ts';

const row = { in: '2', cached: '0.2', out: '10', can: 's', context: 1_000, output: 100 };
const models = (openai: Record<string, typeof row>) => ({
  openai,
  anthropic: {},
  gemini: {},
  'azure-openai': {},
  bedrock: {},
});
const against = (other: OtherPrice | undefined, ours = row) => comparePrices(models({ m: ours }), () => other);

describe('comparePrices', () => {
  test('equal prices are no difference, however they are written', () => {
    expect(against({ input_mtok: 2, cache_read_mtok: 0.2, output_mtok: 10.0 })).toEqual({
      differences: [],
      compared: 1,
      unknown: [],
    });
  });

  test('each field that differs is one', () => {
    expect(against({ input_mtok: 2.2, cache_read_mtok: 0.2, output_mtok: 11 }).differences).toEqual([
      { vendor: 'openai', model: 'm', field: 'input_mtok', ours: '2', theirs: '2.2' },
      { vendor: 'openai', model: 'm', field: 'output_mtok', ours: '10', theirs: '11' },
    ]);
  });

  test('a field that one source leaves out is none', () => {
    expect(against({ input_mtok: 2, cache_write_mtok: 9 }).differences).toEqual([]);
  });

  test('a tier that only one source has is one, and the same threshold in other words is not', () => {
    const tiered = { ...row, above: [{ tokens: 272_000, in: '4', out: '15' }] };
    const theirs = { input_mtok: { base: 2, tiers: [{ start: 271_999, price: 4 }] } };
    expect(against(theirs, tiered).differences).toEqual([]);
    expect(against({ input_mtok: 2 }, tiered).differences).toEqual([
      { vendor: 'openai', model: 'm', field: 'long input', ours: '4 above 272000', theirs: 'none' },
    ]);
    expect(against(theirs).differences).toHaveLength(1);
  });

  test('a model that the other source does not know is listed, not compared', () => {
    expect(against(undefined)).toEqual({ differences: [], compared: 0, unknown: ['openai/m'] });
  });
});
