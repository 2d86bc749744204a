import { PROBER } from '../../contract/probing.ts';
import type { Caller } from '../authenticate/authenticate.ts';
import { CIRCUIT } from '../call/call-policy.ts';
import type { Conversation, JsonObject } from '../conversation.ts';
import type { Asked } from '../decode/decode.ts';
import { readLabels } from '../decode/request-headers.ts';
import type { Ports } from '../ports.ts';
import type { Alias, Target } from '../target.ts';

/** The least that every vendor takes as an output limit, tokens: some refuse fewer than 16. */
const OUTPUT_TOKENS = 16;

/**
 * A probe has ended, or is stopped, well within its lease, so that nobody else may probe beside it. A target that lets the
 * shorter time pass without a word is broken; what comes later can't be told from a slow store.
 */
export const PROBE_TIMEOUTS: Alias['timeouts'] = {
  firstTokenMs: CIRCUIT.leaseMs - 10_000,
  idleMs: CIRCUIT.leaseMs - 10_000,
  totalMs: CIRCUIT.leaseMs - 5_000,
};

/** One call, and one more where the provider's key has to be read anew. The lease lets no second round begin. */
const ATTEMPTS = 2;

/** The request that a probe makes: one short turn, asked by Tollgate itself. In OpenAI's words, as any client's could be. */
export const askProbe = async (
  target: Target,
  { loadSurface, gateway }: Pick<Ports, 'loadSurface' | 'gateway'>,
): Promise<Asked> => {
  const surface = await loadSurface('openai-chat');
  const body: JsonObject = {
    model: PROBER,
    messages: [{ role: 'user', content: 'Say OK.' }],
    max_completion_tokens: Math.min(OUTPUT_TOKENS, target.maxOutputTokens),
  };
  const decoded = surface.decodeRequest(body);
  if (!decoded.ok) throw new TypeError(`the probe's own request: ${decoded.problem.message}`);
  const conversation = target.embedding === undefined ? decoded.value : askVector(decoded.value);
  const caller: Caller = {
    keyId: PROBER,
    org: gateway.org,
    team: PROBER,
    user: PROBER,
    tags: {},
    aliases: null,
    rights: new Set(),
  };
  const labels = readLabels(new Headers(), conversation, caller);
  if (!labels.ok) throw new TypeError(`the probe's own labels: ${labels.refusal.message}`);
  // It is asked for itself, whosever place it may take.
  const { canaryOf: _, ...probed } = target;
  const alias: Alias = {
    name: PROBER,
    targets: [probed],
    defaultOutputTokens: OUTPUT_TOKENS,
    outputFloorTokens: OUTPUT_TOKENS,
    timeouts: PROBE_TIMEOUTS,
    attempts: ATTEMPTS,
  };
  return { surface, caller, labels: labels.labels, alias, conversation, body };
};

/** For a target that makes vectors: one of a short text. */
const askVector = (conversation: Conversation): Conversation => ({
  ...conversation,
  turns: [],
  maxOutputTokens: 0,
  embedding: { inputs: ['OK'], format: 'float' },
});
