import { describe, expect, test } from '@jest/globals';
import { FOCUS_HEADING, focusRows } from '../../../lambdas/cli/export/focus.ts';
import { epochOf } from '../../../lambdas/contract/timing.ts';
import { makeRequestId } from '../../../lambdas/core/admit/request-id.ts';
import type { LedgerRecord } from '../../../lambdas/core/audit/ledger-audit.ts';
import type { Attempt } from '../../../lambdas/core/receipt.ts';
import { receipt } from '../../port-suites/ledger-requests.ts';

/** What FOCUS 1.2 has as mandatory for its cost and usage data set. */
const MANDATORY = [
  'BilledCost',
  'BillingAccountId',
  'BillingAccountName',
  'BillingCurrency',
  'BillingPeriodEnd',
  'BillingPeriodStart',
  'ChargeCategory',
  'ChargeClass',
  'ChargeDescription',
  'ChargePeriodEnd',
  'ChargePeriodStart',
  'ContractedCost',
  'EffectiveCost',
  'InvoiceIssuerName',
  'ListCost',
  'PricingQuantity',
  'PricingUnit',
  'ProviderName',
  'PublisherName',
  'ServiceCategory',
  'ServiceName',
];

const OPENED = Date.UTC(2026, 10, 22, 12, 0, 0, 250);

const record = (fields: Partial<LedgerRecord> = {}): LedgerRecord => ({
  requestId: makeRequestId({ epoch: epochOf(OPENED), lane: 1, random: 'a'.repeat(18) }),
  nonce: 'n',
  epoch: epochOf(OPENED),
  hold: 5_000_000n,
  accounts: ['team#search#2026-11'],
  keyId: 'k1',
  org: 'acme',
  team: 'search',
  user: 'ada',
  tags: { zone: 'b', env: 'test' },
  alias: 'assistant',
  receipt: { ...receipt('openai/gpt-5-mini@eu-1'), answeredBy: 'openai/gpt-5-mini@eu-1', outcome: 'answered' },
  state: 'settled',
  cost: 1_234_567n,
  inputTokens: 30,
  outputTokens: 7,
  openedAt: OPENED,
  settledAt: OPENED + 1_900,
  isCorrection: false,
  ...fields,
});

const attempt = (target: string, cost: bigint): Attempt => ({
  target,
  cost: String(cost),
  startedAt: 0,
  durationMs: 1,
});

const rowsOf = (of: LedgerRecord): Record<string, string | null>[] =>
  focusRows(of).map((cells) =>
    Object.fromEntries(
      cells.map((cell, i) => [FOCUS_HEADING[i], cell === null ? null : 'text' in cell ? cell.text : cell.number]),
    ),
  );

describe('a ledger record as FOCUS has it', () => {
  test('the heading has every mandatory column, each once, in order, custom ones last', () => {
    for (const name of MANDATORY) expect(FOCUS_HEADING).toContain(name);
    expect([...new Set(FOCUS_HEADING)]).toEqual(FOCUS_HEADING);
    expect([...FOCUS_HEADING].sort()).toEqual(FOCUS_HEADING);
    const custom = FOCUS_HEADING.findIndex((name) => name.startsWith('x_'));
    expect(FOCUS_HEADING.slice(custom).every((name) => name.startsWith('x_'))).toBe(true);
  });

  test('a request is one charge, exact to the nano-dollar', () => {
    expect(rowsOf(record())).toEqual([
      expect.objectContaining({
        BilledCost: '0.001234567',
        EffectiveCost: '0.001234567',
        ListCost: '0.001234567',
        ContractedCost: '0.001234567',
        BillingCurrency: 'USD',
        BillingAccountId: 'acme',
        BillingPeriodStart: '2026-11-01T00:00:00Z',
        BillingPeriodEnd: '2026-12-01T00:00:00Z',
        ChargePeriodStart: '2026-11-22T12:00:00Z',
        ChargePeriodEnd: '2026-11-22T12:00:03Z',
        ChargeCategory: 'Usage',
        ChargeClass: null,
        ConsumedQuantity: '37',
        ConsumedUnit: 'Tokens',
        ProviderName: 'openai',
        ServiceName: 'gpt-5-mini',
        RegionId: 'eu-1',
        ServiceCategory: 'AI and Machine Learning',
        ServiceSubcategory: 'Generative AI',
        SkuId: 'openai/gpt-5-mini@eu-1',
        SubAccountId: 'search',
        Tags: '{"env":"test","zone":"b"}',
        x_User: 'ada',
      }),
    ]);
  });

  test('costs beyond 2^53 stay exact', () => {
    expect(rowsOf(record({ cost: 2n ** 60n + 1n }))[0]?.['BilledCost']).toBe('1152921504.606846977');
  });

  test('what two providers billed is two charges, which come to the cost; the tokens are those of the answer', () => {
    const { receipt: base } = record();
    const attempts = [
      attempt('anthropic/claude', 234_567n),
      attempt('openai/gpt-5-mini@eu-1', 1_000_000n),
      attempt('x/y', 0n),
    ];
    expect(rowsOf(record({ receipt: { ...base, attempts } }))).toMatchObject([
      { ProviderName: 'anthropic', BilledCost: '0.000234567', ConsumedQuantity: '0', x_ChargeIndex: '0' },
      { ProviderName: 'openai', BilledCost: '0.001', ConsumedQuantity: '37', x_ChargeIndex: '1' },
    ]);
  });

  test('attempts that do not come to the cost are not told apart', () => {
    const { receipt: base } = record();
    const attempts = [attempt('anthropic/claude', 1n), attempt('openai/gpt-5-mini@eu-1', 1n)];
    expect(rowsOf(record({ receipt: { ...base, attempts } }))).toMatchObject([{ BilledCost: '0.001234567' }]);
  });

  test('a lost call is a charge of its whole hold', () => {
    expect(rowsOf(record({ state: 'lost', cost: 5_000_000n, inputTokens: 0, outputTokens: 0 }))).toMatchObject([
      { BilledCost: '0.005', x_State: 'lost', ChargeDescription: expect.stringContaining('whole hold') },
    ]);
  });

  test('a correction is negative, and of the class Correction only where it puts an earlier month right', () => {
    const within = record({
      isCorrection: true,
      cost: -3_000_000n,
      openedAt: OPENED + 60_000,
      settledAt: OPENED + 60_000,
    });
    expect(rowsOf(within)).toMatchObject([{ BilledCost: '-0.003', ChargeClass: null, x_IsCorrection: 'true' }]);
    const later = Date.UTC(2026, 11, 1, 0, 10);
    expect(rowsOf({ ...within, openedAt: later, settledAt: later })).toMatchObject([
      { ChargeClass: 'Correction', BillingPeriodStart: '2026-12-01T00:00:00Z' },
    ]);
  });

  test('what is open or refused is no charge', () => {
    expect(rowsOf(record({ state: 'open', cost: 0n }))).toEqual([]);
    expect(rowsOf(record({ state: 'refused', cost: 0n }))).toEqual([]);
  });

  test('a period that ends in the second it began has a length all the same', () => {
    expect(
      rowsOf(record({ openedAt: Date.UTC(2026, 10, 22, 12), settledAt: Date.UTC(2026, 10, 22, 12) })),
    ).toMatchObject([{ ChargePeriodStart: '2026-11-22T12:00:00Z', ChargePeriodEnd: '2026-11-22T12:00:01Z' }]);
  });

  test('a kept answer is a charge of nothing with what it saved; the vector of its question is its maker’s', () => {
    const base = { ...receipt('openai/gpt-5-mini'), outcome: 'answered' as const, answeredBy: 'openai/gpt-5-mini' };
    const hit = { result: 'hit-exact' as const, saved: '250000' };
    const [free] = rowsOf(record({ cost: 0n, inputTokens: 0, outputTokens: 0, receipt: { ...base, cache: hit } }));
    expect(free).toMatchObject({ BilledCost: '0', x_CacheResult: 'hit-exact', x_CacheSavedCost: '0.00025' });

    const embedding = { target: 'vectors/embed-1', inputTokens: 8, cost: '8000' };
    const semantic = { result: 'hit-semantic' as const, saved: '250000', embedding };
    const alone = rowsOf(
      record({ cost: 8_000n, inputTokens: 0, outputTokens: 0, receipt: { ...base, cache: semantic } }),
    );
    expect(
      alone.map(({ ProviderName, BilledCost, ConsumedQuantity }) => [ProviderName, BilledCost, ConsumedQuantity]),
    ).toEqual([['vectors', '0.000008', '8']]);

    const attempts = [attempt('openai/gpt-5-mini', 1_000_000n)];
    const missed = { ...base, attempts, cache: { result: 'miss' as const, embedding } };
    const both = rowsOf(record({ cost: 1_008_000n, receipt: missed }));
    expect(
      both.map(({ ProviderName, BilledCost, x_InputTokens, x_OutputTokens, x_CacheSavedCost }) => [
        ...[ProviderName, BilledCost, x_InputTokens, x_OutputTokens, x_CacheSavedCost],
      ]),
    ).toEqual([
      ['openai', '0.001', '30', '7', null],
      ['vectors', '0.000008', '8', '0', null],
    ]);
  });
});
