import { describe, expect, test } from '@jest/globals';
import { type CatalogueData, type CatalogueRow, catalogue, readCatalogue } from '../../lambdas/catalogue/catalogue.ts';
import { cutCatalogue } from '../../lambdas/catalogue/deployed-config.ts';
import lifecycle from '../../lambdas/catalogue/lifecycle.json' with { type: 'json' };
import { type LifecycleData, type LifecycleFact, withLifecycle } from '../../lambdas/catalogue/lifecycle.ts';
import models from '../../lambdas/catalogue/models.json' with { type: 'json' };
import { isDate } from '../../lambdas/contract/calendar-date.ts';

const facts: LifecycleData = lifecycle;
const data: CatalogueData = models;
const VENDORS = ['openai', 'anthropic', 'gemini', 'azure-openai', 'bedrock'] as const;
const everyFact = VENDORS.flatMap((vendor) =>
  Object.entries(facts.models[vendor]).map(([name, fact]) => ({ vendor, name, fact })),
);

describe('lifecycle.json', () => {
  test.each([
    ['is of a model in the catalogue', ({ vendor, name }) => catalogue.find(vendor, name) !== undefined],
    ['names a source', ({ fact }) => Object.hasOwn(facts.sources, fact.from)],
    [
      'has dates that exist, the announcement before the end',
      ({ fact: { deprecated, retires, notBefore } }) =>
        [deprecated, retires, notBefore].every((date) => date === undefined || isDate(date)) &&
        (deprecated === undefined || retires === undefined || deprecated < retires),
    ],
    [
      'names a successor that the catalogue has, and that has not ended before it',
      ({ vendor, fact: { next, retires } }) =>
        next === undefined || (catalogue.find(vendor, next)?.lifecycle?.retiresOn ?? '9999') > (retires ?? ''),
    ],
    [
      'gives the price source no other date than it has, where both know one',
      ({ vendor, name, fact: { retires, state } }) =>
        retires === undefined || state !== undefined || (data.models[vendor][name]?.ends ?? retires) === retires,
    ],
  ] as [string, (one: (typeof everyFact)[number]) => boolean][])('every entry %s', (_, holds) => {
    expect(everyFact.length).toBeGreaterThan(50);
    expect(everyFact.filter((one) => !holds(one)).map(({ name }) => name)).toEqual([]);
  });

  test('every source is a page of the vendor’s own, with the day it is of', () => {
    for (const { url, read, what } of Object.values(facts.sources)) {
      expect(url).toMatch(
        /^https:\/\/(developers\.openai\.com|platform\.claude\.com|docs\.aws\.amazon\.com|ai\.google\.dev)\//,
      );
      expect(isDate(read)).toBe(true);
      expect(what).not.toBe('');
    }
  });
});

describe('what the catalogue says of a version', () => {
  test.each([
    [
      'openai',
      'gpt-5-mini-2025-08-07',
      {
        deprecatedOn: '2026-06-11',
        retiresOn: '2026-12-11',
        successor: 'gpt-6.1-terra',
        source: 'developers.openai.com/api/docs/deprecations, 2026-11-23',
      },
    ],
    [
      'anthropic',
      'claude-sonnet-5-5',
      {
        stated: 'active',
        notBefore: '2027-09-28',
        source: 'platform.claude.com/docs/en/about-claude/model-deprecations, 2026-10-05',
      },
    ],
    // Only the price source knows of these, and of one nobody says anything.
    ['azure-openai', 'gpt-4.1-2025-04-14', { retiresOn: '2027-04-14', source: 'litellm 1.109.1, 2026-11-23' }],
    ['openai', 'gpt-5.4-2026-03-05', undefined],
  ] as const)('%s %s', (vendor, model, expected) => {
    expect(catalogue.find(vendor, model)?.lifecycle).toEqual(expected);
  });

  test('a promise that the price source took for an end is none', () => {
    const eu = 'eu.anthropic.claude-haiku-4-5-20251001-v1:0';
    expect(data.models.bedrock[eu]?.ends).toBe('2026-10-15');
    expect(catalogue.find('bedrock', eu)?.lifecycle).toMatchObject({ stated: 'active', notBefore: '2026-10-16' });
    expect(catalogue.find('bedrock', eu)?.lifecycle).not.toHaveProperty('retiresOn');
  });
});

const row = (more: Partial<CatalogueRow> = {}): CatalogueRow => ({
  in: '1',
  out: '2',
  can: 's',
  context: 10_000,
  output: 1_000,
  ...more,
});
const dataOf = (bedrock: Record<string, CatalogueRow>): CatalogueData => ({
  asOf: '2026-11-23',
  sources: [],
  models: { openai: {}, anthropic: {}, gemini: {}, 'azure-openai': {}, bedrock },
});
const factsOf = (bedrock: Record<string, LifecycleFact>): LifecycleData => ({
  sources: { page: { url: 'https://vendor.example/life', read: '2026-11-01', what: 'all' } },
  models: { openai: {}, anthropic: {}, gemini: {}, 'azure-openai': {}, bedrock },
});
const lifeOf = (name: string, fact: LifecycleFact, rows: Record<string, CatalogueRow>) =>
  readCatalogue(withLifecycle(dataOf(rows), factsOf({ 'v.m-1': fact }))).find('bedrock', name)?.lifecycle;

describe('Bedrock’s inference profiles', () => {
  const fact = { retires: '2027-01-01', next: 'v.m-2', from: 'page' };

  test('live as long as the model behind them, and are replaced by profiles', () => {
    const known = { retiresOn: '2027-01-01', source: 'vendor.example/life, 2026-11-01' };
    expect(lifeOf('v.m-1', fact, { 'v.m-1': row() })).toEqual({ ...known, successor: 'v.m-2' });
    expect(lifeOf('eu.v.m-1', fact, { 'eu.v.m-1': row() })).toEqual({ ...known, successor: 'eu.v.m-2' });
  });

  test('of a partition of AWS’s own have dates of their own', () => {
    expect(lifeOf('us-gov.v.m-1', fact, { 'us-gov.v.m-1': row() })).toBeUndefined();
  });

  test('a model whose own name begins like a region’s is not taken for one', () => {
    expect(lifeOf('us.m-1', { ...fact }, { 'us.m-1': row() })).toBeUndefined();
  });
});

test.each([
  ['a source that is not listed', { from: 'nowhere' }, /no source "nowhere"/],
  ['a state that does not exist', { state: 'tired', from: 'page' }, /no state "tired"/],
])('%s is refused', (_, fact, message) => {
  expect(() => lifeOf('v.m-1', fact, { 'v.m-1': row() })).toThrow(message);
});

test('whoever tells of an end gets the replacements’ rows too; those who call do not', () => {
  const config = {
    providers: { openai: { kind: 'openai', apiKey: 'env:A' } },
    models: { one: { targets: [{ provider: 'openai', model: 'gpt-5-2025-08-07' }] } },
  } as const;
  const whole = withLifecycle(data, facts);
  const namesOf = (options?: { withSuccessors: boolean }) =>
    Object.keys(cutCatalogue(whole, structuredClone(config) as never, options).models.openai).toSorted();
  expect(namesOf()).toEqual(['gpt-5-2025-08-07']);
  expect(namesOf({ withSuccessors: true })).toEqual(['gpt-5-2025-08-07', 'gpt-6.1-sol']);
});
