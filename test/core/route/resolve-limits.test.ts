import { describe, expect, test } from '@jest/globals';
import { checkConfig } from '../../../lambdas/contract/check-config.ts';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import { problemText } from '../../../lambdas/contract/config-problem.ts';
import { resolveLimits } from '../../../lambdas/core/route/resolve-limits.ts';

const config = (more: Partial<GatewayConfig> = {}): GatewayConfig => ({
  providers: { demo: { kind: 'simulator' } },
  models: { demo: { targets: [{ provider: 'demo', model: 'echo' }] } },
  ...more,
});
const problemsOf = (value: unknown): string[] => {
  const checked = checkConfig(value);
  return checked.ok ? [] : checked.problems.map(problemText);
};

describe('rate limits from the configuration', () => {
  test('a scope of its own name has its own limit whole', () => {
    const { users, perUser } = resolveLimits(
      config({
        limits: { perUser: { requestsPerMinute: 5, concurrent: 2 }, users: { ada: { requestsPerMinute: 9 } } },
      }),
    );
    expect(perUser).toEqual({ requestsPerMinute: 5, concurrent: 2 });
    expect(users).toEqual(new Map([['ada', { requestsPerMinute: 9 }]]));
  });

  test('tokens a minute of a budget are a limit, with its back-pressure', () => {
    const { perUser, teams } = resolveLimits(
      config({
        budgets: {
          perUser: { daily: '$2', tokensPerMinute: 40_000, backPressure: 'clamp' },
          teams: { search: { monthly: '$5', tokensPerMinute: 7 } },
        },
        limits: { perUser: { concurrent: 3 }, perTeam: { requestsPerMinute: 11 } },
      }),
    );
    expect(perUser).toEqual({ concurrent: 3, tokensPerMinute: 40_000, backPressure: 'clamp' });
    // Only the budget is the team's own: the limit of all teams holds on.
    expect(teams).toEqual(new Map([['search', { requestsPerMinute: 11, tokensPerMinute: 7 }]]));
  });

  test('back-pressure without tokens a minute concerns money alone', () => {
    expect(
      resolveLimits(config({ budgets: { perUser: { daily: '$2', backPressure: 'clamp' } } })).perUser,
    ).toBeUndefined();
  });

  test('a named budget says for itself whether it lowers', () => {
    const { users } = resolveLimits(
      config({
        budgets: {
          perUser: { tokensPerMinute: 100, backPressure: 'clamp' },
          users: { ada: { daily: '$2' }, bob: { daily: '$2', backPressure: 'refuse' } },
        },
      }),
    );
    expect(users.get('ada')).toEqual({ tokensPerMinute: 100, backPressure: 'clamp' });
    expect(users.get('bob')).toEqual({ tokensPerMinute: 100 });
  });

  test('names that objects have by themselves are names like others', () => {
    const { teams } = resolveLimits(config({ budgets: { teams: { constructor: { tokensPerMinute: 5 } } } }));
    expect(teams).toEqual(new Map([['constructor', { tokensPerMinute: 5 }]]));
  });
});

describe('checking limits', () => {
  const target = { provider: 'demo', model: 'echo' };

  test.each([
    [{ limits: { perAlias: { requestsPerMinute: 5 }, aliases: { demo: { concurrent: 1 } }, teams: { a: {} } } }],
    [{ budgets: { org: { daily: 1, backPressure: 'refuse' }, users: { ada: { tokensPerMinute: 5 } } } }],
    [{ models: { demo: { targets: [{ ...target, limits: { concurrent: 5 } }], output: { default: 50, floor: 50 } } } }],
  ])('%j is right', (more) => expect(problemsOf({ ...config(), ...more })).toEqual([]));

  test.each([
    [{ limits: { aliases: { dem: {} } } }, 'limits.aliases.dem: there is no model "dem". Did you mean "demo"?'],
    [
      { budgets: { users: { ada: { tokensPerMinute: 5 } } }, limits: { users: { ada: { tokensPerMinute: 6 } } } },
      'budgets.users.ada.tokensPerMinute: is also given as limits.users.ada.tokensPerMinute; keep one of the two',
    ],
    [
      { budgets: { org: { tokensPerMinute: 5 } }, limits: { org: { tokensPerMinute: 6 } } },
      'budgets.org.tokensPerMinute: is also given as limits.org.tokensPerMinute; keep one of the two',
    ],
    [
      { budgets: { perUser: { daily: 1, backPressure: 'clmp' } } },
      'budgets.perUser.backPressure: expected one of "refuse", "clamp", got "clmp". Did you mean "clamp"?',
    ],
    [
      { models: { demo: { targets: [target], output: { default: 50, floor: 51 } } } },
      'models.demo.output.floor: expected at most default (50), got 51',
    ],
    [
      { models: { demo: { targets: [{ ...target, limits: { requestPerMinute: 1 } }] } } },
      'models.demo.targets[0].limits.requestPerMinute: unknown field. Did you mean "requestsPerMinute"? Allowed here: requestsPerMinute, tokensPerMinute, concurrent.',
    ],
    [
      {
        models: {
          demo: { targets: [{ ...target, limits: { concurrent: 5 } }] },
          other: { targets: [{ ...target, limits: { concurrent: 6 } }] },
        },
      },
      'models.other.targets[0]: has another price, size, quota or set of capabilities than the same target at models.demo.targets[0]; give both the same',
    ],
    [
      {
        models: { demo: { targets: [{ ...target, limits: { concurrent: 5 } }] }, other: { targets: [target] } },
      },
      'models.other.targets[0]: has another price, size, quota or set of capabilities than the same target at models.demo.targets[0]; give both the same',
    ],
  ])('%j is told as %s', (more, problem) => expect(problemsOf({ ...config(), ...more })).toEqual([problem]));

  test('one quota written in another order is the same quota', () => {
    const one = { ...target, limits: { concurrent: 5, requestsPerMinute: 6 } };
    const other = { ...target, limits: { requestsPerMinute: 6, concurrent: 5 } };
    expect(problemsOf({ ...config(), models: { demo: { targets: [one] }, other: { targets: [other] } } })).toEqual([]);
  });
});
