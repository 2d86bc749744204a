import { describe, expect, test } from '@jest/globals';
import type { Price } from '../../../lambdas/contract/price.ts';
import type { Charge, CostBearing } from '../../../lambdas/core/conversation.ts';
import { whyUnpriced } from '../../../lambdas/core/route/cost-bearing.ts';
import type { Bounds } from '../../../lambdas/core/target.ts';
import { makeConversation, makeCost } from '../settle/priced-scenes.ts';

const plain: Price = {
  input: 10n,
  cachedInput: 1n,
  cacheWrite5m: 10n,
  cacheWrite1h: 10n,
  output: 20n,
  tiers: [],
  source: 'test',
};
const card = { ...plain, tiers: [] };
const fees = { webSearch: { low: 1n, medium: 1n, high: 1n } };
const bounds = (more: Partial<Bounds> = {}): Bounds => ({ fields: new Map(), ...more });

const why = (charge: Charge, price: Price = plain, given?: Bounds, more: Partial<CostBearing> = {}) =>
  whyUnpriced(
    { price, dialect: 'openai-chat', ...(given && { bounds: given }) },
    makeConversation({ costBearing: [makeCost('openai-chat', charge, { field: 'a_field', bound: 'b', ...more })] }),
  );

const search: Charge = { kind: 'tool', tool: 'web-search', size: 'low', uses: 2 };

describe('whyUnpriced', () => {
  test.each<[string, Charge, Price]>([
    ['a tier', { kind: 'service', service: 'priority' }, { ...plain, services: { priority: card } }],
    ['whatever tier the project has', { kind: 'service', service: 'auto' }, plain],
    ['a place', { kind: 'geo', geo: 'us' }, { ...plain, geos: { us: 1_100 } }],
    ['any place', { kind: 'geo', geo: '' }, plain],
    ['searches', search, { ...plain, fees }],
    ['fetches, which have no fee', { kind: 'tool', tool: 'web-fetch', size: 'low', uses: 1 }, plain],
    ['spoken answers', { kind: 'audio' }, { ...plain, audioOutput: 1n }],
    ['a prediction', { kind: 'prediction', text: '' }, plain],
    ['a longer cache life where writing is free', { kind: 'long-cache' }, plain],
    ['one with a rate', { kind: 'long-cache' }, { ...plain, cacheWrite5m: 12n, cacheWrite1h: 20n }],
  ])('%s is served where the price has it', (_, charge, price) => {
    expect(why(charge, price)).toBeUndefined();
  });

  test.each<[Charge, Price, RegExp]>([
    [{ kind: 'service', service: 'flex' }, plain, /"flex" has no price.*serviceTiers: \{ flex/],
    [{ kind: 'geo', geo: 'us' }, plain, /"us" has no price.*inferenceGeo/],
    [{ kind: 'geo', geo: 'constructor' }, { ...plain, geos: {} }, /no price/],
    [search, plain, /a search has no price.*webSearchPerCall/],
    [
      { ...search, uses: undefined } as unknown as Charge,
      { ...plain, fees },
      /nothing bounds its uses.*max_uses.*webSearches/,
    ],
    [{ kind: 'tool', tool: 'web-fetch', size: 'low' }, plain, /webFetches/],
    [{ kind: 'audio' }, plain, /audioOutputPerMTok/],
    [{ kind: 'long-cache' }, { ...plain, cacheWrite5m: 12n, cacheWrite1h: 12n }, /cacheWrite1hPerMTok/],
    [{ kind: 'unpriced' }, plain, /nothing says how much.*bounds: \{ fields: \{ "b"/],
  ])('%j without a price names the field and what to configure', (charge, price, message) => {
    expect(why(charge, price)).toMatch(/^"a_field" can cost more than the tokens of the answer, and /);
    expect(why(charge, price)).toMatch(message);
    expect(why(charge, price, bounds({ fields: new Map([['b', 1n]]) }))).toBeUndefined();
  });

  test('an alias’s bound stands in for the number that a request leaves out, and is the most that one may name', () => {
    const given = bounds({ webSearches: 2 });
    const priced = { ...plain, fees };
    expect(why({ kind: 'tool', tool: 'web-search', size: 'low' }, priced, given)).toBeUndefined();
    expect(why(search, priced, given)).toBeUndefined();
    expect(why({ ...search, uses: 3 }, priced, given)).toBe(
      '"a_field" asks for 3 uses, above the bound of 2 (bounds.webSearches)',
    );
  });

  test('what only another dialect can say is passed over, or done without where that changes no answer', () => {
    const other = { dialect: 'anthropic-messages' } as const;
    expect(why({ kind: 'unpriced' }, plain, undefined, other)).toBe('"a_field" can\'t be expressed in openai-chat');
    expect(why({ kind: 'unpriced' }, plain, undefined, { ...other, isDispensable: true })).toBeUndefined();
  });
});
