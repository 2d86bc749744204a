import { setTimeout as sleep } from 'node:timers/promises';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import { makeApiKey } from '../../../lambdas/core/authenticate/api-key.ts';
import type { LedgerEntry } from '../../../lambdas/core/ledger.ts';
import { chaosConfig } from '../chaos-config.ts';
import { ANSWER, startChaosUpstream } from '../chaos-upstream.ts';
import type { Clients, Seen, Subject } from '../clients.ts';

/** A gateway whose store can be broken. */
export interface FragileGateway {
  subject: Subject;
  /** A key that the gateway has not seen yet. */
  makeKey(): Promise<string>;
  /** @returns what mends it */
  breakStore(): () => void;
  /** Lets the gateway end in order: everything under way is settled. */
  drain(): Promise<void>;
  /** All of the ledger. */
  entries(): Promise<LedgerEntry[]>;
  /** Accounts in which less, or more, is spent than their entries cost. */
  wrongAccounts(): Promise<string[]>;
  stop(): Promise<void>;
}

/** Starts it over the only target, with the alias `chat`. */
export type OpenFragile = (config: GatewayConfig) => Promise<FragileGateway>;

export interface StoreOutage {
  /** Clients that had their answer when it came. */
  before: Seen[];
  /** Clients that came before it and were answered after, while the store was down. */
  carriedOver: Seen[];
  /** Clients that came while it was down. */
  during: Seen[];
  /** One of a key that the gateway had never seen. */
  stranger: Seen | undefined;
  /** One whose key does not exist. */
  nobody: Seen | undefined;
  /** Clients that came when it was back. */
  after: Seen[];
  /** From the store's return to the first answer of a client that came after it, ms. */
  backMs: number;
  /** Answers without an entry, and calls of the upstream without one. */
  lost: string[];
  unsettled: string[];
  wrongAccounts: string[];
}

/** After the store's return: how long there is load, and how long somebody new waits for an answer. */
const LOAD_MS = 1_500;
const BACK_WITHIN_MS = 20_000;

/** Load before, while and after the store is down; every answer is looked for in the ledger afterwards. */
export const runStoreOutage = async (
  { outageMs, atOnce }: { outageMs: number; atOnce: number },
  clients: Clients,
  open: OpenFragile,
): Promise<StoreOutage> => {
  const upstream = await startChaosUpstream();
  let gateway: FragileGateway | undefined;
  let mend = (): void => {};
  try {
    upstream.plan('only', [{ fault: { kind: 'healthy', gapMs: 50 } }]);
    gateway = await open(
      chaosConfig(
        { only: { kind: 'openai-compatible', baseUrl: `${upstream.origin}/only/v1` } },
        { chat: { asks: ['only'] } },
      ),
    );
    const { subject } = gateway;
    const strangersOwn: Subject = { ...subject, headers: { authorization: `Bearer ${await gateway.makeKey()}` } };
    const nobodysOwn: Subject = { ...subject, headers: { authorization: `Bearer ${makeApiKey(systemRandom).key}` } };
    const crowd = (isStream: boolean, from: number, goesOn: () => boolean) => ({
      alias: 'chat',
      isStream,
      clients: Number.MAX_SAFE_INTEGER,
      atOnce: Math.ceil(atOnce / 2),
      from,
      text: () => ANSWER.join(''),
      headersOf: (client: number) => ({ 'x-tollgate-tags': `client=${client}` }),
      goesOn,
    });
    let [downAt, upAt, isOver] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, false];
    const load = Promise.all([
      clients.send(
        subject,
        crowd(false, 1, () => !isOver),
      ),
      clients.send(
        subject,
        crowd(true, 10_000_000, () => !isOver),
      ),
    ]);
    // Everybody has been answered a few times.
    while (upstream.calls.filter(({ end }) => end === 'completed').length < 3 * atOnce) await sleep(20);
    // And many have half an answer, which is to be settled when the store is gone.
    const areHalfWay = (): boolean =>
      upstream.calls.filter(({ end, isStream, outputTokens }) => isStream && end === undefined && outputTokens > 0)
        .length >=
      atOnce / 4;
    while (!areHalfWay()) await sleep(1);
    mend = gateway.breakStore();
    downAt = performance.now();
    await sleep(50);
    const one = (from: number) => ({ ...crowd(false, from, () => true), clients: 1, atOnce: 1 });
    const strangers = Promise.all([
      clients.send(strangersOwn, one(90_000_000)),
      clients.send(nobodysOwn, one(90_000_001)),
    ]);
    await sleep(outageMs);
    mend();
    mend = () => {};
    upAt = performance.now();
    // A busy machine may stand still just now: beside the load somebody asks until there is an answer.
    const newcomers: Seen[] = [];
    do newcomers.push(...(await clients.send(subject, one(80_000_000 + newcomers.length))));
    while (newcomers.at(-1)?.verdict !== 'answered' && performance.now() < upAt + BACK_WITHIN_MS);
    await sleep(Math.max(0, upAt + LOAD_MS - performance.now()));
    isOver = true;
    const seen = [...(await load).flat(), ...newcomers];
    const [[stranger], [nobody]] = await strangers;
    await gateway.drain();
    const entries = await gateway.entries();
    const known = new Set(entries.map(({ tags }) => Number(tags['client'])));
    const after = seen.filter(({ startedAt }) => startedAt >= upAt);
    const answered = after.filter(({ verdict }) => verdict === 'answered').map(({ endedAt }) => endedAt - upAt);
    return {
      before: seen.filter(({ endedAt }) => endedAt <= downAt),
      carriedOver: seen.filter(({ startedAt, endedAt }) => startedAt < downAt && endedAt > downAt),
      during: seen.filter(({ startedAt }) => startedAt >= downAt && startedAt < upAt),
      stranger,
      nobody,
      after,
      backMs: Math.min(...answered),
      lost: [
        ...seen
          .filter(({ verdict, client }) => verdict === 'answered' && !known.has(client))
          .map(({ client }) => `answer to client ${client}`),
        ...upstream.calls
          .filter(({ client = -1 }) => !known.has(client))
          .map(({ client }) => `call of client ${client}`),
      ],
      unsettled: entries
        .filter(({ state }) => state !== 'settled')
        .map(({ requestId, state }) => `${requestId} ${state}`),
      wrongAccounts: await gateway.wrongAccounts(),
    };
  } finally {
    mend();
    await gateway?.stop();
    await upstream.stop();
  }
};
