import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { epochOf } from '../../lambdas/contract/timing.ts';
import { makeLivePolicy } from '../../lambdas/core/budget/live-policy.ts';
import type { Gateway } from '../../lambdas/core/ports.ts';
import { keepPolicyNumbered, PATIENCE_MS } from '../../lambdas/wiring/keep-policy-numbered.ts';
import { account } from '../port-suites/ledger-requests.ts';
import { makeWorldClock, type WorldClock } from '../port-suites/store-world.ts';
import { type DynamoWorld, withDynamoDb } from './support/dynamo-world.ts';

/** An update while requests come, seen from two environments: the version that goes, and the one that stays. */

const makeWorld = withDynamoDb({ beforeAll, afterAll });
const TEAM = 'team#search#2026-11';
const log = { debug() {}, info() {}, warn() {}, error() {} };

/** An environment of a version, whose budgets are those of the fingerprint. */
const begin = async (
  world: DynamoWorld,
  clock: WorldClock,
  { fingerprint, cap }: { fingerprint: string; cap: bigint },
) => {
  const stores = world.openRaw();
  const gateway = { budgets: {}, policyVersion: await stores.policyVersion(fingerprint) } as unknown as Gateway;
  const budgets = keepPolicyNumbered(fingerprint, stores, { clock, log });
  const policy = makeLivePolicy(gateway, fingerprint, { budgets, clock, log });
  return {
    /** A request: looks at the policy, and holds. @returns the cap that the account then has */
    request: async (amount = 1n): Promise<bigint | null | undefined> => {
      await policy.refresh();
      const { ledger } = stores;
      await ledger.hold({
        accounts: [account(TEAM, cap)],
        capVersion: policy.gateway.policyVersion,
        epoch: epochOf(clock.now()),
        amount,
      });
      return (await ledger.figures([TEAM]))[0]?.cap;
    },
  };
};

const OLD = { fingerprint: 'old caps', cap: 1_000n };
const NEW = { fingerprint: 'new caps', cap: 500n };

const inWorld = async (run: (world: DynamoWorld, clock: WorldClock) => Promise<void>): Promise<void> => {
  const clock = makeWorldClock();
  const world = await makeWorld(clock);
  try {
    await run(world, clock);
  } finally {
    await world.end();
  }
};

test('an environment of the version that goes, begun late, holds up the new caps for no longer than the others’ patience', () =>
  inWorld(async (world, clock) => {
    expect(await (await begin(world, clock, OLD)).request()).toBe(1_000n);
    const stays = await begin(world, clock, NEW);
    expect(await stays.request()).toBe(500n);
    const late = await begin(world, clock, OLD);
    expect(await late.request()).toBe(1_000n);

    // Held to what stands on the account, as every older writer is.
    expect(await stays.request()).toBe(1_000n);
    clock.jump(PATIENCE_MS - 1);
    expect(await stays.request()).toBe(1_000n);
    clock.jump(1);
    expect(await stays.request()).toBe(500n);
    // What still comes to the late one is held to the new caps.
    expect(await late.request()).toBe(500n);
    clock.jump(60_000);
    expect(await stays.request()).toBe(500n);
  }));

test('a rollback is an update like any other: the caps of the version that comes back hold', () =>
  inWorld(async (world, clock) => {
    await (await begin(world, clock, OLD)).request();
    const goes = await begin(world, clock, NEW);
    expect(await goes.request()).toBe(500n);
    const back = await begin(world, clock, OLD);
    expect(await back.request()).toBe(1_000n);
    // Its last requests come within the patience, and change nothing.
    clock.jump(PATIENCE_MS - 1);
    expect(await goes.request()).toBe(1_000n);
    expect(await back.request()).toBe(1_000n);
  }));

test('no number is taken while the policy is one’s own, whatever is set by hand', () =>
  inWorld(async (world, clock) => {
    const stays = await begin(world, clock, NEW);
    await stays.request();
    const { budgets } = world.openRaw();
    const before = (await budgets.readPolicy()).version;
    for (let i = 0; i < 5; i++) {
      clock.jump(PATIENCE_MS);
      await stays.request();
    }
    expect((await budgets.readPolicy()).version).toBe(before);
  }));
