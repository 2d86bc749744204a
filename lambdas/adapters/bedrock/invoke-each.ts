import type { UpstreamReply } from '../../core/call/upstream.ts';
import type { JsonObject, JsonValue } from '../../core/conversation.ts';

/** Calls of one batch that are under way at once. */
const AT_ONCE = 8;

/** One call's reply, read whole. */
export interface WholeReply {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  text: string;
}

/**
 * A batch for a model that takes one thing a call: its bodies one by one, a few at a time. Once one has failed no other is
 * begun; those under way are waited for, since they are billed. The reply then has the failure's status and headers, and its
 * body as `error` beside the replies that came.
 *
 * @param invoke sends one and reads its reply; what it throws ends the batch
 */
export const invokeEach = async (
  bodies: readonly JsonObject[],
  invoke: (body: JsonObject) => Promise<WholeReply>,
): Promise<UpstreamReply> => {
  const replies: (JsonValue | null)[] = bodies.map(() => null);
  let failed: WholeReply | undefined;
  let broken: { cause: unknown } | undefined;
  let next = 0;

  const work = async (): Promise<void> => {
    while (next < bodies.length && failed === undefined && broken === undefined) {
      const index = next++;
      try {
        const reply = await invoke(bodies[index] ?? {});
        const json = reply.status >= 200 && reply.status <= 299 ? parsed(reply.text) : undefined;
        if (json !== undefined) replies[index] = json;
        else failed ??= reply;
      } catch (cause) {
        broken ??= { cause };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, bodies.length) }, work));
  // What others delivered meanwhile may be billed; what is thrown here is charged whole.
  if (broken !== undefined) throw broken.cause;
  const text = JSON.stringify({ replies, ...(failed !== undefined && { error: failed.text }) });
  return {
    // An answer that can't be read is told as one.
    status: failed === undefined || failed.status <= 299 ? 200 : failed.status,
    headers: failed?.headers ?? { 'content-type': 'application/json' },
    text: async () => text,
    async *events() {},
  };
};

const parsed = (text: string): JsonValue | undefined => {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};
