import { countOf, type Item } from '../../../../lambdas/adapters/dynamodb/attributes.ts';
import { makeDynamoAudit } from '../../../../lambdas/adapters/dynamodb/audit.ts';
import { makeDynamoLedger } from '../../../../lambdas/adapters/dynamodb/ledger.ts';
import { projectBatch } from '../../../../lambdas/adapters/dynamodb/project-batch.ts';
import { closeDueAt, EPOCH_MS, epochOf } from '../../../../lambdas/contract/timing.ts';
import type { RebuildReport } from '../../../../lambdas/core/audit/ledger-audit.ts';
import { verifyLedger } from '../../../../lambdas/core/audit/verify-ledger.ts';
import { StoreUnavailable } from '../../../../lambdas/core/ports.ts';
import { type Counts, FIRST_CAPS, runRequest, type SimPolicy } from './client.ts';
import { openSimProcess, SIM_TABLES, type SimProcess } from './sim-dynamo.ts';
import { makeSimStream } from './stream.ts';
import { type Change, makeTables, type Tables } from './tables.ts';
import { drawTrouble, type Trouble, WORLDS, type WorldName } from './trouble.ts';
import { makeTruth, Violation } from './truth.ts';
import { makeWorld } from './world.ts';

export { Violation };

export interface SimulationOptions {
  seed: number;
  /** Of traffic; then it comes to rest. */
  epochs: number;
  inWorld?: WorldName | undefined;
}

export interface SimulationReport extends Counts {
  events: number;
  lost: number;
  corrected: number;
  seals: number;
  rebuilds: number;
  deaths: number;
  splits: number;
}

/** So often may a leak be met: whoever meets it tries to heal it, but may die, sleep or hear nothing. */
const mostMeetings = ({ fault, cutOff }: Trouble): number => (fault === 0 ? 4 : cutOff > 0.3 ? 200 : 40);

const START_MS = Date.UTC(2026, 10, 22, 12);
const MINUTE_MS = 60_000;

/**
 * The deployed ledger's own code, many processes of it, over tables in memory and a network that loses, repeats and
 * delays, on a time of its own: clients, projectors, closers and auditors that die and freeze, clocks that are wrong,
 * shards that split, batches that come again much later, caps that change and periods that end. After every single write
 * the promise of docs/ledger.md must hold; at rest accounts are the sum of their entries, every seal holds, and a rebuild
 * puts right what was spoiled.
 *
 * @throws {Violation}
 */
export const simulateLedger = async ({ seed, epochs, inWorld }: SimulationOptions): Promise<SimulationReport> => {
  const world = makeWorld(seed, START_MS);
  const { random } = world;
  const trouble: Trouble = { ...drawTrouble(random), ...(inWorld !== undefined && WORLDS[inWorld]) };
  const doCapsChange = random.chance(0.4);
  let isResting = false;
  const ifTroubled = (share: number): number => (isResting ? 0 : share);
  const weather = () => ({
    fault: ifTroubled(trouble.fault),
    throttle: ifTroubled(trouble.throttle),
    freeze: ifTroubled(trouble.freeze),
  });

  const closedThrough = (): number => {
    const item = tables.get(SIM_TABLES.accounts, { pk: { S: '!closer' } });
    return item === undefined ? -1 : countOf(item, 'closedThrough');
  };
  const truth = makeTruth({ now: world.now, closedThrough, mostMeetings: mostMeetings(trouble) });
  const stream = makeSimStream(world, () => ifTroubled(trouble.zombie));
  /** Writes that add, by call: none may be made twice. */
  const added = new WeakSet<object>();
  const note = (change: Change): void => {
    if (change.table === SIM_TABLES.ledger) stream.note(change);
    else if (change.after['committed'] !== undefined) truth.check(change);
  };
  const tables: Tables = makeTables(note);

  const report = { admitted: 0, refused: 0, raised: 0, settled: 0, unheard: 0, rebuilds: 0, deaths: 0, splits: 0 };

  const guard = (work: Promise<unknown>): void => {
    work.catch((error: unknown) => {
      if (error instanceof StoreUnavailable) return;
      // Told by whoever was too late: it was settled, lost or refused by somebody else.
      if (error instanceof Error && / can't be refused any more| there can be nothing to settle/.test(error.message))
        return;
      world.fail(error as Error);
    });
  };

  const openProcess = (mostMs: number): SimProcess => {
    const process = openSimProcess(world, tables, {
      weather,
      skewMs: random.int(2 * mostMs + 1) - mostMs,
      onAdded: (call, { UpdateExpression }) => {
        if (added.has(call)) world.fail(new Violation(`a write that adds was made twice: ${UpdateExpression}`));
        added.add(call);
      },
    });
    disturb(process);
    return process;
  };

  /** A process dies or stands still some time. */
  const disturb = (process: SimProcess): void => {
    world.at(world.now() + 1 + random.int(40 * MINUTE_MS), () => {
      if (!process.isAlive() || isResting) return;
      if (random.chance(trouble.death)) {
        process.kill();
        report.deaths += 1;
        return;
      }
      if (random.chance(trouble.pause)) process.freeze(random.int(6 * EPOCH_MS));
      if (random.chance(trouble.cutOff)) process.cutOff(random.int(6 * MINUTE_MS));
      disturb(process);
    });
  };

  // ── Gateways ────────────────────────────────────────────────────────────────────────────────────────────────────────

  let policy: SimPolicy = { version: 1, caps: FIRST_CAPS };
  let numbers = 0;
  const openGateway = () => {
    const process = openProcess(trouble.skewMs);
    return { process, ledger: makeDynamoLedger(process.dynamo), policy };
  };
  const gateways = Array.from({ length: 5 }, openGateway);

  const traffic = (): void => {
    if (isResting) return;
    const index = random.int(gateways.length);
    let gateway = gateways[index] ?? openGateway();
    if (!gateway.process.isAlive()) {
      gateway = openGateway();
      gateways[index] = gateway;
    }
    guard(runRequest({ world, truth, trouble, ...gateway, counts: report, nextNumber: () => ++numbers }));
    world.at(world.now() + random.int(random.chance(0.5) ? 2_000 : 30_000), traffic);
  };

  const changeCaps = (): void => {
    if (isResting) return;
    const name = random.pick([...FIRST_CAPS.keys()]);
    const cap = ((policy.caps.get(name) ?? 0n) * BigInt(60 + random.int(90))) / 100n + 50n;
    policy = { version: policy.version + 1, caps: new Map([...policy.caps, [name, cap]]) };
    for (const gateway of gateways)
      if (random.chance(0.7)) {
        const newer = policy;
        world.at(world.now() + random.int(5 * MINUTE_MS), () => {
          if (newer.version > gateway.policy.version) gateway.policy = newer;
        });
      }
    world.at(world.now() + MINUTE_MS + random.int(20 * MINUTE_MS), changeCaps);
  };

  // ── What runs behind them ───────────────────────────────────────────────────────────────────────────────────────────

  /** Lambdas' clocks are never far off. */
  const openFunction = () => openProcess(MINUTE_MS);
  let projector = openFunction();
  let stalledUntil = 0;

  const pump = (): void => {
    if (world.now() >= stalledUntil)
      stream.offer(async (batch, isZombie) => {
        const process = isZombie ? openFunction() : projector;
        if (random.chance(ifTroubled(trouble.projectorDeath)))
          world.at(world.now() + random.int(200), () => process.kill());
        if (!projector.isAlive()) projector = openFunction();
        return (await projectBatch(process.dynamo, batch)).failed;
      });
    if (!isResting && random.chance(0.003)) {
      stream.split();
      report.splits += 1;
    }
    if (random.chance(ifTroubled(trouble.stall))) stalledUntil = world.now() + random.int(2 * 60 * MINUTE_MS);
    if (!isOver) world.at(world.now() + 1_000 + random.int(4_000), pump);
  };

  const close = (): void => {
    for (let count = random.chance(0.2) ? 2 : 1; count > 0; count--) {
      const process = openFunction();
      if (random.chance(ifTroubled(trouble.closerDeath))) world.at(world.now() + random.int(300), () => process.kill());
      // Between what it has read and what it writes.
      if (random.chance(ifTroubled(trouble.closerFreeze)))
        world.at(world.now() + random.int(random.pick([80, 400])), () =>
          process.freeze(random.int(random.pick([1, 20]) * MINUTE_MS)),
        );
      guard(makeDynamoLedger(process.dynamo).closeDueEpochs());
    }
    if (!isOver) world.at(world.now() + EPOCH_MS / 2 + random.int(EPOCH_MS), close);
  };

  const audit = (): void => {
    if (isResting) return;
    if (random.chance(0.3)) spoil();
    for (let count = random.chance(0.4) ? 2 : 1; count > 0; count--) {
      const process = openFunction();
      if (random.chance(trouble.auditorDeath)) world.at(world.now() + random.int(300), () => process.kill());
      if (random.chance(trouble.auditorFreeze))
        world.at(world.now() + random.int(300), () => process.freeze(random.int(60 * MINUTE_MS)));
      guard(makeDynamoAudit(process.dynamo).rebuild().then(checkRebuilt));
    }
    if (random.chance(0.3)) guard(checkSeals(openFunction()));
    world.at(world.now() + random.int(trouble.auditEveryMs), audit);
  };

  /** Accounts that somebody has written to past the ledger. */
  const spoiled = new Set<string>();

  /** More than was spent: less would break the promise, and no ledger could help it. */
  const spoil = (): void => {
    const found = random.pick([undefined, ...tables.all(SIM_TABLES.accounts).filter(({ committed }) => committed)]);
    if (found === undefined) return;
    spoiled.add(found['pk']?.S ?? '');
    tables.update({
      TableName: SIM_TABLES.accounts,
      Key: { pk: found['pk'] ?? { S: '' } },
      UpdateExpression: 'ADD spent :more, committed :more',
      ExpressionAttributeValues: { ':more': { N: '777' } },
    });
  };

  const checkRebuilt = ({ differences }: RebuildReport): void => {
    report.rebuilds += 1;
    for (const { account } of differences)
      if (!spoiled.has(account)) throw new Violation(`rebuild: ${account} was not the sum of its entries`);
  };

  const checkSeals = async ({ dynamo }: SimProcess): Promise<number> => {
    const { problems, seals } = await verifyLedger(makeDynamoAudit(dynamo));
    const [problem] = problems;
    if (problem !== undefined) throw new Violation(`verify: ${problem.kind} in ${problem.epoch}: ${problem.detail}`);
    return seals;
  };

  let isOver = false;
  traffic();
  pump();
  close();
  if (doCapsChange) world.at(world.now() + MINUTE_MS, changeCaps);
  world.at(world.now() + 30 * MINUTE_MS, audit);
  await world.runUntil(START_MS + epochs * EPOCH_MS);

  // ── At rest ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  isResting = true;
  stalledUntil = 0;
  projector = openFunction();
  // The longest sleep of a client is an hour; then all that it opened must come due.
  await world.runUntil(closeDueAt(epochOf(world.now() + 3 * 60 * MINUTE_MS)) + 3 * EPOCH_MS);
  isOver = true;
  const all = (table: string): Item[] => tables.all(table);
  const reader = openFunction();
  const run = async <T>(work: Promise<T>): Promise<T> => {
    let outcome: { value: T } | undefined;
    work.then(
      (value) => {
        outcome = { value };
      },
      (error: unknown) => world.fail(error as Error),
    );
    for (let i = 0; i < 100 && outcome === undefined; i++) await world.runUntil(world.now() + MINUTE_MS);
    if (outcome === undefined) throw new Violation('nothing comes to an end');
    return outcome.value;
  };
  if (!stream.isDrained()) throw new Violation('the stream does not drain');
  const ledger = makeDynamoLedger(reader.dynamo);
  await run(ledger.closeDueEpochs());
  await run(ledger.figures(truth.accounts()));
  const entries = all(SIM_TABLES.ledger);
  const seals = await run(checkSeals(reader));
  const audits = makeDynamoAudit(reader.dynamo);
  checkRebuilt(await run(audits.rebuild()));
  spoil();
  checkRebuilt(await run(audits.rebuild()));
  const { different } = await run(audits.rebuild());
  if (different > 0) throw new Violation(`${different} accounts differ from their entries after a rebuild`);
  truth.checkAtRest(
    all(SIM_TABLES.accounts).filter((item) => item['committed'] !== undefined),
    entries,
  );

  return {
    ...report,
    seals,
    events: world.events(),
    lost: entries.filter((entry) => entry['state']?.S === 'lost').length,
    corrected: entries.filter((entry) => entry['sk']?.S?.endsWith('!')).length,
  };
};
