import type { LedgerEntry } from '../../../lambdas/core/ledger.ts';
import { chaosConfig } from '../chaos-config.ts';
import { type ChaosGateway, type Stage, startChaosGateway } from '../chaos-gateway.ts';
import { ANSWER, startChaosUpstream } from '../chaos-upstream.ts';
import type { Seen } from '../clients.ts';

export interface AllOpen {
  /** While every target fails and every circuit is open. */
  failing: Seen[];
  /** Calls that each of them cost. */
  callsOfFailing: number[];
  /** After the first target has come back, its circuit still open. */
  recovered: Seen[];
  /** Entries whose receipt says that the least bad target was tried. */
  leastBad: LedgerEntry[];
}

/** Both targets fail until both circuits are open; then one of them recovers before its circuit knows. */
export const runAllOpen = async (
  { clients: count, atOnce }: { clients: number; atOnce: number },
  stage: Stage,
): Promise<AllOpen> => {
  const upstream = await startChaosUpstream();
  let gateway: ChaosGateway | undefined;
  try {
    const at = (target: string) => ({ kind: 'openai-compatible' as const, baseUrl: `${upstream.origin}/${target}/v1` });
    gateway = await startChaosGateway(
      chaosConfig({ one: at('one'), other: at('other') }, { chat: { asks: ['one', 'other'], attempts: 2 } }),
      stage,
    );
    const [subject] = gateway.subjects;
    if (subject === undefined) throw new Error('no gateway');
    const crowd = { alias: 'chat', isStream: false, atOnce, text: () => ANSWER.join('') };
    for (const target of ['one', 'other']) upstream.plan(target, [{ fault: { kind: 'status', status: 500 } }]);
    // One after the other, until both are open.
    await stage.clients.send(subject, { ...crowd, atOnce: 1, clients: 8 });
    upstream.forget();
    const failing = await stage.clients.send(subject, { ...crowd, clients: count, from: 1_000 });
    const calls = Map.groupBy(upstream.calls, ({ client }) => client);
    upstream.plan('one', []);
    upstream.plan('other', []);
    const recovered = await stage.clients.send(subject, { ...crowd, clients: count, from: 1_000_000 });
    await gateway.drain();
    const entries = await gateway.entries();
    return {
      failing,
      callsOfFailing: failing.map(({ client }) => calls.get(client)?.length ?? 0),
      recovered,
      leastBad: entries.filter(({ receipt }) => receipt.attempts.some(({ leastBad }) => leastBad)),
    };
  } finally {
    await gateway?.stop();
    await upstream.stop();
  }
};
