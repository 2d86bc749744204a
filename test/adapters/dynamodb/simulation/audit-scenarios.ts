import { entryOf } from '../../../port-suites/ledger-requests.ts';
import { SIM_TABLES } from './sim-dynamo.ts';
import { ADD_TO_SUM, checkSame, makeStage, READ_AUDIT, REBUILD, type Stage, TEAM } from './stage.ts';

/** A call in this epoch that nobody settles, and its epoch closed: something to add up. */
const closeACall = async ({ open, admit, closeThrough, project }: Stage): Promise<void> => {
  const { hold } = await admit(open(), 100n);
  await closeThrough(hold.epoch);
  await project();
};

/** Without `run`, within somebody else's work. */
const closeOneNow = async ({ truth, open, holdOf, nextId }: Stage): Promise<void> => {
  const { ledger, clock } = open();
  const hold = holdOf(100n);
  const id = nextId(hold.epoch);
  const { kind } = await ledger.hold(hold);
  if (kind !== 'held' || !(await ledger.open(entryOf(id, hold)))) throw new Error('not admitted');
  truth.call(id, [TEAM.key], 100n);
  await clock.sleep(30 * 60_000);
  await ledger.closeDueEpochs();
};

/** Two audits at once put right an account that somebody has written to past the ledger. */
export const repairAtOnce = async (): Promise<void> => {
  const stage = makeStage();
  const { tables, open, run, rest } = stage;
  await closeACall(stage);
  tables.update({
    TableName: SIM_TABLES.accounts,
    Key: { pk: { S: TEAM.key } },
    UpdateExpression: 'ADD spent :more, committed :more',
    ExpressionAttributeValues: { ':more': { N: '777' } },
  });
  await run(open({ cues: [{ of: REBUILD, before: () => open().rebuild() }] }).rebuild());
  await rest();
};

/** An account's epoch is closed between the audit's look at it and its repair. */
export const closeBeforeRepairing = async (): Promise<void> => {
  const stage = makeStage();
  const { tables, open, run, rest } = stage;
  await closeACall(stage);
  tables.update({
    TableName: SIM_TABLES.accounts,
    Key: { pk: { S: TEAM.key } },
    UpdateExpression: 'ADD spent :more, committed :more',
    ExpressionAttributeValues: { ':more': { N: '777' } },
  });
  await run(open({ cues: [{ of: REBUILD, before: () => closeOneNow(stage) }] }).rebuild());
  await rest();
};

/** Two audits at once add up the same epochs. */
export const addUpAtOnce = async (): Promise<void> => {
  const stage = makeStage();
  const { open, run, rest } = stage;
  await closeACall(stage);
  checkSame(await run(open({ cues: [{ of: ADD_TO_SUM, before: () => open().rebuild() }] }).rebuild()));
  await rest();
};

/** An audit sleeps between adding up and comparing; another comes further meanwhile. */
export const sleepBeforeComparing = async (): Promise<void> => {
  const stage = makeStage();
  const { open, run, rest } = stage;
  await closeACall(stage);
  const meanwhile = async () => {
    await closeOneNow(stage);
    checkSame(await open().rebuild());
  };
  const isScan = ({ scan }: { scan?: string }) => scan !== undefined;
  checkSame(await run(open({ cues: [{ of: isScan, before: meanwhile }] }).rebuild()));
  await rest();
};

/** An audit that has come further than this one knows dies in the middle of its step, and this one goes on with it. */
export const goOnWithAnothersStep = async (): Promise<void> => {
  const stage = makeStage();
  const { world, open, run, rest } = stage;
  await closeACall(stage);
  const meanwhile = async () => {
    await closeOneNow(stage);
    const other = open({ cues: [{ of: ADD_TO_SUM, isLost: true, before: () => other.kill() }] });
    other.rebuild().catch(world.fail);
    await open().clock.sleep(60_000);
  };
  checkSame(await run(open({ cues: [{ of: READ_AUDIT, before: meanwhile }] }).rebuild()));
  await rest();
};

/** An audit dies with its sums written and not yet said so; more is closed before the next. */
export const dieBeforeTheStepIsDone = async (): Promise<void> => {
  const stage = makeStage();
  const { world, open, run, waitUntil, rest } = stage;
  await closeACall(stage);
  const isDone = ({ UpdateExpression }: { UpdateExpression?: string }) =>
    UpdateExpression === 'SET through = :to REMOVE target';
  const first = open({ cues: [{ of: isDone, isLost: true, before: () => first.kill() }] });
  first.rebuild().catch(world.fail);
  await waitUntil(world.now() + 60_000);
  await closeACall(stage);
  checkSame(await run(open().rebuild()));
  await rest();
};
