import type { LedgerEntry } from '../../../lambdas/core/ledger.ts';
import { chaosConfig, PRICE } from '../chaos-config.ts';
import { type ChaosGateway, type Stage, startChaosGateway } from '../chaos-gateway.ts';
import { type ChaosCall, type ChaosUpstream, startChaosUpstream } from '../chaos-upstream.ts';
import type { Seen } from '../clients.ts';

export interface HangUpOptions {
  clients: number;
  atOnce: number;
  /** Share of the clients that leave, 0..1. */
  share: number;
  seed: number;
}

export interface HangUps {
  seen: Seen[];
  /** From a client's leaving to the end of its upstream call, ms; of those that left a call behind. */
  stopMs: number[];
  /** Calls that were still under way ten seconds after the last client had gone. */
  stillOpen: number;
  /** Calls of clients that had left which were answered to their end. */
  wentOn: number;
  entries: LedgerEntry[];
  /** Entries that are not settled. */
  unsettled: string[];
  /** Entries whose cost is not the upstream's own count, or beyond their hold. */
  wrong: string[];
  /** Charged from a count, and by an estimate where the count never came. */
  counted: number;
  estimated: number;
  wrongAccounts: string[];
  /** Of the gateway's process: before, and the most; undefined where the system does not tell. */
  memoryMb: { before: number; most: number } | undefined;
}

const WORDS = 60;
const GAP_MS = 10;
/** A stream that nobody could have waited for: it ends because it is stopped. */
const LONG_WORDS = 2_000;
/** Of no two clients in a row the same length. */
const wordsOf = (client = 0): string[] => Array.from({ length: 5 + (client % WORDS) }, (_, i) => `word${i} `);

/** Mulberry32, so that a run can be had again. */
const chanceOf = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** Many streams at once, of which some clients leave at random times; then holds the ledger against the upstream's own log. */
export const runHangUps = async (
  { clients: count, atOnce, share, seed }: HangUpOptions,
  stage: Stage,
): Promise<HangUps> => {
  const chance = chanceOf(seed);
  const leaves = new Map(
    Array.from({ length: count }, (_, i) => [i + 1, chance() < share ? chance() * WORDS * GAP_MS : undefined]),
  );
  const piecesFor = (client = 0): string[] =>
    leaves.get(client) === undefined ? wordsOf(client) : Array<string>(LONG_WORDS).fill('word ');
  const upstream = await startChaosUpstream({ piecesFor });
  let gateway: ChaosGateway | undefined;
  try {
    upstream.plan('only', [{ fault: { kind: 'healthy', gapMs: GAP_MS } }]);
    gateway = await startChaosGateway(
      chaosConfig(
        { only: { kind: 'openai-compatible', baseUrl: `${upstream.origin}/only/v1` } },
        { chat: { asks: ['only'], timeouts: { firstTokenMs: 60_000, idleMs: 60_000, totalMs: 120_000 } } },
      ),
      stage,
    );
    const [subject] = gateway.subjects;
    if (subject === undefined) throw new Error('no gateway');
    const before = gateway.residentMb();
    let most = before ?? 0;
    const watching = setInterval(() => {
      most = Math.max(most, gateway?.residentMb() ?? 0);
    }, 100);
    const seen = await stage.clients.send(subject, {
      alias: 'chat',
      isStream: true,
      clients: count,
      atOnce,
      maxTokens: 5_000,
      text: (client) => wordsOf(client).join(''),
      headersOf: (client) => ({ 'x-tollgate-tags': `client=${client}` }),
      leavesAfterMs: (client) => leaves.get(client),
    });
    clearInterval(watching);
    const quiet = await Promise.race([
      upstream.whenQuiet().then(() => true),
      new Promise<false>((resolve) => setTimeout(() => resolve(false), 10_000).unref()),
    ]);
    await gateway.drain();
    const entries = await gateway.entries();
    return {
      seen,
      stopMs: stopTimes(seen, upstream.calls),
      stillOpen: quiet ? 0 : upstream.calls.filter(({ end }) => end === undefined).length,
      wentOn: wentOn(seen, upstream.calls),
      entries,
      ...compareWithMeter(entries, upstream),
      wrongAccounts: await gateway.wrongAccounts(),
      memoryMb: before === undefined ? undefined : { before, most },
    };
  } finally {
    await gateway?.stop();
    await upstream.stop();
  }
};

const stopTimes = (seen: readonly Seen[], calls: readonly ChaosCall[]): number[] => {
  const byClient = new Map(calls.map((call) => [call.client, call]));
  return seen.flatMap(({ client, verdict, endedAt }) => {
    const call = byClient.get(client);
    const isLeftBehind = verdict === 'left' && call?.endedAt !== undefined && call.endedAt > endedAt;
    return isLeftBehind ? [(call.endedAt ?? 0) - endedAt] : [];
  });
};

const wentOn = (seen: readonly Seen[], calls: readonly ChaosCall[]): number => {
  const left = new Set(seen.filter(({ verdict }) => verdict === 'left').map(({ client }) => client));
  return calls.filter(({ client, end }) => end === 'completed' && left.has(client ?? -1)).length;
};

/** What the upstream counted is what was charged, to the nano-dollar; what it never told is charged within the hold, and above what came. */
const compareWithMeter = (
  entries: readonly LedgerEntry[],
  { calls }: ChaosUpstream,
): Pick<HangUps, 'unsettled' | 'wrong' | 'counted' | 'estimated'> => {
  const meter = new Map(calls.map((call) => [String(call.client), call]));
  const known = new Set(entries.map(({ tags }) => tags['client']));
  const wrong = [...meter.keys()].filter((client) => !known.has(client)).map((client) => `client ${client}: no entry`);
  let [counted, estimated] = [0, 0];
  for (const { tags, cost, hold, receipt } of entries) {
    const call = meter.get(tags['client'] ?? '');
    const delivered =
      call === undefined ? 0n : BigInt(call.inputTokens) * PRICE.input + BigInt(call.outputTokens) * PRICE.output;
    if (receipt.usageEstimated === true) {
      estimated += 1;
      if (cost > hold || cost < delivered)
        wrong.push(`client ${tags['client']}: ${cost} for ${delivered}, held ${hold}`);
    } else {
      counted += 1;
      const isDue = call === undefined || (call.end === 'completed' && cost === delivered);
      if (!isDue || (call === undefined && cost !== 0n))
        wrong.push(`client ${tags['client']}: ${cost}, the upstream says ${delivered} and ${call?.end}`);
    }
  }
  return {
    unsettled: entries
      .filter(({ state }) => state !== 'settled')
      .map(({ requestId, state }) => `${requestId} ${state}`),
    wrong,
    counted,
    estimated,
  };
};
