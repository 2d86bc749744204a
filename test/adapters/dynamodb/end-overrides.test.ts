import { describe, expect, test } from '@jest/globals';
import { makeDynamoBudgetStore } from '../../../lambdas/adapters/dynamodb/budget-store.ts';
import { numberPolicy, renumberPolicy } from '../../../lambdas/adapters/dynamodb/policy.ts';
import { endOverrides } from '../../../lambdas/core/budget/end-overrides.ts';
import { setCapByHand } from '../../../lambdas/core/budget/escalate.ts';
import { findEscalations } from '../../../lambdas/core/budget/find-escalations.ts';
import { policyFingerprint } from '../../../lambdas/core/budget/policy-fingerprint.ts';
import { settlementOf } from '../../port-suites/ledger-requests.ts';
import { makeStage, TEAM } from './simulation/stage.ts';

type TeamCaps = NonNullable<Parameters<typeof policyFingerprint>[0]['budgets']>;

const HOUR_MS = 60 * 60_000;
const FILED = 1_000_000_000n;
const RAISED = 2_000_000_000n;
const SPENT = 1_500_000_000n;
const SCOPE = { scope: 'team#search', length: 'monthly' } as const;

/** The team's cap of $1 was raised to $2 for an hour, and it has spent $1.50 by then. */
const makeRaised = async (budgets: TeamCaps = { teams: { search: { monthly: '$1' } } }) => {
  const stage = makeStage();
  const { open, run, admit, project, truth, world } = stage;
  const process = open();
  const store = makeDynamoBudgetStore(process.dynamo);
  const ports = { budgets: store, clock: process.clock };
  await run(numberPolicy(process.dynamo, policyFingerprint({ budgets, models: {} })));
  const until = world.now() + HOUR_MS;
  await run(setCapByHand({ ...SCOPE, cap: RAISED, by: 'ada', until }, TEAM.key, ports));
  const { id } = await admit(process, SPENT, [{ ...TEAM, cap: RAISED }], 2);
  truth.bill(id, SPENT);
  await run(process.ledger.settle(settlementOf(id, SPENT)));
  await project();
  const end = (renumber = (seen: number) => renumberPolicy(process.dynamo, seen)) =>
    run(endOverrides({ ...ports, renumber }));
  const team = async () => (await run(store.readAccounts([TEAM.key])))[0];
  return { ...stage, process, store, ports, until, end, team };
};

describe('a cap by hand that has ended', () => {
  test('is left alone before its end', async () => {
    const { end, team, waitUntil, until } = await makeRaised();
    await waitUntil(until - 1_000);
    expect(await end()).toEqual([]);
    expect((await team())?.cap).toBe(RAISED);
  });

  test('gives way to the file’s without a request, and what that crosses is due', async () => {
    const { end, team, store, run, waitUntil, until } = await makeRaised();
    await waitUntil(until);
    const accounts = await end();
    expect(accounts).toMatchObject([{ key: TEAM.key, cap: FILED, spent: SPENT }]);
    expect(findEscalations(accounts, [])).toMatchObject([{ account: TEAM.key }]);
    // No gateway may bring the old cap back under its number.
    expect((await team())?.capVersion).toBe((await run(store.readPolicy())).version);
  });

  test('is looked at again and again for an hour, and found the same', async () => {
    const { end, world, waitUntil, until, store, run } = await makeRaised();
    await waitUntil(until);
    const first = findEscalations(await end(), []);
    const { version } = await run(store.readPolicy());
    await waitUntil(until + HOUR_MS / 2);
    expect(findEscalations(await end(), [])).toEqual(first);
    expect((await run(store.readPolicy())).version).toBe(version);
    await waitUntil(until + HOUR_MS + 1_000);
    expect(await end()).toEqual([]);
    expect(world.now()).toBeGreaterThan(until);
  });

  test('is put right by the next run where this one died between the number and the stamp', async () => {
    const { end, team, process, waitUntil, until } = await makeRaised();
    await waitUntil(until);
    const dies = async (seen: number) => {
      await renumberPolicy(process.dynamo, seen);
      throw new Error('died');
    };
    await expect(end(dies)).rejects.toThrow('died');
    expect((await team())?.cap).toBe(RAISED);
    await end();
    expect((await team())?.cap).toBe(FILED);
  });

  test('does not undo a cap that somebody sets at the same time', async () => {
    const { end, team, process, ports, waitUntil, until } = await makeRaised();
    await waitUntil(until);
    const newest = { ...SCOPE, cap: 3_000_000_000n, by: 'grace', until: null };
    const setFirst = async (seen: number) => {
      await setCapByHand(newest, TEAM.key, ports);
      return renumberPolicy(process.dynamo, seen);
    };
    expect(await end(setFirst)).toEqual([]);
    expect((await team())?.cap).toBe(newest.cap);
    const setLast = async (seen: number) => {
      const version = await renumberPolicy(process.dynamo, seen);
      await setCapByHand(newest, TEAM.key, ports);
      return version;
    };
    await end(setLast);
    expect((await team())?.cap).toBe(newest.cap);
  });

  test('leaves an account alone that the file does not cap', async () => {
    const { end, team, waitUntil, until } = await makeRaised({});
    await waitUntil(until);
    expect(await end()).toEqual([]);
    expect((await team())?.cap).toBe(RAISED);
  });
});
