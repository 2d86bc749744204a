import type { AssistantPart, CachePoint, Conversation, ToolResultPart } from '../conversation.ts';
import { hasDocument, hasImage, hasPart, REFUSED } from './refused.ts';

/**
 * What becomes of a thing that a request holds and a target's dialect has no words for:
 * - `translate`: said in another way, with the same meaning to the model
 * - `drop`: left out, and named in the warning header and the receipt
 * - `refuse`: the target is passed over; where none is left the request is refused and told which thing it was.
 */
export type Crossing = 'translate' | 'drop' | 'refuse';

interface Rule {
  crossing: Crossing;
  /** The name in the warning header, of what is dropped. */
  told?: string;
  /** Whether a request holds it. */
  isIn(conversation: Conversation): boolean;
}

const hasResult = (is: (part: ToolResultPart) => boolean) => hasPart((part) => part.type === 'tool-result' && is(part));

const hasTurn = (is: (parts: AssistantPart[]) => boolean) => (conversation: Conversation) =>
  conversation.turns.some((turn) => turn.role === 'assistant' && is(turn.parts));

const hasCache = (is: (cache: CachePoint) => boolean) => (conversation: Conversation) =>
  conversation.tools.some(({ cache }) => cache !== undefined && is(cache)) ||
  hasPart((part) => 'cache' in part && part.cache !== undefined && is(part.cache))(conversation);

const isObject = (text: string): boolean => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    // Text that is no JSON is an expected answer here, not a failure.
    return false;
  }
};

const systemsIn = ({ turns }: Conversation): { leading: number; later: number } => {
  const first = turns.findIndex(({ role }) => role !== 'system');
  const leading = first === -1 ? turns.length : first;
  return { leading, later: turns.slice(leading).filter(({ role }) => role === 'system').length };
};

const isSet =
  (field: keyof Conversation) =>
  (conversation: Conversation): boolean =>
    conversation[field] !== undefined;

/**
 * Every thing that some dialect can't say, and the one rule for crossing that line. Which dialect it is says the dialect
 * itself, in `Dialect.cannotCarry`; what has no line there is carried. docs/dialects.md is written from both, and
 * test/dialects/uncarried.test.ts holds every codec to them.
 */
export const UNCARRIED = {
  ...REFUSED,
  // What is asked of the model
  seed: { crossing: 'drop', told: 'seed', isIn: isSet('seed') },
  logprobs: { crossing: 'drop', told: 'logprobs', isIn: isSet('logprobs') },
  'presence-penalty': {
    crossing: 'drop',
    told: 'presencePenalty',
    isIn: ({ presencePenalty = 0 }) => presencePenalty !== 0,
  },
  'frequency-penalty': {
    crossing: 'drop',
    told: 'frequencyPenalty',
    isIn: ({ frequencyPenalty = 0 }) => frequencyPenalty !== 0,
  },
  'top-k': { crossing: 'drop', told: 'topK', isIn: isSet('topK') },
  user: { crossing: 'drop', told: 'user', isIn: isSet('user') },
  'stop-sequences': { crossing: 'drop', told: 'stopSequences', isIn: isSet('stopSequences') },
  'many-stop-sequences': {
    crossing: 'drop',
    told: 'stopSequences',
    isIn: ({ stopSequences = [] }) => stopSequences.length > 4,
  },
  'hot-temperature': { crossing: 'drop', told: 'temperature', isIn: ({ temperature = 0 }) => temperature > 1 },
  'json-format': { crossing: 'drop', told: 'format', isIn: ({ format }) => format?.type === 'json' },
  'reasoning-effort': { crossing: 'translate', isIn: ({ reasoning }) => reasoning?.effort !== undefined },
  'reasoning-budget': { crossing: 'translate', isIn: ({ reasoning }) => reasoning?.budgetTokens !== undefined },

  // Tools
  'tool-strict': {
    crossing: 'drop',
    told: 'tools.strict',
    isIn: ({ tools, toolChoice }) => toolChoice?.type !== 'none' && tools.some(({ strict }) => strict === true),
  },
  'tool-without-parameters': {
    crossing: 'translate',
    isIn: ({ tools }) => tools.some(({ parameters }) => parameters === undefined),
  },
  'tool-choice-none': { crossing: 'translate', isIn: ({ toolChoice }) => toolChoice?.type === 'none' },
  'tool-choice-named': { crossing: 'drop', told: 'toolChoice', isIn: ({ toolChoice }) => toolChoice?.type === 'tool' },
  'one-tool-at-a-time': {
    crossing: 'drop',
    told: 'parallelToolCalls',
    isIn: ({ parallelToolCalls, toolChoice }) => parallelToolCalls === false && toolChoice?.type !== 'none',
  },
  'invalid-arguments': {
    crossing: 'translate',
    isIn: hasPart((part) => part.type === 'tool-call' && !isObject(part.arguments)),
  },

  // Results of tools
  'is-error': { crossing: 'drop', told: 'isError', isIn: hasResult(({ isError }) => isError === true) },
  'empty-tool-result': { crossing: 'translate', isIn: hasResult(({ content }) => content.length === 0) },
  'tool-result-image': {
    crossing: 'translate',
    isIn: hasResult(({ content }) => content.some(({ type }) => type === 'image')),
  },
  'tool-result-document': {
    crossing: 'translate',
    isIn: hasResult(({ content }) => content.some(({ type }) => type === 'document')),
  },

  // Images and documents
  'image-detail': {
    crossing: 'drop',
    told: 'image.detail',
    isIn: hasImage(({ detail = 'auto' }) => detail !== 'auto'),
  },
  'document-text': { crossing: 'translate', isIn: hasDocument(({ source }) => source.type === 'text') },
  'document-name': { crossing: 'drop', told: 'document.name', isIn: hasDocument(({ name }) => name !== undefined) },
  'document-context': {
    crossing: 'drop',
    told: 'document.context',
    isIn: hasDocument(({ context }) => context !== undefined),
  },
  cite: { crossing: 'drop', told: 'document.citations', isIn: hasDocument((part) => part.cite === true) },

  // Turns
  'late-system': { crossing: 'translate', isIn: (conversation) => systemsIn(conversation).later > 0 },
  'many-systems': { crossing: 'translate', isIn: (conversation) => systemsIn(conversation).leading > 1 },
  'text-after-call': {
    crossing: 'translate',
    isIn: hasTurn((parts) => {
      const call = parts.findIndex(({ type }) => type === 'tool-call');
      return call !== -1 && parts.slice(call).some(({ type }) => type === 'text');
    }),
  },
  refusal: { crossing: 'translate', isIn: hasPart(({ type }) => type === 'refusal') },
  citations: {
    crossing: 'drop',
    told: 'citations',
    isIn: hasPart((part) => part.type === 'text' && (part.citations?.length ?? 0) > 0),
  },
  cache: { crossing: 'translate', isIn: hasCache(() => true) },
  'cache-1h': { crossing: 'translate', isIn: hasCache(({ ttl }) => ttl === '1h') },
  /** Without a signature that the target can check: for signed ones see call/keep-signatures.ts. */
  reasoning: {
    crossing: 'drop',
    told: 'reasoning parts',
    isIn: hasPart((part) => part.type === 'reasoning' && part.signature === undefined),
  },
} as const satisfies Record<string, Rule>;

/** A thing that a request may hold and some dialect can't say. */
export type Uncarried = keyof typeof UNCARRIED;
