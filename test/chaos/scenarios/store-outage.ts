import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import { makeApiKey } from '../../../lambdas/core/authenticate/api-key.ts';
import { type ChaosGateway, chaosConfig, type Stage, startChaosGateway } from '../chaos-gateway.ts';
import { ANSWER, startChaosUpstream } from '../chaos-upstream.ts';
import type { Seen, Subject } from '../clients.ts';

/** `gone`: the store's file is no longer there, so that each call fails at once. `locked`: each write waits for a lock, in vain. */
export type StoreFault = 'gone' | 'locked';

export interface StoreOutage {
  /** Clients that came before it and were answered after, while the store was down. */
  carriedOver: Seen[];
  /** Clients that came while it was down. */
  during: Seen[];
  /** Those of a key that the gateway had never seen, and of one that does not exist. */
  strangers: Seen[];
  /** Clients that came when it was back. */
  after: Seen[];
  /** From the store's return to the first answer of a client that came after it, ms. */
  backMs: number;
  /** Answers without an entry, and calls of the upstream without one. */
  lost: string[];
  unsettled: string[];
  wrongAccounts: string[];
}

/** Breaks the embedded store of a running gateway. @returns what mends it */
const breakStore = (dataDir: string, fault: StoreFault): (() => void) => {
  const file = join(dataDir, 'tollgate.db');
  if (fault === 'gone') {
    renameSync(file, `${file}.gone`);
    return () => renameSync(`${file}.gone`, file);
  }
  const locker = new DatabaseSync(file, { timeout: 10_000 });
  locker.exec('BEGIN IMMEDIATE');
  return () => {
    locker.exec('ROLLBACK');
    locker.close();
  };
};

/** Load before, while and after the store is down; every answer is looked for in the ledger afterwards. */
export const runStoreOutage = async (
  { fault, outageMs, atOnce }: { fault: StoreFault; outageMs: number; atOnce: number },
  stage: Stage,
): Promise<StoreOutage> => {
  const upstream = await startChaosUpstream();
  let gateway: ChaosGateway | undefined;
  let mend = (): void => {};
  try {
    upstream.plan('only', [{ fault: { kind: 'healthy', gapMs: 50 } }]);
    gateway = await startChaosGateway(
      chaosConfig(
        { only: { kind: 'openai-compatible', baseUrl: `${upstream.origin}/only/v1` } },
        { chat: { asks: ['only'] } },
      ),
      stage,
    );
    const [subject] = gateway.subjects;
    if (subject === undefined) throw new Error('no gateway');
    const stranger: Subject = { ...subject, headers: { authorization: `Bearer ${await gateway.makeKey()}` } };
    const nobody: Subject = { ...subject, headers: { authorization: `Bearer ${makeApiKey(systemRandom).key}` } };
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
      stage.clients.send(
        subject,
        crowd(false, 1, () => !isOver),
      ),
      stage.clients.send(
        subject,
        crowd(true, 10_000_000, () => !isOver),
      ),
    ]);
    await sleep(500);
    mend = breakStore(gateway.dataDir, fault);
    downAt = performance.now();
    await sleep(50);
    const one = (from: number) => ({ ...crowd(false, from, () => true), clients: 1, atOnce: 1 });
    const strangers = Promise.all([
      stage.clients.send(stranger, one(90_000_000)),
      stage.clients.send(nobody, one(90_000_001)),
    ]);
    await sleep(outageMs);
    mend();
    mend = () => {};
    upAt = performance.now();
    await sleep(1_500);
    isOver = true;
    const seen = (await load).flat();
    const unknown = (await strangers).flat();
    await gateway.drain();
    const entries = await gateway.entries();
    const known = new Set(entries.map(({ tags }) => Number(tags['client'])));
    const after = seen.filter(({ startedAt }) => startedAt >= upAt);
    const answered = after.filter(({ verdict }) => verdict === 'answered').map(({ endedAt }) => endedAt - upAt);
    return {
      carriedOver: seen.filter(({ startedAt, endedAt }) => startedAt < downAt && endedAt > downAt),
      during: seen.filter(({ startedAt }) => startedAt >= downAt && startedAt < upAt),
      strangers: unknown,
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
