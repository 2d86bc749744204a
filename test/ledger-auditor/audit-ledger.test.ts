import { describe, expect, test } from '@jest/globals';
import type { MetricRecord } from '../../lambdas/contract/metrics.ts';
import { closeDueAt, EPOCH_MS, epochOf } from '../../lambdas/contract/timing.ts';
import { makeRequestId } from '../../lambdas/core/admit/request-id.ts';
import { AuditFailed, auditLedger } from '../../lambdas/ledger-auditor/audit-ledger.ts';
import { closeLedger } from '../../lambdas/ledger-closer/close-ledger.ts';
import { makeTamperedFile } from '../adapters/embedded/tamper-with-file.ts';
import { account, ledgerAt, settlementOf } from '../port-suites/ledger-requests.ts';
import { makeWorldClock } from '../port-suites/store-world.ts';

const TEAM = account('team#search#2026-11', 10_000n);

const inNight =
  (
    run: (context: {
      audit: () => ReturnType<typeof auditLedger>;
      close: () => ReturnType<typeof closeLedger>;
      world: Awaited<ReturnType<typeof makeTamperedFile>>;
      clock: ReturnType<typeof makeWorldClock>;
      request: string;
      emitted: MetricRecord[];
      errors: string[];
    }) => Promise<void>,
  ) =>
  async () => {
    const clock = makeWorldClock();
    const world = await makeTamperedFile(clock);
    try {
      const { ledger, audit } = await world.open();
      const emitted: MetricRecord[] = [];
      const errors: string[] = [];
      const log = {
        beginInvocation() {},
        debug() {},
        info() {},
        warn() {},
        error: (message: string) => void errors.push(message),
      };
      const opened = {
        audit,
        clock,
        log,
        emitMetrics: (records: readonly MetricRecord[]) => void emitted.push(...records),
      };
      const epoch = epochOf(clock.now());
      const request = makeRequestId({ epoch, lane: 2, random: 'x'.repeat(18) });
      await ledgerAt(ledger, clock).admit(request, 100n, [TEAM]);
      await ledger.settle(settlementOf(request, 60n));
      clock.jump(closeDueAt(epoch) - clock.now());
      await run({
        audit: () => auditLedger(opened),
        close: () =>
          closeLedger({
            ...opened,
            closeDueEpochs: ledger.closeDueEpochs,
            endOverrides: async () => {},
            closedThrough: async () => (await audit.standing())?.closedThrough,
          }),
        world,
        clock,
        request,
        emitted,
        errors,
      });
    } finally {
      await world.end();
    }
  };

describe('a night of the auditor', () => {
  test(
    'a ledger that holds is told with its head, and counted as no difference',
    inNight(async ({ close, audit, emitted, errors }) => {
      await close();
      const result = await audit();
      expect(result).toMatchObject({ accounts: 1, different: 0, seals: 1, entries: 1, problems: [] });
      expect(result.head).toMatch(/^\d+:[\w-]{43}$/);
      expect(emitted.at(-1)).toEqual({ dimensions: {}, values: { AuditDifferences: [0] } });
      expect(errors).toEqual([]);
    }),
  );

  test(
    'an account that differs is put right, counted, and makes the run fail; the next one holds',
    inNight(async ({ close, audit, world, emitted }) => {
      await close();
      await world.tamper.addToAccount(TEAM.key, 5n);
      await expect(audit()).rejects.toThrow(AuditFailed);
      expect(emitted.at(-1)).toEqual({ dimensions: {}, values: { AuditDifferences: [1] } });
      expect(await audit()).toMatchObject({ different: 0 });
    }),
  );

  test(
    'a changed entry makes every run fail, and the log says where',
    inNight(async ({ close, audit, world, request, errors }) => {
      await close();
      await world.tamper.changeEntry(request, { cost: 1n });
      await expect(audit()).rejects.toThrow(/1 seals or entries do not hold/);
      await expect(audit()).rejects.toThrow(AuditFailed);
      expect(errors).toContain('the ledger does not hold');
    }),
  );
});

describe('a run of the closer', () => {
  test(
    'says what it has closed and that it is not behind',
    inNight(async ({ close, emitted, clock }) => {
      expect((await close()).closed).toHaveLength(1);
      expect(emitted.at(-1)).toEqual({ dimensions: {}, values: { CloseLagMs: [0] } });
      clock.jump(EPOCH_MS);
      expect((await close()).closed).toEqual([]);
    }),
  );
});
