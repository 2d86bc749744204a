import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FOCUS_HEADING, focusRows } from '../../../lambdas/cli/export/focus.ts';
import { parseUsd } from '../../../lambdas/contract/money.ts';
import { epochOf } from '../../../lambdas/contract/timing.ts';
import { makeRequestId } from '../../../lambdas/core/admit/request-id.ts';
import type { LedgerRecord } from '../../../lambdas/core/audit/ledger-audit.ts';
import { measureEntries } from '../../../lambdas/core/observe/measure-entries.ts';
import type { Attempt, CacheReceipt, Receipt } from '../../../lambdas/core/receipt.ts';
import { receipt } from '../../port-suites/ledger-requests.ts';

const OPENED = Date.UTC(2026, 10, 22, 12, 0, 0, 250);
const TARGETS = ['a/m-1', 'a/m-2@us-east-1', 'b/m-1', 'vectors/m-v'] as const;

/** Zero now and then: free models, and calls that nobody bills. */
const nanos = fc.oneof(fc.constant(0n), fc.bigInt(1n, 9_999_999_999n));

const attempts = fc.array(
  fc.record({ target: fc.constantFrom(...TARGETS), cost: nanos, isAnswer: fc.boolean() }).map(
    ({ target, cost, isAnswer }): Attempt => ({
      target,
      cost: cost.toString(),
      startedAt: 0,
      durationMs: 1,
      ...(!isAnswer && { failure: 'server_error' as const }),
    }),
  ),
  { maxLength: 4 },
);

const caches = fc.option(
  fc
    .record({
      result: fc.constantFrom<CacheReceipt['result']>('hit-exact', 'hit-semantic', 'miss', 'off'),
      saved: fc.option(nanos),
      embedding: fc.option(fc.record({ target: fc.constantFrom(...TARGETS), cost: nanos })),
    })
    .map(
      ({ result, saved, embedding }): CacheReceipt => ({
        result,
        ...(saved !== null && { saved: saved.toString() }),
        ...(embedding !== null && {
          embedding: { target: embedding.target, inputTokens: 8, cost: embedding.cost.toString() },
        }),
      }),
    ),
);

const ended = fc
  .record({
    planned: fc.constantFrom(...TARGETS),
    attempts,
    cache: caches,
    keptFrom: fc.option(fc.constantFrom(...TARGETS)),
    isAudit: fc.boolean(),
    hold: nanos,
    /** Nobody heard how it ended; then, somewhere, it was heard late. */
    end: fc.constantFrom('settled', 'lost', 'corrected'),
  })
  .map(({ planned, attempts, cache, keptFrom, isAudit, hold, end }): LedgerRecord[] => {
    const opened: Receipt = {
      ...receipt(planned),
      ...(isAudit && { cacheAudit: { of: 'req_1', verdict: 'unknown' as const } }),
    };
    const last = attempts.at(-1);
    const answeredBy = last === undefined ? keptFrom : last.failure === undefined ? last.target : null;
    const closed: Receipt = {
      ...opened,
      attempts,
      outcome: answeredBy === null ? 'failed' : 'answered',
      ...(answeredBy !== null && { answeredBy }),
      ...(cache !== null && { cache }),
    };
    // What settle() enters.
    const cost =
      attempts.reduce((sum, attempt) => sum + BigInt(attempt.cost), 0n) + BigInt(cache?.embedding?.cost ?? 0);
    const record = (fields: Partial<LedgerRecord>): LedgerRecord => ({
      requestId: makeRequestId({ epoch: epochOf(OPENED), lane: 1, random: 'a'.repeat(18) }),
      nonce: 'n',
      epoch: epochOf(OPENED),
      hold,
      accounts: ['team#search#2026-11'],
      keyId: 'k1',
      org: 'acme',
      team: 'search',
      user: 'ada',
      tags: {},
      alias: 'assistant',
      receipt: closed,
      state: 'settled',
      cost,
      inputTokens: 30,
      outputTokens: 7,
      openedAt: OPENED,
      settledAt: OPENED + 1_900,
      isCorrection: false,
      ...fields,
    });
    if (end === 'settled') return [record({})];
    const lost = record({ state: 'lost', cost: hold, receipt: opened, inputTokens: 0, outputTokens: 0 });
    return end === 'lost' ? [lost] : [lost, record({ isCorrection: true, cost: cost - hold })];
  });

const column = (name: string): number => FOCUS_HEADING.indexOf(name);
const [COST, PROVIDER, SERVICE] = [column('BilledCost'), column('ProviderName'), column('ServiceName')];

/** Nano-USD by `provider/model`, those that come to nothing left out. */
const byModel = (charges: readonly (readonly [model: string, cost: bigint])[]): Record<string, bigint> => {
  const sums: Record<string, bigint> = {};
  for (const [model, cost] of charges) sums[model] = (sums[model] ?? 0n) + cost;
  return Object.fromEntries(Object.entries(sums).filter(([, cost]) => cost !== 0n));
};

const exported = (records: readonly LedgerRecord[]): Record<string, bigint> =>
  byModel(
    records.flatMap(focusRows).map((cells) => {
      const cell = (at: number): string => {
        const found = cells[at];
        if (found === null || found === undefined) throw new Error('a cell is empty');
        return 'text' in found ? found.text : found.number;
      };
      const cost = cell(COST);
      const amount = parseUsd(cost.replace('-', ''));
      return [`${cell(PROVIDER)}/${cell(SERVICE)}`, cost.startsWith('-') ? -amount : amount] as const;
    }),
  );

/** A metric is a float, told to the nano-dollar: as far below 2^53 of them as these it stands for one amount alone. */
const nanosOf = (usd: number): bigint => BigInt(Math.round(usd * 1e9));

const measured = (records: readonly LedgerRecord[]) => {
  const metrics = measureEntries(
    records.map((record) => ({ ...record, settledAt: record.settledAt ?? 0 })),
    OPENED,
  );
  const costOf = (dimension: string | undefined): [string, bigint][] =>
    metrics.flatMap(({ dimensions, values: { CostUsd: [usd] = [] } }) =>
      usd !== undefined && Object.keys(dimensions)[0] === dimension
        ? [[Object.values(dimensions).join('/'), nanosOf(usd)]]
        : [],
    );
  return {
    all: byModel(costOf(undefined)),
    models: byModel(costOf('Provider')),
    teams: byModel(costOf('Team')),
    aliases: byModel(costOf('Alias')),
  };
};

const only = (name: string, sum: bigint): Record<string, bigint> => (sum === 0n ? {} : { [name]: sum });

describe('what entries with vectors, audits, losses and corrections have cost', () => {
  test('is one sum, to the nano-dollar, in the ledger, in every dimension of the metrics and in the export, model by model', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(ended, { maxLength: 12 }), (lists) => {
        const records = lists.flat();
        const sum = records.reduce((total, { cost }) => total + cost, 0n);
        const { all, models, teams, aliases } = measured(records);
        const rows = exported(records);
        expect(Object.values(rows).reduce((total, cost) => total + cost, 0n)).toBe(sum);
        expect([all, teams, aliases]).toEqual([only('', sum), only('search', sum), only('assistant', sum)]);
        expect(rows).toEqual(models);
        for (const { isCorrection, state, receipt: of } of records)
          seen.add([isCorrection, state, of.cache?.embedding !== undefined, of.cacheAudit !== undefined].join());
      }),
      { numRuns: 500 },
    );
    // Settled and corrected ones each with and without a vector, lost ones without; requests and audits.
    expect(seen.size).toBe(10);
  });
});
