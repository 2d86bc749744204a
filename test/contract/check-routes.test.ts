import { describe, expect, test } from '@jest/globals';
import { checkConfig } from '../../lambdas/contract/check-config.ts';

const target = (provider: string, more: object = {}) => ({ provider, model: 'm', ...more });
const config = (model: object, providers: object = {}) => ({
  providers: {
    a: { kind: 'openai-compatible', baseUrl: 'https://a/v1' },
    b: { kind: 'openai-compatible', baseUrl: 'https://b/v1' },
    ...providers,
  },
  models: { it: { targets: [target('a'), target('b')], ...model } },
});
const problemsOf = (value: unknown): Record<string, string> => {
  const checked = checkConfig(value);
  return checked.ok ? {} : Object.fromEntries(checked.problems.map(({ path, message }) => [path, message]));
};

describe('policies', () => {
  test.each(['ordered', 'weighted', 'cheapest', 'fastest'])('%s may stand', (policy) => {
    expect(problemsOf(config({ policy }))).toEqual({});
  });

  test('another is named, with those that there are', () => {
    expect(problemsOf(config({ policy: 'fastet' }))['models.it.policy']).toContain('"fastest"');
  });

  test('a weight that says nothing is refused, and so are weights of nothing', () => {
    expect(problemsOf(config({ targets: [target('a', { weight: 2 })] }))).toEqual({
      'models.it.targets[0].weight': 'says something only under the policy "weighted"',
    });
    const targets = [target('a', { weight: 0 }), target('b', { weight: 0 })];
    expect(Object.keys(problemsOf(config({ policy: 'weighted', targets })))).toEqual(['models.it.targets']);
    expect(
      problemsOf(config({ targets, routes: [{ when: { tags: { x: '1' } }, policy: 'weighted' }] })),
    ).toHaveProperty(['models.it.targets']);
  });

  test.each([-1, 0.5, '1', 1_000_001])('a weight of %j is none', (weight) => {
    expect(problemsOf(config({ policy: 'weighted', targets: [target('a', { weight })] }))).toHaveProperty([
      'models.it.targets[0].weight',
    ]);
  });

  test('the same target may have another weight in another model', () => {
    const two = config({ policy: 'weighted', targets: [target('a', { weight: 1 }), target('b')] });
    const models = { ...two.models, other: { policy: 'weighted', targets: [target('a', { weight: 3 }), target('b')] } };
    expect(problemsOf({ ...two, models })).toEqual({});
  });
});

describe('rules', () => {
  const rules = (...routes: object[]) => problemsOf(config({ routes }));

  test('by tags, surface and length may stand, and one that always holds at the end', () => {
    expect(
      rules(
        { when: { tags: { data: ['secret', 'private'], env: 'prod' } }, targets: ['b/m'] },
        { when: { surface: ['openai-chat', 'anthropic-messages'], inputTokensBelow: 100 }, policy: 'cheapest' },
        { when: { inputTokensAbove: 0 }, targets: ['b/m', 'a/m'], policy: 'ordered' },
        { when: {}, targets: ['a/m'] },
      ),
    ).toEqual({});
  });

  test('a target that is not the model’s is named, with the nearest that is', () => {
    expect(rules({ when: {}, targets: ['a/n'] })['models.it.routes[0].targets[0]']).toContain('Did you mean "a/m"?');
  });

  test('those behind one that always holds are never come to', () => {
    expect(
      Object.keys(rules({ when: {}, policy: 'cheapest' }, { when: { tags: { x: '1' } }, policy: 'ordered' })),
    ).toEqual(['models.it.routes[1]']);
  });

  test('one that chooses nothing, or can never hold, is refused', () => {
    expect(rules({ when: { tags: { x: '1' } } })).toHaveProperty(['models.it.routes[0]']);
    expect(rules({ when: { inputTokensAbove: 100, inputTokensBelow: 101 }, policy: 'ordered' })).toHaveProperty([
      'models.it.routes[0].when',
    ]);
  });

  test.each([
    [{ when: { tag: {} }, policy: 'ordered' }, 'models.it.routes[0].when.tag'],
    [{ policy: 'ordered' }, 'models.it.routes[0].when'],
    [{ when: { surface: 'chat' }, policy: 'ordered' }, 'models.it.routes[0].when.surface'],
    [{ when: { tags: { 'a b': '1' } }, policy: 'ordered' }, 'models.it.routes[0].when.tags["a b"]'],
    [{ when: {}, targets: [] }, 'models.it.routes[0].targets'],
  ])('%j is a problem where it stands', (rule, path) => {
    expect(Object.keys(rules(rule))).toEqual([path]);
  });
});

describe('regions', () => {
  const provider = (more: object) => ({ r: { kind: 'openai-compatible', baseUrl: 'https://r/v1', ...more } });

  test('several need an address of their own each', () => {
    const ok = provider({ baseUrl: 'https://{region}.r/v1', regions: ['eu-west-1', 'us-east-1'] });
    expect(problemsOf(config({}, ok))).toEqual({});
    expect(problemsOf(config({}, provider({ regions: ['eu-west-1', 'us-east-1'] })))).toHaveProperty([
      'providers.r.baseUrl',
    ]);
    expect(problemsOf(config({}, provider({ baseUrl: 'https://{region}.r/v1' })))).toHaveProperty([
      'providers.r.baseUrl',
    ]);
  });

  test('one only says where the address is', () => {
    expect(problemsOf(config({}, provider({ regions: ['swedencentral'] })))).toEqual({});
  });

  test('allowed where no provider names any, they would leave nobody', () => {
    expect(problemsOf(config({ allowRegions: ['eu'] }))).toHaveProperty(['models.it.allowRegions']);
    const named = { targets: [target('r')], allowRegions: ['eu'] };
    expect(problemsOf(config(named, provider({ regions: ['eu-west-1'] })))).toEqual({});
  });

  test.each([['EU'], ['eu west'], ['']])('%j is no region', (name) => {
    expect(problemsOf(config({}, provider({ regions: [name] })))).toHaveProperty(['providers.r.regions[0]']);
  });
});
