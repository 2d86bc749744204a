import { EPOCH_MS, epochEnd, epochOf } from '../../../../lambdas/contract/timing.ts';
import type { HoldRequest } from '../../../../lambdas/core/ledger.ts';
import { entryOf, settlementOf } from '../../../port-suites/ledger-requests.ts';
import type { Actor, Cue, Stage } from './stage.ts';
import { CLOSE, CORRECT, closeOf, HOLD, LOSE, makeStage, SAY_CLOSED, TEAM, USER } from './stage.ts';

const MINUTE_MS = 60_000;

const settle = async ({ truth, run }: Stage, by: Actor, id: string, cost: bigint): Promise<void> => {
  truth.bill(id, cost);
  await run(by.ledger.settle(settlementOf(id, cost)));
  truth.settled(id);
};

/** A call is raised between the closer's reading its entry and losing it: it is charged what it holds by then. */
export const raiseBeforeLosing = async (): Promise<void> => {
  const { truth, open, admit, closeThrough, rest } = makeStage();
  const client = open();
  const { id, hold } = await admit(client, 100n);
  const raise = async () => {
    await client.ledger.topUp(id, { ...hold, amount: 50n }, { from: 100n, to: 150n });
    truth.raise(id, 50n);
  };
  await closeThrough(hold.epoch, open({ cues: [{ of: LOSE, before: raise }] }));
  await rest();
};

/** A call is settled between the closer's reading its entry and losing it. */
export const settleBeforeLosing = async (): Promise<void> => {
  const { truth, open, admit, closeThrough, rest } = makeStage();
  const { id, hold } = await admit(open(), 100n);
  const settleNow = async () => {
    truth.bill(id, 30n);
    await open().ledger.settle(settlementOf(id, 30n));
    truth.settled(id);
  };
  await closeThrough(hold.epoch, open({ cues: [{ of: LOSE, before: settleNow }] }));
  await rest();
};

/** A call outlives its close. */
export const settleAfterTheClose = async (): Promise<void> => {
  const stage = makeStage();
  const { open, admit, closeThrough, rest } = stage;
  const client = open();
  const { id, hold } = await admit(client, 100n);
  await closeThrough(hold.epoch);
  await settle(stage, client, id, 30n);
  await rest();
};

/** The same, and a queue that has not heard settles it again an hour later. */
export const settleTwiceAfterTheClose = async (): Promise<void> => {
  const stage = makeStage();
  const { world, truth, open, run, admit, closeThrough, waitUntil, rest } = stage;
  const deaf = open({ cues: [{ of: CORRECT, times: 5, isUnheard: true }] });
  const { id, hold } = await admit(deaf, 100n);
  await closeThrough(hold.epoch);
  truth.bill(id, 30n);
  await run(deaf.ledger.settle(settlementOf(id, 30n)).catch(() => {}));
  await waitUntil(world.now() + 60 * MINUTE_MS);
  await settle(stage, open(), id, 30n);
  await rest();
};

/** The settler sleeps between two sends of a correction until the epoch that it names is closed. */
export const correctIntoAClosedEpoch = async (): Promise<void> => {
  const stage = makeStage();
  const { world, truth, open, run, admit, closeThrough, rest } = stage;
  const sleeper = open({ cues: [{ of: CORRECT, isLost: true, before: () => sleeper.freeze(60 * MINUTE_MS) }] });
  const { id, hold } = await admit(sleeper, 100n);
  await closeThrough(hold.epoch);
  // So that the account is closed in that epoch too, and takes nothing more of it.
  await admit(open(), 10n);
  const named = epochOf(world.now());
  truth.bill(id, 30n);
  const settling = sleeper.ledger.settle(settlementOf(id, 30n));
  await closeThrough(named);
  await run(settling);
  truth.settled(id);
  await rest();
};

/** A late batch brings a correction of the epoch between the closer's look at the account and its writing. */
export const projectBeforeClosing = async (): Promise<void> => {
  const stage = makeStage();
  const { open, admit, closeThrough, project, rest } = stage;
  const client = open();
  const { id, hold } = await admit(client, 100n);
  await closeThrough(hold.epoch);
  await project();
  // Its correction is of an epoch in which the account has nothing.
  await settle(stage, client, id, 30n);
  const named = epochOf(stage.world.now());
  const projector = open();
  const cue: Cue = { of: CLOSE, before: () => stage.take(projector) };
  await closeThrough(named, open({ cues: [cue] }));
  await rest();
};

/** A hold is given back between the closer's look at the account and its writing. */
export const giveBackBeforeClosing = async (): Promise<void> => {
  const { open, run, admit, holdOf, closeThrough, rest } = makeStage();
  await admit(open(), 10n);
  const sleeper = open();
  const hold = holdOf(100n);
  await run(sleeper.ledger.hold(hold));
  await closeThrough(hold.epoch, open({ cues: [{ of: CLOSE, before: () => sleeper.ledger.giveBack(hold) }] }));
  await rest();
};

/** A process that believes it to be that epoch, and never learns better. */
const holdAndDie = async ({ world, open }: Stage, hold: HoldRequest): Promise<void> => {
  const process = open({
    skewMs: hold.epoch * EPOCH_MS - world.now(),
    cues: [{ of: HOLD, before: () => process.kill() }],
  });
  process.ledger.hold(hold).catch(world.fail);
  await open().clock.sleep(100);
};

/** A hold of an earlier epoch comes, by a wrong clock, between the closer's look at the account and its writing. */
export const holdBeforeClosing = async (): Promise<void> => {
  const stage = makeStage();
  const { open, admit, holdOf, closeThrough, world, rest } = stage;
  const earlier = epochOf(world.now()) - 1;
  const { hold } = await admit(open(), 10n);
  const late: HoldRequest = { ...holdOf(100n), epoch: earlier };
  await closeThrough(hold.epoch, open({ cues: [{ of: CLOSE, before: () => holdAndDie(stage, late) }] }));
  await rest();
};

/** The same of the epoch that is being closed, which the account knows only by a correction. */
export const holdBeforeFirstClosing = async (): Promise<void> => {
  const stage = makeStage();
  const { open, admit, holdOf, closeThrough, world, rest } = stage;
  const client = open();
  const { id, hold } = await admit(client, 100n);
  await closeThrough(hold.epoch);
  await settle(stage, client, id, 30n);
  const named = epochOf(world.now());
  const late: HoldRequest = { ...holdOf(100n), epoch: named };
  await closeThrough(named, open({ cues: [{ of: CLOSE, before: () => holdAndDie(stage, late) }] }));
  await rest();
};

/** The closer comes between a hold and its entry, right after the epoch's end. */
export const closeRightAfterTheEnd = async (): Promise<void> => {
  const { truth, open, run, admit, holdOf, nextId, waitUntil, rest } = makeStage();
  const client = open();
  await admit(client, 10n);
  const hold = holdOf(100n);
  const id = nextId(hold.epoch);
  await waitUntil(epochEnd(hold.epoch) - 2_000);
  await run(client.ledger.hold(hold));
  await waitUntil(epochEnd(hold.epoch) + 10_000);
  await run(open().ledger.closeDueEpochs());
  if (await run(client.ledger.open(entryOf(id, hold)))) truth.call(id, [TEAM.key], 100n);
  await rest();
};

/** The closer dies with one of two accounts closed; a process with an old clock meets that one, and then the other. */
export const dieBetweenTwoAccounts = async (): Promise<void> => {
  const { world, open, run, admit, holdOf, closeThrough, waitUntil, rest } = makeStage();
  const { hold } = await admit(open(), 100n, [TEAM, USER]);
  const closer = open({ cues: [{ of: closeOf(USER.key), isLost: true, before: () => closer.kill() }] });
  await waitUntil(epochEnd(hold.epoch) + 18 * MINUTE_MS);
  closer.ledger.closeDueEpochs().catch(world.fail);
  await waitUntil(world.now() + MINUTE_MS);
  const late = open({ skewMs: hold.epoch * EPOCH_MS - world.now() });
  await run(late.ledger.hold({ ...holdOf(10n), epoch: hold.epoch }));
  await run(late.ledger.hold(holdOf(10n, [USER])));
  await closeThrough(hold.epoch);
  await rest();
};

/** A process dies after its hold; nobody of its account comes in that epoch, and somebody comes later. */
export const meetALeak = async (): Promise<void> => {
  const { open, run, holdOf, closeThrough, rest } = makeStage();
  const hold = holdOf(100n);
  await run(open().ledger.hold(hold));
  await closeThrough(hold.epoch);
  await rest();
};

/** A process hears of its hold so late that the closer has been there. */
export const hearAfterTheClose = async (): Promise<void> => {
  const stage = makeStage();
  const { open, run, admit, holdOf, closeThrough, project, rest } = stage;
  const client = open();
  const { id } = await admit(client, 100n);
  await settle(stage, client, id, 30n);
  await project();
  const sleeper = open({ cues: [{ of: HOLD, before: () => sleeper.freeze(45 * MINUTE_MS) }] });
  const hold = holdOf(100n);
  const holding = sleeper.ledger.hold(hold);
  await closeThrough(hold.epoch);
  await run(holding);
  await rest();
};

/** A request is refused, in an epoch with another entry, only when that epoch has been sealed. */
export const refuseAfterTheClose = async (): Promise<void> => {
  const { open, run, admit, holdOf, nextId, closeThrough, rest } = makeStage();
  const sleeper = open();
  await admit(open(), 10n);
  const hold = holdOf(100n);
  await run(sleeper.ledger.hold(hold));
  await closeThrough(hold.epoch);
  await run(sleeper.ledger.refuse(nextId(hold.epoch), hold.epoch));
  await rest();
};

/** The record of a settlement comes when its epoch is closed. */
export const projectAfterClosing = async (): Promise<void> => {
  const stage = makeStage();
  const { open, admit, closeThrough, rest } = stage;
  const client = open();
  const { id, hold } = await admit(client, 100n);
  await settle(stage, client, id, 30n);
  await closeThrough(hold.epoch);
  await rest();
};

/** A batch comes twice. */
export const projectTwice = async (): Promise<void> => {
  const stage = makeStage();
  const { open, admit, project, deliver, rest } = stage;
  const client = open();
  const { id } = await admit(client, 100n);
  await settle(stage, client, id, 30n);
  await deliver(await project());
  await rest();
};

/**
 * A batch with records of an old epoch and of a new one comes again when the marks of the old one are forgotten, and not yet
 * those of the time at which it was taken in.
 */
export const projectOldAndNewTwice = async (): Promise<void> => {
  const stage = makeStage();
  const { world, open, admit, closeThrough, project, deliver, waitUntil, rest } = stage;
  const client = open();
  const old = await admit(client, 100n);
  await waitUntil(epochEnd(old.hold.epoch + 1) + 1_000);
  const between = await admit(client, 10n);
  await waitUntil(epochEnd(old.hold.epoch + 2) + 1_000);
  const recent = await admit(client, 100n);
  await settle(stage, client, old.id, 30n);
  await settle(stage, client, recent.id, 30n);
  const batch = await project();
  await closeThrough(between.hold.epoch);
  if (epochOf(world.now()) <= recent.hold.epoch) throw new Error('it is too early');
  await deliver(batch);
  await rest();
};

/** A closer stands still before it says how far it has come; another comes further meanwhile. */
export const sleepBeforeSayingSo = async (): Promise<void> => {
  const stage = makeStage();
  const { world, open, admit, closeThrough, rest } = stage;
  const { hold } = await admit(open(), 100n);
  await stage.waitUntil(epochEnd(hold.epoch) + 10 * MINUTE_MS);
  await admit(open(), 100n);
  const meanwhile = async () => {
    const { ledger, clock } = open();
    await clock.sleep(30 * MINUTE_MS);
    await ledger.closeDueEpochs();
  };
  await closeThrough(hold.epoch, open({ cues: [{ of: SAY_CLOSED, before: meanwhile }] }));
  await admit(open(), 100n);
  await closeThrough(epochOf(world.now()));
  await rest();
};

/** A closer dies with everything done and not yet said so. */
export const dieBeforeSayingSo = async (): Promise<void> => {
  const stage = makeStage();
  const { world, open, admit, closeThrough, waitUntil, rest } = stage;
  const { id, hold } = await admit(open(), 100n);
  const closer = open({ cues: [{ of: SAY_CLOSED, isLost: true, before: () => closer.kill() }] });
  await waitUntil(epochEnd(hold.epoch) + 18 * MINUTE_MS);
  closer.ledger.closeDueEpochs().catch(world.fail);
  await waitUntil(world.now() + MINUTE_MS);
  await settle(stage, open(), id, 30n);
  await closeThrough(hold.epoch);
  await rest();
};
