import { chaosConfig } from '../chaos-config.ts';
import { type ChaosGateway, type Stage, startChaosGateway } from '../chaos-gateway.ts';
import { ANSWER, startChaosUpstream } from '../chaos-upstream.ts';
import type { Seen } from '../clients.ts';

export interface RetryAfter {
  seen: Seen[];
  /** Calls that the busy target was sent before anybody could know that it was busy. */
  unknowing: number;
  /** Calls of clients that came when it was known, before the time that the target had named. */
  early: number;
  /** Calls after that time. */
  after: number;
}

/** A target that answers 429 and says for how long, beside a healthy one, under load until its time is over. */
export const runRetryAfter = async (
  {
    waitMs,
    header,
    atOnce,
    isStream,
  }: { waitMs: number; header: 'retry-after' | 'retry-after-ms'; atOnce: number; isStream: boolean },
  stage: Stage,
): Promise<RetryAfter> => {
  const upstream = await startChaosUpstream();
  let gateway: ChaosGateway | undefined;
  try {
    const at = (target: string) => ({ kind: 'openai-compatible' as const, baseUrl: `${upstream.origin}/${target}/v1` });
    gateway = await startChaosGateway(
      chaosConfig({ busy: at('busy'), free: at('free') }, { chat: { asks: ['busy', 'free'] } }),
      stage,
    );
    const [subject] = gateway.subjects;
    if (subject === undefined) throw new Error('no gateway');
    const value = header === 'retry-after' ? String(waitMs / 1_000) : String(waitMs);
    // The first crowd is told; whatever it is asked once its time is over it answers.
    upstream.plan('busy', [{ fault: { kind: 'status', status: 429, headers: { [header]: value } }, toMs: waitMs }]);
    const dueAt = () =>
      Math.max(...upstream.callsOf('busy').map(({ endedAt = 0, fault }) => (fault === 'status' ? endedAt : 0))) +
      waitMs;
    const until = () => dueAt() + waitMs / 4 + 500;
    const seen = await stage.clients.send(subject, {
      alias: 'chat',
      isStream,
      clients: Number.MAX_SAFE_INTEGER,
      atOnce,
      text: () => ANSWER.join(''),
      goesOn: () => upstream.callsOf('busy').length === 0 || performance.now() < until(),
    });
    const calls = upstream.callsOf('busy');
    const refused = new Set(calls.filter(({ fault }) => fault === 'status').map(({ client }) => client));
    // Once one of the refused has its answer from elsewhere, the gateway has read the retry-after.
    const knownAt = Math.min(...seen.filter(({ client }) => refused.has(client)).map(({ endedAt }) => endedAt));
    const startOf = new Map(seen.map(({ client, startedAt }) => [client, startedAt]));
    const firstDueAt = Math.min(...calls.map(({ endedAt = 0 }) => endedAt)) + waitMs;
    const isEarly = ({ client = 0, at }: { client: number | undefined; at: number }) =>
      (startOf.get(client) ?? 0) > knownAt && at < firstDueAt;
    return {
      seen,
      unknowing: calls.filter((call) => call.at < firstDueAt && !isEarly(call)).length,
      early: calls.filter(isEarly).length,
      after: calls.filter(({ at }) => at >= firstDueAt).length,
    };
  } finally {
    await gateway?.stop();
    await upstream.stop();
  }
};
