import { describe, expect, test } from '@jest/globals';
import { checkConfig } from '../../lambdas/contract/check-config.ts';

const targets = [{ provider: 'demo', model: 'echo' }];
const problemsOf = (more: object, models: Record<string, object> = { demo: {} }): Record<string, string> => {
  const checked = checkConfig({
    providers: { demo: { kind: 'simulator' } },
    models: Object.fromEntries(Object.entries(models).map(([name, model]) => [name, { targets, ...model }])),
    ...more,
  });
  return checked.ok ? {} : Object.fromEntries(checked.problems.map(({ path, message }) => [path, message]));
};
const budget = (org: object) => problemsOf({ budgets: { org: { monthly: '$1', ...org } } });

describe('thresholds', () => {
  test.each([
    [{ warnAt: 0.5, downgradeAt: 0.6 }],
    [{ downgradeAt: 0.81 }],
    [{ downgradeAt: 1, withoutStandIn: 'reject' }],
  ])('%j are in order', (org) => expect(budget(org)).toEqual({}));

  test('downgradeAt has to lie above warnAt, wherever that comes from', () => {
    expect(budget({ warnAt: 0.9, downgradeAt: 0.9 })).toEqual({
      'budgets.org.downgradeAt': 'expected more than warnAt (0.9), got 0.9',
    });
    expect(budget({ downgradeAt: 0.8 })).toEqual({
      'budgets.org.downgradeAt': 'expected more than warnAt, which is 0.8 where it is not given, got 0.8',
    });
  });

  test('those of every kind of budget are looked at', () => {
    const wrong = { daily: 1, warnAt: 0.9, downgradeAt: 0.85 };
    const problems = problemsOf({
      budgets: {
        teams: { a: wrong },
        users: { b: wrong },
        tags: { 'c=d': wrong },
        runs: { t: { r: wrong } },
        perTeam: wrong,
        perTag: { e: wrong },
        perRun: wrong,
      },
    });
    expect(Object.keys(problems).sort()).toEqual([
      'budgets.perRun.downgradeAt',
      'budgets.perTag.e.downgradeAt',
      'budgets.perTeam.downgradeAt',
      'budgets.runs.t.r.downgradeAt',
      'budgets.tags["c=d"].downgradeAt',
      'budgets.teams.a.downgradeAt',
      'budgets.users.b.downgradeAt',
    ]);
  });

  test('withoutStandIn says nothing without downgradeAt', () => {
    expect(budget({ withoutStandIn: 'reject' })).toEqual({
      'budgets.org.withoutStandIn': 'says something only beside downgradeAt',
    });
  });

  test.each([[0], [1.1], ['0.9'], [Number.NaN]])('%p is no share', (downgradeAt) => {
    expect(budget({ downgradeAt })['budgets.org.downgradeAt']).toContain('expected a share of the cap');
  });
});

describe('downgradeTo', () => {
  test('may lead on from model to model', () => {
    expect(problemsOf({}, { a: { downgradeTo: 'b' }, b: { downgradeTo: 'c' }, c: {} })).toEqual({});
  });

  test('leads to a model of this file', () => {
    expect(problemsOf({}, { big: { downgradeTo: 'smal' }, small: {} })).toEqual({
      'models.big.downgradeTo': 'there is no model "smal". Did you mean "small"?',
    });
  });

  test('does not lead to itself or round in a circle', () => {
    expect(problemsOf({}, { a: { downgradeTo: 'a' } })).toEqual({
      'models.a.downgradeTo': 'goes round in a circle: a → a',
    });
    expect(problemsOf({}, { a: { downgradeTo: 'b' }, b: { downgradeTo: 'a' } })).toEqual({
      'models.a.downgradeTo': 'goes round in a circle: a → b → a',
      'models.b.downgradeTo': 'goes round in a circle: b → a → b',
    });
  });

  test('a chain has an end that people can still see', () => {
    const models = Object.fromEntries(
      Array.from({ length: 7 }, (_, i) => [`m${i}`, i < 6 ? { downgradeTo: `m${i + 1}` } : {}]),
    );
    expect(problemsOf({}, models)['models.m0.downgradeTo']).toContain('at most 4 stand-ins');
  });
});

describe('alerts', () => {
  test('takes addresses', () => expect(problemsOf({ alerts: { email: ['finops@example.com'] } })).toEqual({}));
  test.each([['finops'], ['a@b'], ['a b@c.d'], ['<a@b.c>'], ['a@b.c\n']])('%j is none', (address) => {
    expect(problemsOf({ alerts: { email: [address] } })['alerts.email[0]']).toContain('an e-mail address');
  });
});
