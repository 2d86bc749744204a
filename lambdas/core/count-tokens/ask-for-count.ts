import { type Watch, watchAttempt } from '../call/deadlines.ts';
import { encodeCall } from '../call/encode-call.ts';
import { readProviderKey } from '../call/provider-key.ts';
import { dialectOf, providerOf } from '../codecs.ts';
import type { JsonObject, JsonValue } from '../conversation.ts';
import type { Asked } from '../decode/decode.ts';
import { isJsonObject } from '../decode/read-body.ts';
import { type AttemptFailure, type Refusal, refuse } from '../failures.ts';
import type { Ports } from '../ports.ts';
import { isDeeperThan, MAX_DEPTH } from '../read-json.ts';
import { canariesOf } from '../route/route-sources.ts';
import type { Target } from '../target.ts';

/** Who counted. `body`: what the client gets, `input_tokens` in it. */
export type Counted =
  | { kind: 'provider'; target: Target; body: JsonObject }
  | { kind: 'estimate' }
  /** The vendor says that the request itself is wrong. */
  | { refusal: Refusal };

type CountPorts = Pick<
  Ports,
  'clock' | 'secrets' | 'upstream' | 'dialects' | 'providers' | 'circuitBoard' | 'log' | 'random' | 'canaries'
>;

/** All vendors together: whoever asks for a count is about to ask for an answer. */
const PATIENCE_MS = 10_000;

/** Asks the vendors of an alias that count, one after the other. Never rejects for what a vendor does. */
export const askForCount = async (asked: Asked, signal: AbortSignal, ports: CountPorts): Promise<Counted> => {
  const watch = watchAttempt(signal, ports.clock.now() + PATIENCE_MS, ports.clock);
  try {
    for (const target of targetsOf(asked, ports)) {
      if (watch.cause !== undefined) break;
      if (!mayCount(target, ports)) continue;
      const counted = await askTarget(target, asked, watch, ports);
      if (counted !== undefined) return counted;
    }
    return { kind: 'estimate' };
  } finally {
    watch.close();
  }
};

/**
 * Those that answer: a canary only once all conversations are its own. One on trial is not asked, since nobody knows here for
 * which conversation the count is.
 */
const targetsOf = (asked: Asked, ports: CountPorts): Target[] => {
  const { targets } = asked.alias;
  if (targets.every(({ canaryOf }) => canaryOf === undefined)) return targets;
  const sources = { now: ports.clock.now(), shareOf: () => 1 };
  const draw = canariesOf(ports).draw(targets, asked, sources);
  const able = draw.open.filter(({ canaryOf }) => canaryOf?.onTrial !== true);
  const places = able.filter(({ canaryOf }) => canaryOf === undefined).map(({ id }) => id);
  return draw.arrange(places, able);
};

/** A target that is shut says nothing about a request; how it counts says nothing about its circuit. */
const mayCount = (target: Target, { providers, circuitBoard }: CountPorts): boolean =>
  providerOf(target, providers).countTokens !== undefined && circuitBoard.peek(target.id).kind === 'go';

/** @returns undefined where it did not count, and another may */
const askTarget = async (
  target: Target,
  asked: Asked,
  watch: Watch,
  ports: CountPorts,
): Promise<Counted | undefined> => {
  const { upstream, log } = ports;
  const provider = providerOf(target, ports.providers);
  const dialect = dialectOf(target, ports.dialects, asked.surface);
  try {
    const found = await readProviderKey(target, watch, ports);
    if (!found.ok) return notCounted(target, found.failure.reason, log);
    const { key } = found;
    const { alias, conversation, surface, body } = asked;
    const encoded = encodeCall(
      { alias, conversation, surface, body, outputLimit: () => target.maxOutputTokens },
      target,
      dialect,
    );
    const call = provider.countTokens?.({
      target,
      body: encoded.body,
      betas: encoded.betas,
      ...(key !== undefined && { apiKey: key }),
    });
    if (call === undefined) return undefined;
    const reply = await watch.guard(() => upstream.send(call, watch.signal));
    const text = await watch.guard(() => reply.text());
    const count = reply.status >= 200 && reply.status <= 299 ? readCount(text) : undefined;
    if (count !== undefined) return { kind: 'provider', target, body: count };
    const error = dialect.decodeError(reply.status, reply.headers, text);
    const failure = provider.mapError(error, reply.headers);
    if (failure.reason === 'bad_request' && reply.status === 400 && target.dialect === surface.name)
      return { refusal: refusalOf(failure, key) };
    return notCounted(target, failure.reason, log);
  } catch (error) {
    log.warn('tokens not counted by the provider', { target: target.id, error });
    return undefined;
  }
};

/** The vendor's own words: agents go by them. */
const refusalOf = ({ message }: AttemptFailure, key: string | undefined): Refusal =>
  refuse('invalid_request', key === undefined ? message : message.replaceAll(key, '[key]'), { shouldRetry: false });

const notCounted = (target: Target, reason: string, log: Ports['log']): undefined => {
  log.warn('tokens not counted by the provider', { target: target.id, reason });
  return undefined;
};

/** Anthropic says `input_tokens` and at times more; Bedrock `inputTokens`. */
const readCount = (text: string): JsonObject | undefined => {
  let json: JsonValue;
  try {
    json = JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
  if (!isJsonObject(json) || isDeeperThan(json, MAX_DEPTH)) return undefined;
  const { inputTokens, ...body } = json;
  const count = body['input_tokens'] ?? inputTokens;
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0
    ? { ...body, input_tokens: count }
    : undefined;
};
