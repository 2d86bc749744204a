import { formatUsd } from '../../contract/money.ts';
import { parseRequestId } from '../admit/request-id.ts';
import type { Caller } from '../authenticate/authenticate.ts';
import { type Refusal, refuse } from '../failures.ts';
import type { Feedback } from '../feedback/feedback-store.ts';
import type { LedgerEntry, RequestLedger } from '../ledger.ts';
import type { Ports } from '../ports.ts';
import { present } from '../read-json.ts';
import type { CacheReceipt, Receipt, RouteReceipt } from '../receipt.ts';
import type { Found } from './lookup.ts';

/** `GET /v1/receipts/{id}`: the whole decision. A request of another key does not exist. */
export const showReceipt =
  (id: string) =>
  async (caller: Caller, { ledger, feedback }: Ports): Promise<Found> => {
    const entry = await findOwnEntry(id, caller, ledger);
    if (entry === undefined) return { ok: false, refusal: noSuchRequest() };
    const given = await feedback.read(id);
    return { ok: true, body: { ...describeEntry(entry), ...(given && { feedback: describeFeedback(given) }) } };
  };

/** `POST /v1/requests/{id}/cancel`: stops an answer under way, in whichever process it runs; what it has used is settled. */
export const cancelRequest =
  (id: string) =>
  async (caller: Caller, { ledger, cancellations }: Ports): Promise<Found> => {
    const entry = await findOwnEntry(id, caller, ledger);
    if (entry === undefined) return { ok: false, refusal: noSuchRequest() };
    if (entry.state !== 'open') return { ok: true, body: { id, object: 'request', status: entry.state } };
    await cancellations.request(id);
    return { ok: true, status: 202, body: { id, object: 'request', status: 'cancelling' } };
  };

/** Text that can be no request's id is not taken to the store. */
export const findOwnEntry = async (
  id: string,
  caller: Caller,
  ledger: RequestLedger,
): Promise<LedgerEntry | undefined> => {
  if (parseRequestId(id) === undefined) return undefined;
  const entry = await ledger.read(id);
  return entry?.keyId === caller.keyId ? entry : undefined;
};

/** As clients read it. */
export const describeFeedback = ({ score, label, at }: Feedback) => ({
  score,
  label,
  given_at: new Date(at).toISOString(),
});

/** An entry as people and programs read it: snake_case, exact dollars as decimal strings. */
export const describeEntry = (entry: LedgerEntry) => ({
  id: entry.requestId,
  object: 'receipt',
  state: entry.state,
  model: entry.alias,
  key: entry.keyId,
  user: entry.user,
  team: entry.team,
  org: entry.org,
  tags: entry.tags,
  run: entry.run ?? null,
  parent_run: entry.parentRun ?? null,
  opened_at: new Date(entry.openedAt).toISOString(),
  settled_at: entry.settledAt === null ? null : new Date(entry.settledAt).toISOString(),
  hold_usd: formatUsd(entry.hold),
  cost_usd: formatUsd(entry.cost),
  accounts: entry.accounts,
  ...(snakeCased(inDollars(entry.receipt)) as object),
});

/** A receipt keeps nano-USD and milliseconds; outside, as beside it, amounts are dollars and times are ISO's. */
const inDollars = ({ attempts, price, overrun, downgrade, plan, cache, ...receipt }: Receipt) => ({
  ...receipt,
  plan: { ...plan, ...(plan.route && { route: routeInDollars(plan.route) }) },
  attempts: attempts.map(({ cost, startedAt, ...attempt }) => ({
    ...attempt,
    startedAt: new Date(startedAt).toISOString(),
    costUsd: formatUsd(BigInt(cost)),
  })),
  ...(price && {
    pricePerMTok: {
      inputUsd: formatUsd(BigInt(price.input)),
      cachedInputUsd: formatUsd(BigInt(price.cachedInput)),
      cacheWrite5mUsd: formatUsd(BigInt(price.cacheWrite5m)),
      cacheWrite1hUsd: formatUsd(BigInt(price.cacheWrite1h)),
      outputUsd: formatUsd(BigInt(price.output)),
      source: price.source,
      ...(price.service !== undefined && { service: price.service }),
      ...(price.geo !== undefined && { geo: price.geo }),
    },
    ...(price.fees !== undefined && { feesUsd: formatUsd(BigInt(price.fees)) }),
  }),
  ...(downgrade && {
    downgrade: {
      from: downgrade.from,
      to: downgrade.to,
      scope: downgrade.scope,
      ceilingUsd: formatUsd(BigInt(downgrade.ceiling)),
    },
  }),
  ...(cache && { cache: cacheInDollars(cache) }),
  ...(overrun !== undefined && { overrunUsd: formatUsd(BigInt(overrun)) }),
});

const snakeCased = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(snakeCased);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name.replaceAll(/[A-Z]|\d+/g, (c) => `_${c.toLowerCase()}`),
      snakeCased(inner),
    ]),
  );
};

export const noSuchRequest = (): Refusal =>
  refuse('not_found', 'This key has made no request of that id.', { shouldRetry: false });

const cacheInDollars = ({ saved, embedding, ...cache }: CacheReceipt) => ({
  ...cache,
  ...(saved !== undefined && { savedUsd: formatUsd(BigInt(saved)) }),
  ...(embedding && {
    embedding: {
      target: embedding.target,
      inputTokens: embedding.inputTokens,
      costUsd: formatUsd(BigInt(embedding.cost)),
    },
  }),
});

/** The facts of a route by cost are amounts too. */
const routeInDollars = ({ facts, ...route }: RouteReceipt) => {
  if (facts?.policy !== 'cheapest') return { ...route, ...present('facts', facts) };
  const { costs, ...others } = facts;
  return { ...route, facts: { ...others, costsUsd: costs.map((cost) => formatUsd(BigInt(cost))) } };
};
