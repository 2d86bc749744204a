import { describe, expect, test } from '@jest/globals';
import { catalogue } from '../../lambdas/catalogue/catalogue.ts';
import { checkConfig } from '../../lambdas/contract/check-config.ts';
import { resolveGateway } from '../../lambdas/core/route/resolve-gateway.ts';

const configOf = (a: object, more: object = {}) => ({
  providers: { demo: { kind: 'simulator' } },
  models: {
    a: { targets: [{ provider: 'demo', model: 'echo' }], ...a },
    b: { targets: [{ provider: 'demo', model: 'tokens-5' }] },
  },
  ...more,
});
const problemsOf = (value: unknown): Record<string, string> => {
  const checked = checkConfig(value);
  return checked.ok ? {} : Object.fromEntries(checked.problems.map(({ path, message }) => [path, message]));
};

describe('fallbacks', () => {
  test('name models of this file', () => {
    expect(problemsOf(configOf({ fallbacks: { any: ['b'] } }))).toEqual({});
    expect(problemsOf(configOf({ fallbacks: { any: ['b', 'bb'] } }))).toEqual({
      'models.a.fallbacks.any[1]': 'there is no model "bb". Did you mean "b"?',
    });
  });

  test('are other models, each once', () => {
    expect(problemsOf(configOf({ fallbacks: { contextLength: ['a'] } }))).toEqual({
      'models.a.fallbacks.contextLength[0]': 'is this model itself: a fallback is another one',
    });
    expect(problemsOf(configOf({ fallbacks: { contentFilter: ['b', 'b'] } }))).toEqual({
      'models.a.fallbacks.contentFilter': '"b" is given twice',
    });
  });

  test('may name each other: a chain is what its own model lists', () => {
    const config = configOf({ fallbacks: { any: ['b'] } });
    const both = { ...config, models: { ...config.models, b: { ...config.models.b, fallbacks: { any: ['a'] } } } };
    expect(problemsOf(both)).toEqual({});
  });

  test('are for causes that there are', () => {
    expect(problemsOf(configOf({ fallbacks: { budget: ['b'] } }))['models.a.fallbacks.budget']).toContain(
      'Allowed here: any, contextLength, contentFilter',
    );
  });

  test('come to the alias as they are written', () => {
    const checked = checkConfig(
      configOf({ fallbacks: { any: ['b'] }, timeouts: { connectMs: 900, heartbeatMs: 5_000 } }),
    );
    if (!checked.ok) throw new Error('refused');
    const resolved = resolveGateway(checked.config, catalogue, 1);
    if (!resolved.ok) throw new Error('unresolved');
    const alias = resolved.gateway.aliases.get('a');
    expect(alias?.fallbacks).toEqual({ any: ['b'] });
    expect(alias?.timeouts).toMatchObject({ connectMs: 900, heartbeatMs: 5_000 });
    expect(resolved.gateway.aliases.get('b')?.timeouts.heartbeatMs).toBeUndefined();
  });
});

describe('timeouts', () => {
  test.each(['connectMs', 'heartbeatMs'])('%s is within the whole', (name) => {
    const timeouts = { [name]: 20_000, totalMs: 10_000 };
    expect(problemsOf(configOf({ timeouts }))[`models.a.timeouts.${name}`]).toBe(
      'expected at most totalMs (10000), got 20000',
    );
  });
});

describe('whenStoreIsDown', () => {
  test.each([['local'], ['refuse']])('limits: %s', (limits) => {
    expect(problemsOf(configOf({}, { whenStoreIsDown: { limits } }))).toEqual({});
  });

  test('has no way to call without an entry in the ledger, and says why', () => {
    expect(problemsOf(configOf({}, { whenStoreIsDown: { budgets: 'refuse' } }))).toEqual({});
    expect(problemsOf(configOf({}, { whenStoreIsDown: { budgets: 'allow' } }))['whenStoreIsDown.budgets']).toContain(
      'could be billed and forgotten',
    );
  });
});
