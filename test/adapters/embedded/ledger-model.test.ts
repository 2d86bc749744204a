import { describe, expect, test } from '@jest/globals';
import { closeDueAt } from '../../../lambdas/contract/timing.ts';
import type { Ledger } from '../../../lambdas/core/ledger.ts';
import { type ModelOptions, runLedgerModel } from '../../port-suites/ledger-model.ts';
import { makeFileStores, makeMemoryStores, seededRandom } from './embedded-worlds.ts';

/** More seeds: `LEDGER_SEEDS=500 npm test -- ledger-model`. */
const SEEDS = Number(process.env['LEDGER_SEEDS'] ?? 8);
const STEPS = 1_200;

const run = (seed: number, options: Partial<ModelOptions> = {}) =>
  runLedgerModel({
    seed,
    steps: STEPS,
    makeStores: makeMemoryStores,
    random: seededRandom(seed).fraction,
    ...options,
  });

describe('the embedded ledger under random traffic', () => {
  test('keeps its promise, and the traffic meets every kind of trouble', async () => {
    const total = { admitted: 0, refused: 0, lost: 0, corrected: 0, raised: 0, leaked: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const report = await run(seed);
      for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += report[name];
    }
    for (const count of Object.values(total)) expect(count).toBeGreaterThanOrEqual(SEEDS);
  }, 600_000);

  test('keeps it in a file that two openings share', async () => {
    for (let seed = 101; seed <= 102; seed++) await run(seed, { makeStores: makeFileStores, steps: 600 });
  }, 600_000);
});

/** Each breaks one rule between the clients and the ledger. */
const BENDS: Record<string, ModelOptions['bend'] & object> = {
  'a hold is given back twice': (ledger) => ({
    ...ledger,
    async giveBack(request) {
      await ledger.giveBack(request);
      await ledger.giveBack(request);
    },
  }),
  'a request is settled twice, under two nonces': (ledger) => ({
    ...ledger,
    async settle(settlement) {
      await ledger.settle(settlement);
      await ledger.settle({ ...settlement, nonce: `${settlement.nonce} again` });
    },
  }),
  'a request is entered twice, under two ids': (ledger) => ({
    ...ledger,
    async settle(settlement) {
      const entry = await ledger.read(settlement.requestId);
      await ledger.settle(settlement);
      if (entry === undefined || entry.state !== 'open') return;
      const twin = { ...entry, requestId: `${entry.requestId}-twin`, hold: 0n };
      if (await ledger.open(twin)) await ledger.settle({ ...settlement, requestId: twin.requestId });
    },
  }),
  'lost calls are free': (ledger, clock) => ({
    ...ledger,
    async closeDueEpochs() {
      for (const entry of await openEntries(ledger)) {
        const { requestId, receipt } = entry;
        if (closeDueAt(entry.epoch) <= clock.now())
          await ledger.settle({ requestId, nonce: 'free', cost: 0n, inputTokens: 0, outputTokens: 0, receipt });
      }
      return ledger.closeDueEpochs();
    },
  }),
  'the call is made before the entry': (ledger) => ({ ...ledger, open: async () => true }),
  'the entry is opened after a refused hold': (ledger) => ({
    ...ledger,
    async hold(request) {
      const outcome = await ledger.hold(request);
      return outcome.kind === 'refused' ? { kind: 'held', figures: [] } : outcome;
    },
  }),
  'a top-up holds but does not raise': (ledger) => ({
    ...ledger,
    topUp: (_requestId, request) => ledger.hold(request),
  }),
  'a top-up raises but does not hold': (ledger) => ({
    ...ledger,
    topUp: async () => ({ kind: 'held', figures: [] }),
  }),
  'every writer says that its policy is the newest': (ledger) => ({
    ...ledger,
    hold: (request) => ledger.hold({ ...request, capVersion: 1_000_000 }),
  }),
  'only the first account is held': (ledger) => ({
    ...ledger,
    hold: (request) => ledger.hold({ ...request, accounts: request.accounts.slice(0, 1) }),
  }),
};

describe('each rule once broken', () => {
  test.each(Object.entries(BENDS))(
    '%s: the model finds it',
    async (_name, bend) => {
      const found: unknown[] = [];
      for (let seed = 1; seed <= 40 && found.length === 0; seed++)
        await run(seed, { bend }).catch((error: unknown) => found.push(error));
      expect(found).toHaveLength(1);
    },
    600_000,
  );
});

const openEntries = async (ledger: Ledger) =>
  (await ledger.tail({ limit: 100_000 })).filter(({ state }) => state === 'open');
