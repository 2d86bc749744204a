import { formatUsd, type NanoUsd } from '../../contract/money.ts';
import { epochStart } from '../../contract/timing.ts';
import { parseRequestId } from '../../core/admit/request-id.ts';
import type { LedgerRecord } from '../../core/audit/ledger-audit.ts';
import type { Receipt } from '../../core/receipt.ts';
import { type Cell, number, text } from './csv.ts';

/**
 * Ledger records as rows of FOCUS 1.2 (FinOps Open Cost and Usage Specification, https://focus.finops.org): its mandatory
 * columns, those that a cost report groups by, and Tollgate's own with the `x_` that custom columns carry. A charge is what
 * one attempt of a request cost, or the vector of its question. Only what counts is a charge: settled and lost entries, and corrections.
 */

interface Charge {
  record: LedgerRecord;
  cost: NanoUsd;
  /** `openai/gpt-5-mini`; undefined where nothing was ever sent, or nobody knows. */
  target: string | undefined;
  /** Which of the record's charges. */
  index: number;
  inputTokens: number;
  outputTokens: number;
}

const SECOND_MS = 1_000;

/** `2026-11-22T12:00:00Z`: FOCUS knows whole seconds. */
const time = (timeMs: number): Cell => text(`${new Date(timeMs).toISOString().slice(0, 19)}Z`);

const startOf = ({ record }: Charge): number => Math.floor(record.openedAt / SECOND_MS) * SECOND_MS;
/** Exclusive, so later than the start. */
const endOf = (charge: Charge): number => {
  const { settledAt, openedAt } = charge.record;
  return Math.max(Math.ceil((settledAt ?? openedAt) / SECOND_MS) * SECOND_MS, startOf(charge) + SECOND_MS);
};

const monthStart = (timeMs: number, months: number): number => {
  const date = new Date(timeMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1);
};

const usd = ({ cost }: Charge): Cell => number(formatUsd(cost));

const providerOf = ({ target }: Charge): string => target?.split('/')[0] || 'unknown';
const modelOf = ({ target }: Charge): string | undefined => target?.slice(target.indexOf('/') + 1).split('@')[0];
const regionOf = ({ target }: Charge): string | undefined => target?.split('@')[1];

/** A correction of what an earlier month was charged; within its month FOCUS has it as any other charge. */
const classOf = (charge: Charge): Cell => {
  const { record } = charge;
  const opened = parseRequestId(record.requestId)?.epoch;
  if (!record.isCorrection || opened === undefined) return null;
  return monthStart(epochStart(opened), 0) < monthStart(startOf(charge), 0) ? text('Correction') : null;
};

const describe = ({ record, target }: Charge): string => {
  if (record.isCorrection) return `Correction of ${record.requestId}, which had been charged its whole hold`;
  if (record.state === 'lost') return `${record.alias}, charged its whole hold: nobody heard how it ended`;
  return target === undefined ? record.alias : `${record.alias}, answered by ${target}`;
};

/** FOCUS has a JSON object; the names in order, so that the same tags are the same text. */
const tagsOf = ({ record }: Charge): Cell => {
  const names = Object.keys(record.tags).sort();
  return names.length === 0
    ? null
    : text(JSON.stringify(Object.fromEntries(names.map((name) => [name, record.tags[name]]))));
};

/** What a kept answer would have cost; once a record. */
const savedOf = ({ record, index }: Charge): Cell => {
  const saved = record.receipt.cache?.saved;
  return saved === undefined || index > 0 ? null : number(formatUsd(BigInt(saved)));
};

const COLUMNS: readonly [name: string, read: (charge: Charge) => Cell][] = [
  ['BilledCost', usd],
  ['BillingAccountId', ({ record }) => text(record.org)],
  ['BillingAccountName', ({ record }) => text(record.org)],
  ['BillingAccountType', () => text('Organization')],
  ['BillingCurrency', () => text('USD')],
  ['BillingPeriodEnd', (charge) => time(monthStart(startOf(charge), 1))],
  ['BillingPeriodStart', (charge) => time(monthStart(startOf(charge), 0))],
  ['ChargeCategory', () => text('Usage')],
  ['ChargeClass', classOf],
  ['ChargeDescription', (charge) => text(describe(charge))],
  ['ChargeFrequency', () => text('Usage-Based')],
  ['ChargePeriodEnd', (charge) => time(endOf(charge))],
  ['ChargePeriodStart', (charge) => time(startOf(charge))],
  ['ConsumedQuantity', ({ inputTokens, outputTokens }) => number(String(inputTokens + outputTokens))],
  ['ConsumedUnit', () => text('Tokens')],
  ['ContractedCost', usd],
  ['EffectiveCost', usd],
  ['InvoiceIssuerName', (charge) => text(providerOf(charge))],
  ['ListCost', usd],
  ['PricingCategory', () => text('Standard')],
  ['PricingQuantity', () => number('1')],
  ['PricingUnit', () => text('Requests')],
  ['ProviderName', (charge) => text(providerOf(charge))],
  ['PublisherName', (charge) => text(providerOf(charge))],
  ['RegionId', (charge) => text(regionOf(charge))],
  ['RegionName', (charge) => text(regionOf(charge))],
  ['ResourceId', ({ record }) => text(record.requestId)],
  ['ResourceName', ({ record }) => text(record.alias)],
  ['ResourceType', () => text('Model request')],
  ['ServiceCategory', () => text('AI and Machine Learning')],
  ['ServiceName', (charge) => text(modelOf(charge) ?? charge.record.alias)],
  ['ServiceSubcategory', () => text('Generative AI')],
  ['SkuId', (charge) => text(charge.target ?? charge.record.alias)],
  ['SkuMeter', () => text('Request')],
  ['SkuPriceId', (charge) => text(charge.target ?? charge.record.alias)],
  ['SubAccountId', ({ record }) => text(record.team)],
  ['SubAccountName', ({ record }) => text(record.team)],
  ['SubAccountType', () => text('Team')],
  ['Tags', tagsOf],
  ['x_CacheResult', ({ record }) => text(record.receipt.cache?.result)],
  ['x_CacheSavedCost', savedOf],
  ['x_ChargeIndex', ({ index }) => number(String(index))],
  ['x_InputTokens', ({ inputTokens }) => number(String(inputTokens))],
  ['x_IsCorrection', ({ record }) => text(String(record.isCorrection))],
  ['x_Key', ({ record }) => text(record.keyId)],
  ['x_Outcome', ({ record }) => text(record.receipt.outcome)],
  ['x_OutputTokens', ({ outputTokens }) => number(String(outputTokens))],
  ['x_ParentRun', ({ record }) => text(record.parentRun)],
  ['x_Run', ({ record }) => text(record.run)],
  ['x_State', ({ record }) => text(record.state)],
  ['x_UsageEstimated', ({ record }) => text(String(record.receipt.usageEstimated === true))],
  ['x_User', ({ record }) => text(record.user)],
];

export const FOCUS_HEADING: readonly string[] = COLUMNS.map(([name]) => name);

/** The rows of one record; none where it is no charge. They come to its cost exactly. */
export const focusRows = (record: LedgerRecord): Cell[][] =>
  chargesOf(record).map((charge) => COLUMNS.map(([, read]) => read(charge)));

const chargesOf = (record: LedgerRecord): Charge[] => {
  const { state, cost, inputTokens, outputTokens, receipt } = record;
  if (state !== 'settled' && state !== 'lost') return [];
  const billed = billedCalls(receipt, record);
  const isSplit =
    (billed.length > 1 || billed[0]?.embeddedTokens !== undefined) &&
    billed.reduce((sum, attempt) => sum + BigInt(attempt.cost), 0n) === cost;
  if (!isSplit)
    return [
      {
        record,
        cost,
        // Whoever answered need not be who bills: a kept answer's vector, a free model after a call that was not.
        target: (billed.length === 1 ? billed[0]?.target : undefined) ?? receipt.answeredBy ?? receipt.plan.targets[0],
        index: 0,
        inputTokens,
        outputTokens,
      },
    ];
  // The tokens go with the one that answered: the others have cost, but what they counted is in no receipt for certain.
  const answered = Math.max(
    0,
    billed.findIndex(({ target }) => target === receipt.answeredBy),
  );
  return billed.map((attempt, index) => ({
    record,
    cost: BigInt(attempt.cost),
    target: attempt.target,
    index,
    inputTokens: attempt.embeddedTokens ?? (index === answered ? inputTokens : 0),
    outputTokens: index === answered && attempt.embeddedTokens === undefined ? outputTokens : 0,
  }));
};

interface BilledCall {
  target: string;
  cost: string;
  embeddedTokens?: number;
}

/**
 * What somebody bills: attempts, and the vectors of what was compared. What a correction takes back was charged, while nobody
 * knew more, to the target that was planned first.
 */
const billedCalls = ({ attempts, cache, plan }: Receipt, { cost, isCorrection }: LedgerRecord): BilledCall[] => {
  const { embedding } = cache ?? {};
  const calls: BilledCall[] = [
    ...attempts,
    ...(embedding ? [{ target: embedding.target, cost: embedding.cost, embeddedTokens: embedding.inputTokens }] : []),
  ];
  const takenBack = cost - calls.reduce((sum, call) => sum + BigInt(call.cost), 0n);
  const [planned] = plan.targets;
  return [
    ...calls,
    ...(isCorrection && planned !== undefined ? [{ target: planned, cost: takenBack.toString() }] : []),
  ].filter((call) => BigInt(call.cost) !== 0n);
};
