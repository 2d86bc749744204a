import type { Service } from '../../contract/price.ts';
import type { Charge, CostBearing, JsonObject, JsonValue } from '../../core/conversation.ts';
import { objectOf, objectsOf } from './wire.ts';

/**
 * Top-level fields of a request that can be billed by something else than its tokens at standard rates, and how each is
 * (SDK 7.57; developers.openai.com/api/docs/pricing). Whatever is not here is passed on as free:
 *
 * - `n` multiplies the output and is held as such.
 * - `prompt_cache_retention` says how long entries are kept at most. Before GPT-5.6 writes cost nothing; from GPT-5.5 on `24h` is
 *   what every request gets, at the usual write rate. A longer least life (`prompt_cache_options.ttl`) has a rate of its own.
 * - `moderation` with OpenAI's own moderation models, `store`, `logprobs`, `verbosity` cost nothing.
 * - From other vendors: OpenRouter's `plugins`, `models`, `provider`, `route` (other prices), xAI's `search_parameters`, Alibaba's
 *   `enable_search`, Perplexity's and Groq's `web_search`, Groq's `compound_custom` and `search_settings`.
 */
const COST_BEARING: Record<string, (value: JsonValue, body: JsonObject) => Charge | undefined> = {
  service_tier: (value) => {
    const service = serviceOf(value);
    return service === 'standard' ? undefined : service === undefined ? UNPRICED : { kind: 'service', service };
  },
  web_search_options: (value) => {
    const size = objectOf(value)?.['search_context_size'];
    return { kind: 'tool', tool: 'web-search', size: size === 'low' || size === 'high' ? size : 'medium' };
  },
  modalities: (value) =>
    Array.isArray(value) && value.every((one) => one === 'text')
      ? undefined
      : Array.isArray(value) && value.every((one) => one === 'text' || one === 'audio')
        ? { kind: 'audio' }
        : UNPRICED,
  audio: () => ({ kind: 'audio' }),
  prediction: (value) => ({ kind: 'prediction', text: JSON.stringify(objectOf(value)?.['content'] ?? value) }),
  prompt_cache_options: (value) => (isUsualLife(objectOf(value)?.['ttl']) ? undefined : LONG_CACHE),
  moderation: (value) => {
    const model = objectOf(value)?.['model'];
    return typeof model === 'string' && /^(omni|text)-moderation-/.test(model) ? undefined : UNPRICED;
  },
  plugins: (value) => (isEmptyList(value) ? undefined : UNPRICED),
  models: (value) => (isEmptyList(value) ? undefined : UNPRICED),
  provider: () => UNPRICED,
  route: () => UNPRICED,
  search_parameters: () => UNPRICED,
  enable_search: (value) => (value === false ? undefined : UNPRICED),
  web_search: (value) => (value === false ? undefined : UNPRICED),
  compound_custom: () => UNPRICED,
  search_settings: () => UNPRICED,
};

const UNPRICED: Charge = { kind: 'unpriced' };
const LONG_CACHE: Charge = { kind: 'long-cache' };

/** Losing these changes how fast or how cheaply an answer comes, not what it says. */
const DISPENSABLE = new Set(['service_tier', 'prediction', 'prompt_cache_options', 'provider', 'route']);

/** What the vendor's word for a tier means; undefined for words that are none of OpenAI's. `scale` is prepaid. */
export const serviceOf = (tier: JsonValue | undefined): Service | 'auto' | undefined => {
  switch (tier) {
    case 'auto':
      return 'auto';
    case 'default':
    case 'scale':
      return 'standard';
    case 'fast':
    case 'priority':
      return 'priority';
    case 'flex':
    case 'ultrafast':
      return tier;
    default:
      return undefined;
  }
};

const isEmptyList = (value: JsonValue): boolean => Array.isArray(value) && value.length === 0;

const isUsualLife = (ttl: JsonValue | undefined): boolean => ttl === undefined || ttl === null || ttl === '30m';

export interface Costs {
  costBearing: CostBearing[];
  /** Fields that a target of another dialect does without. */
  dispensable: string[];
}

/** Chat Completions and Responses, which share these fields. */
type OpenaiDialect = 'openai-chat' | 'openai-responses';

/**
 * @param names top-level fields that the conversation does not hold and that are set
 * @param hasAudioInput whether a message holds sound
 */
export const readCosts = (
  body: JsonObject,
  names: readonly string[],
  dialect: OpenaiDialect = 'openai-chat',
  hasAudioInput = false,
): Costs => {
  const found = names.flatMap((name): CostBearing[] => {
    const charge = isCostBearing(name) ? COST_BEARING[name]?.(body[name] ?? null, body) : undefined;
    return charge === undefined ? [] : [costOf(name, charge, dialect)];
  });
  const breakpoint = longBreakpoint(body);
  const costBearing = [
    ...found,
    ...(breakpoint === undefined ? [] : [costOf(breakpoint, LONG_CACHE, dialect)]),
    ...(hasAudioInput ? [costOf('input_audio', { kind: 'audio', isInput: true }, dialect)] : []),
  ];
  return {
    costBearing,
    // `auto` asks for nothing that could be missed.
    dispensable: costBearing.flatMap((item) =>
      item.isDispensable && !(item.kind === 'service' && item.service === 'auto') ? [item.field] : [],
    ),
  };
};

export const costOf = (field: string, charge: Charge, dialect: OpenaiDialect): CostBearing => ({
  field,
  bound: charge.kind === 'audio' ? 'audio' : field,
  dialect,
  isDispensable: DISPENSABLE.has(field) || charge.kind === 'long-cache',
  ...charge,
});

export const isCostBearing = (name: string): boolean => Object.hasOwn(COST_BEARING, name);

const BREAKPOINT = 'prompt_cache_breakpoint';

/** The name of the breakpoints, where one of the messages' asks for more than the usual life. */
const longBreakpoint = (body: JsonObject): string | undefined =>
  objectsOf(body['messages'] ?? body['input']).some(({ content }) =>
    objectsOf(content).some((part) => !isUsualLife(objectOf(part[BREAKPOINT])?.['ttl'])),
  )
    ? BREAKPOINT
    : undefined;
