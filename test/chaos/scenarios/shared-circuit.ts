import { setTimeout as sleep } from 'node:timers/promises';
import { CIRCUIT } from '../../../lambdas/core/call/call-policy.ts';
import { chaosConfig } from '../chaos-config.ts';
import { type ChaosGateway, type Stage, startChaosGateway } from '../chaos-gateway.ts';
import { ANSWER, startChaosUpstream } from '../chaos-upstream.ts';
import type { Seen } from '../clients.ts';

export interface SharedCircuit {
  seen: Seen[];
  /** Calls to the broken target by the process that found it broken … */
  byFirst: number;
  /** … by the other one, once it has had time to read … */
  bySecond: number;
  /** … and by both, when the open time was over, until the first of them had its answer. */
  probes: number;
}

/** Two gateway processes on one store: one finds a target broken, the other is spared it, and of both one probes. */
export const runSharedCircuit = async (
  { clients: count, atOnce }: { clients: number; atOnce: number },
  stage: Stage,
): Promise<SharedCircuit> => {
  const upstream = await startChaosUpstream();
  let gateway: ChaosGateway | undefined;
  try {
    const at = (target: string) => ({ kind: 'openai-compatible' as const, baseUrl: `${upstream.origin}/${target}/v1` });
    gateway = await startChaosGateway(
      chaosConfig({ primary: at('primary'), backup: at('backup') }, { chat: { asks: ['primary', 'backup'] } }),
      stage,
      2,
    );
    const [first, second] = gateway.subjects;
    if (first === undefined || second === undefined) throw new Error('no two gateways');
    const { circuits } = gateway;
    const crowd = { alias: 'chat', isStream: false, clients: count, atOnce, text: () => ANSWER.join('') };
    const asked = () => upstream.callsOf('primary').length;
    upstream.plan('primary', [{ fault: { kind: 'status', status: 500 } }]);
    const seen = await stage.clients.send(first, crowd);
    const byFirst = asked();

    await sleep(CIRCUIT.refreshMs + 200);
    // Its memory is stale: the first request has it read anew, and goes by what it knew.
    seen.push(...(await stage.clients.send(second, { ...crowd, clients: 1, from: 1_000_000 })));
    await sleep(300);
    const before = asked();
    seen.push(...(await stage.clients.send(second, { ...crowd, from: 1_000_001 })));
    const bySecond = asked() - before;

    // The open time is over; the target is well, and takes its time.
    upstream.plan('primary', [{ fault: { kind: 'slow-first-token', afterMs: 700 } }]);
    const [record] = await circuits.read(['primary/m']);
    if (record === undefined) throw new Error('no circuit');
    const due = { ...record, version: record.version + 1, circuit: { state: 'open', until: 0, openings: 1 } as const };
    if (!(await circuits.write(due))) throw new Error('somebody else has moved the circuit');
    await sleep(CIRCUIT.refreshMs + 200);
    const from = asked();
    const both = await Promise.all(
      [first, second].map((subject, i) => stage.clients.send(subject, { ...crowd, from: 2_000_000 * (i + 1) })),
    );
    seen.push(...both.flat());
    const calls = upstream.callsOf('primary').slice(from);
    const answeredAt = Math.min(...calls.map(({ endedAt = Number.POSITIVE_INFINITY }) => endedAt));
    return { seen, byFirst, bySecond, probes: calls.filter(({ at }) => at < answeredAt).length };
  } finally {
    await gateway?.stop();
    await upstream.stop();
  }
};
