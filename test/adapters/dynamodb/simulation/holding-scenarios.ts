import { EPOCH_MS, epochEnd, epochOf } from '../../../../lambdas/contract/timing.ts';
import type { HoldRequest } from '../../../../lambdas/core/ledger.ts';
import { entryOf, settlementOf } from '../../../port-suites/ledger-requests.ts';
import { type BrokenOrder, FIRST_CAPS, runRequest } from './client.ts';
import { HOLD, makeStage, PUT_ENTRY, RAISE, SET_CAP, TEAM, USER, Violation } from './stage.ts';
import { CALM, drawTrouble } from './trouble.ts';

const MINUTE_MS = 60_000;

/** Two requests that both fit alone meet on one account. */
export const holdTwiceAtOnce = async (): Promise<void> => {
  const { open, run, holdOf, rest } = makeStage();
  const tight = [{ ...TEAM, cap: 150n }];
  await run(Promise.all([open(), open()].map(({ ledger }) => ledger.hold(holdOf(100n, tight)))));
  await rest();
};

/** The entry's answer never comes, nor does any answer to refusing it; the put itself arrives. */
export const openUnheard = async (order?: BrokenOrder): Promise<void> => {
  const { world, truth, open, run, rest } = makeStage();
  // With room for one such request, not for two.
  const caps = new Map([...FIRST_CAPS].map(([name]) => [name, 199n]));
  const client = open({
    cues: [
      { of: PUT_ENTRY, times: 5, isUnheard: true },
      {
        of: ({ ExpressionAttributeValues }) => ExpressionAttributeValues?.[':refused'] !== undefined,
        times: 10,
        isLost: true,
      },
    ],
  });
  await run(request({ world, truth, client, order, caps }));
  await rest();
};

/** Everything is asked at once where the last account has no room, and the process dies as its entry arrives. */
export const dieAsTheEntryArrives = async (order?: BrokenOrder): Promise<void> => {
  const { world, truth, open, rest } = makeStage();
  const caps = new Map([...FIRST_CAPS].map(([name, cap]) => [name, name.startsWith('user') ? 1n : cap]));
  const client = open({ cues: [{ of: PUT_ENTRY, before: () => client.kill() }] });
  request({ world, truth, client, order, caps }).catch(world.fail);
  await world.runUntil(world.now() + MINUTE_MS);
  await rest();
};

/** The entry never arrives. */
export const openInVain = async (order?: BrokenOrder): Promise<void> => {
  const { world, truth, open, run, rest } = makeStage();
  const client = open({ cues: [{ of: PUT_ENTRY, times: 5, isLost: true }] });
  const isTold = / was refused: there can be nothing to settle/;
  await run(
    request({ world, truth, client, order, caps: FIRST_CAPS }).catch((error: Error) => {
      if (!isTold.test(error.message)) throw error;
    }),
  );
  await rest();
};

const request = (of: {
  world: ReturnType<typeof makeStage>['world'];
  truth: ReturnType<typeof makeStage>['truth'];
  client: ReturnType<ReturnType<typeof makeStage>['open']>;
  order: BrokenOrder | undefined;
  caps: ReadonlyMap<string, bigint>;
}): Promise<void> => {
  let number = 0;
  return runRequest({
    ...of,
    trouble: { ...drawTrouble(of.world.random), ...CALM },
    process: of.client,
    ledger: of.client.ledger,
    policy: { version: 1, caps: of.caps },
    counts: { admitted: 0, refused: 0, raised: 0, settled: 0, unheard: 0 },
    broken: of.order,
    nextNumber: () => ++number,
  });
};

/** An entry is refused before it has arrived; then it does. */
export const openAfterRefusing = async (): Promise<void> => {
  const { truth, open, run, holdOf, nextId, rest } = makeStage();
  const { ledger } = open();
  const hold = holdOf(100n);
  const id = nextId(hold.epoch);
  await run(ledger.hold(hold));
  await run(ledger.refuse(id, hold.epoch));
  await run(ledger.giveBack(hold));
  // Sent before the refusal; it took longer.
  if (await run(open().ledger.open(entryOf(id, hold)))) truth.call(id, [TEAM.key], 100n);
  await rest();
};

/** The top-up has no room on one of its accounts, and the process dies of it. */
export const topUpWithoutRoom = async (): Promise<void> => {
  const { open, run, admit, rest } = makeStage();
  const client = open();
  const { id, hold } = await admit(client, 100n, [TEAM, { ...USER, cap: 120n }]);
  await run(client.ledger.topUp(id, { ...hold, amount: 50n }, { from: 100n, to: 150n }));
  await rest();
};

/** A call is topped up, and its process dies in the dearer call. */
export const topUpAndDie = async (): Promise<void> => {
  const { truth, open, run, admit, rest } = makeStage();
  const client = open();
  const { id, hold } = await admit(client, 100n);
  const outcome = await run(client.ledger.topUp(id, { ...hold, amount: 50n }, { from: 100n, to: 150n }));
  if (outcome.kind === 'held') truth.raise(id, 50n);
  await rest();
};

/** The entry ends between the holds of its top-up and the raise. */
export const topUpAtTheClose = async (): Promise<void> => {
  const stage = makeStage();
  const { truth, open, run, admit, rest } = stage;
  const { id, hold } = await admit(open(), 100n);
  const slow = open({ cues: [{ of: RAISE, before: () => open().ledger.settle(settlementOf(id, 30n)) }] });
  const outcome = await run(slow.ledger.topUp(id, { ...hold, amount: 50n }, { from: 100n, to: 150n }));
  if (outcome.kind === 'held') throw new Violation('a call that has ended was raised, to be made again');
  truth.bill(id, 30n);
  truth.settled(id);
  await rest();
};

/** One request after another while another call holds as much: what is given back must be one's own. */
export const giveBackBesideACall = async (): Promise<void> => {
  const { open, run, admit, holdOf, rest } = makeStage();
  await admit(open(), 100n);
  const { ledger } = open({
    cues: [{ of: ({ UpdateExpression }) => UpdateExpression?.includes(':back') === true, isUnheard: true }],
  });
  const hold = holdOf(100n);
  await run(ledger.hold(hold));
  await run(ledger.giveBack(hold));
  await rest();
};

/** An account hears nothing of a request twice, while a call holds as much on it. */
export const holdInVain = async (): Promise<void> => {
  const { world, truth, open, run, admit, holdOf, rest } = makeStage();
  await admit(open(), 100n, [TEAM, USER]);
  const { ledger } = open({
    cues: [{ of: (asked) => HOLD(asked) && asked.Key?.['pk']?.S === TEAM.key, times: 2, isLost: true }],
  });
  const hold = holdOf(100n, [TEAM, USER]);
  const outcome = await run(ledger.hold(hold).catch(() => undefined));
  if (outcome?.kind === 'held') truth.call(`req_${world.now()}`, [TEAM.key, USER.key], 100n);
  await rest();
};

/** A hold is made and not heard of; another follows, and a call. */
export const holdUnheard = async (): Promise<void> => {
  const { open, admit, rest } = makeStage();
  await admit(open({ cues: [{ of: HOLD, isUnheard: true }] }), 100n);
  await rest();
};

/** A process stands still between its hold and its entry until the epoch is closed. */
export const sleepBeforeTheEntry = async (): Promise<void> => {
  const { truth, open, run, admit, holdOf, nextId, closeThrough, rest } = makeStage();
  const sleeper = open();
  await admit(open(), 10n);
  const hold = holdOf(100n);
  const id = nextId(hold.epoch);
  await run(sleeper.ledger.hold(hold));
  await closeThrough(hold.epoch);
  if (await run(sleeper.ledger.open(entryOf(id, hold)))) truth.call(id, [TEAM.key], 100n);
  await rest();
};

/** A process stands still until its epoch is closed, and gives back then. */
export const giveBackLate = async (): Promise<void> => {
  const { open, run, admit, holdOf, closeThrough, rest } = makeStage();
  const sleeper = open();
  await admit(open(), 10n);
  const hold = holdOf(100n);
  await run(sleeper.ledger.hold(hold));
  await closeThrough(hold.epoch);
  await run(sleeper.ledger.giveBack(hold));
  await rest();
};

/** A process that believes it to be an hour ago asks first for a hold. */
export const holdByAnOldClock = async (): Promise<void> => {
  const { world, open, run, admit, holdOf, closeThrough, rest } = makeStage();
  const { hold } = await admit(open(), 10n);
  await closeThrough(hold.epoch);
  const late = open({ skewMs: hold.epoch * EPOCH_MS - world.now() });
  await run(late.ledger.hold({ ...holdOf(100n), epoch: hold.epoch }));
  await rest();
};

/**
 * A process whose clock is far ahead makes a call, and the batch of its settlement comes again when marks of this time are
 * forgotten.
 */
export const callByAFastClock = async (): Promise<void> => {
  const stage = makeStage();
  const { world, truth, open, run, admit, holdOf, nextId, rest } = stage;
  const aheadMs = 8 * EPOCH_MS;
  const fast = open({ skewMs: aheadMs });
  let hold: HoldRequest = { ...holdOf(100n), epoch: epochOf(world.now() + aheadMs) };
  const outcome = await run(fast.ledger.hold(hold));
  if (outcome.kind === 'wrong-epoch') {
    hold = { ...hold, epoch: epochOf(outcome.storeNow) };
    await run(fast.ledger.hold(hold));
  }
  const id = nextId(hold.epoch);
  if (!(await run(fast.ledger.open(entryOf(id, hold))))) throw new Error('the clock was not put right');
  truth.call(id, [TEAM.key], 100n);
  // Others' calls of then, so that only one of them is found twice.
  truth.bill(id, 100n);
  await run(fast.ledger.settle(settlementOf(id, 100n)));
  truth.settled(id);
  const batch = await stage.project();
  for (let i = 0; i < 3; i++) {
    await stage.waitUntil(epochEnd(epochOf(world.now())) + 1_000);
    const { id: next } = await admit(open(), 10n);
    truth.bill(next, 10n);
    await run(open().ledger.settle(settlementOf(next, 10n)));
    truth.settled(next);
  }
  await stage.closeThrough(epochOf(world.now()));
  await stage.deliver(batch);
  await rest();
};

/** Between a refusal under a new policy and the stamp that follows it, a newer policy comes. */
export const capChangesTwice = async (): Promise<void> => {
  const { open, run, admit, holdOf, rest } = makeStage();
  await admit(open(), 100n);
  const newest: HoldRequest = { ...holdOf(10n, [{ ...TEAM, cap: 9_000n }]), capVersion: 3 };
  const slow = open({ cues: [{ of: SET_CAP, before: () => open().ledger.hold(newest) }] });
  await run(slow.ledger.hold({ ...holdOf(50n, [{ ...TEAM, cap: 120n }]), capVersion: 2 }));
  await rest();
};

/** A process that knows only the old policy asks after one that knows the new. */
export const holdByAnOldPolicy = async (): Promise<void> => {
  const { open, run, holdOf, rest } = makeStage();
  await run(open().ledger.hold({ ...holdOf(100n, [{ ...TEAM, cap: 150n }]), capVersion: 2 }));
  await run(open().ledger.hold(holdOf(100n)));
  await rest();
};
