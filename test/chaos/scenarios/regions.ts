import { setTimeout as sleep } from 'node:timers/promises';
import { slowStartShare } from '../../../lambdas/core/call/circuit.ts';
import type { CircuitRecord } from '../../../lambdas/core/call/circuit-store.ts';
import { chaosConfig } from '../chaos-config.ts';
import { type ChaosGateway, type Stage, startChaosGateway } from '../chaos-gateway.ts';
import { ANSWER, type ChaosUpstream, startChaosUpstream } from '../chaos-upstream.ts';
import type { Seen } from '../clients.ts';

const REGIONS = ['eu-west-1', 'us-east-1', 'ap-south-1'] as const;
type Region = (typeof REGIONS)[number];
const LOST: readonly Region[] = ['us-east-1', 'ap-south-1'];
const targetOf = (region: Region): string => `${region}/m@${region}`;

/** Every conversation asked once. */
export interface Sweep {
  /** Since both lost regions had their circuits closed, ms. */
  ageMs: number;
  /** The share of the requests that the slow start gives them then. */
  share: number;
  /** Conversations whose home is one of the lost regions, and how many of them were answered there. */
  homeless: number;
  atHome: number;
  /** Conversations that had come home before and were not there now. */
  leftAgain: number;
}

export interface Regions {
  seen: Seen[];
  conversations: number;
  /** Those that moved though all three were well. */
  restless: number;
  /** Upstream calls per client while two regions were down, the greatest number. */
  mostExtraCalls: number;
  /** From the return of the regions until both circuits were closed, ms. */
  closedAfterMs: number;
  sweeps: Sweep[];
  /** At the end: conversations that are where they began. */
  restored: number;
}

export interface RegionOptions {
  conversations: number;
  atOnce: number;
  /** How long the regions are lost, under load. */
  lostMs: number;
  /** At which ages of the closed circuits to look. Unless it is real time that passes, the records are made that old. */
  agesMs: readonly number[];
  isRealTime: boolean;
}

/** Conversations spread over three regions, of which two are lost and come back. */
export const runRegions = async (options: RegionOptions, stage: Stage): Promise<Regions> => {
  const hosts = new Map<Region, ChaosUpstream>();
  let gateway: ChaosGateway | undefined;
  try {
    for (const region of REGIONS) hosts.set(region, await startChaosUpstream());
    const providers = [...hosts].map(([region, { origin }]) => [
      region,
      { kind: 'openai-compatible' as const, baseUrl: `${origin}/${region}/v1`, regions: [region] },
    ]);
    gateway = await startChaosGateway(
      chaosConfig(Object.fromEntries(providers), { chat: { asks: [...REGIONS], policy: 'weighted', attempts: 4 } }),
      stage,
    );
    return await loseRegions(options, { hosts, gateway, stage });
  } finally {
    await gateway?.stop();
    await Promise.all([...hosts.values()].map((host) => host.stop()));
  }
};

interface Cast {
  hosts: Map<Region, ChaosUpstream>;
  gateway: ChaosGateway;
  stage: Stage;
}

const loseRegions = async (options: RegionOptions, { hosts, gateway, stage }: Cast): Promise<Regions> => {
  const { conversations, atOnce, lostMs } = options;
  const [subject] = gateway.subjects;
  if (subject === undefined) throw new Error('no gateway');
  const lost = LOST.flatMap((region) => hosts.get(region) ?? []);
  const all: Seen[] = [];
  let from = 0;
  /** @returns who has answered each conversation */
  const sweep = async (): Promise<Map<number, string>> => {
    const first = from;
    from += conversations;
    const seen = await stage.clients.send(subject, {
      alias: 'chat',
      isStream: first % 2 === 0,
      clients: conversations,
      atOnce,
      from: first,
      text: () => ANSWER.join(''),
      headersOf: (client) => ({ 'x-tollgate-session': `session-${client - first}` }),
    });
    all.push(...seen);
    return new Map(seen.map(({ client, headers }) => [client - first, headers['x-tollgate-model'] ?? '']));
  };
  const records = () => gateway.circuits.read(LOST.map(targetOf));
  const rewrite = async (change: (record: CircuitRecord) => Partial<CircuitRecord>): Promise<void> => {
    for (const record of await records())
      await gateway.circuits.write({ ...record, ...change(record), version: record.version + 1 });
    await sleep(1_100);
    // What is stale is read beside a request.
    await sweep();
    await sleep(100);
  };

  const homes = await sweep();
  const again = await sweep();
  const restless = [...homes].filter(([conversation, target]) => again.get(conversation) !== target).length;
  const displaced = [...homes].filter(([, target]) => LOST.map(targetOf).includes(target)).map(([one]) => one);

  for (const host of lost) await host.goDown();
  const before = from;
  for (const until = performance.now() + lostMs; performance.now() < until; ) await sweep();
  const mostExtraCalls = Math.max(
    ...all
      .filter(({ client }) => client >= before)
      .map(({ headers }) => Number(headers['x-tollgate-attempts'] ?? 1) - 1),
  );

  for (const host of lost) await host.comeBack();
  const backAt = performance.now();
  if (!options.isRealTime) await rewrite(() => ({ circuit: { state: 'open', until: 0, openings: 1 } }));
  while (!(await records()).every(({ circuit }) => circuit.state === 'closed')) {
    if (performance.now() - backAt > 120_000) throw new Error('the circuits do not close');
    await sweep();
    await sleep(100);
  }
  const closedAfterMs = performance.now() - backAt;

  const sweeps: Sweep[] = [];
  let atHomeBefore = new Set<number>();
  for (const ageMs of options.agesMs) {
    if (!options.isRealTime) await rewrite(() => ({ changedAt: Date.now() - ageMs }));
    else while (Math.min(...(await records()).map(({ changedAt }) => Date.now() - changedAt)) < ageMs) await sleep(100);
    const [record] = await records();
    const share = record === undefined ? 1 : slowStartShare(record, Date.now());
    const now = await sweep();
    const atHome = new Set(displaced.filter((conversation) => now.get(conversation) === homes.get(conversation)));
    sweeps.push({
      ageMs,
      share,
      homeless: displaced.length,
      atHome: atHome.size,
      leftAgain: [...atHomeBefore].filter((one) => !atHome.has(one)).length,
    });
    atHomeBefore = atHome;
  }
  const last = await sweep();
  return {
    seen: all,
    conversations,
    restless,
    mostExtraCalls,
    closedAfterMs,
    sweeps,
    restored: [...homes].filter(([conversation, target]) => last.get(conversation) === target).length,
  };
};
