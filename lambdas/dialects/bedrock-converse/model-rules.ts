/**
 * What Converse leaves to the model's family: how it reasons, which sampling parameters it still takes, where it caches.
 * Read from the model's id; sources, November 2026: the Bedrock user guide's pages on each family and its model cards, and
 * Anthropic's on thinking and effort.
 */
export interface ModelRules {
  /** How reasoning is asked for. `undefined` = it can't be. */
  reasoning: 'claude-budget' | 'claude-either' | 'claude-adaptive' | 'nova-2' | 'effort-word' | undefined;
  /** What keeps the model from reasoning: leaving the field out, Claude's word for it, or nothing. */
  reasoningOff: 'omit' | 'disabled' | 'between_tools' | 'never';
  /** Claude from 4.7 knows `xhigh`. */
  hasXhighEffort: boolean;
  /** `one`: temperature or topP, not both (Claude from 4.1). `none`: neither, nor top_k (Claude from 4.7). */
  sampling: 'any' | 'one' | 'none';
  /** Where top_k goes in additionalModelRequestFields. */
  topK: 'top_k' | 'nova' | undefined;
  /** Stop sequences of white space alone are refused (Claude). */
  refusesBlankStops: boolean;
  caches: { prompt: boolean; tools: boolean; oneHour: boolean };
  strictTools: boolean;
  /** Takes Claude's `disable_parallel_tool_use` (from 4.5). */
  oneToolAtATime: boolean;
  /** A toolChoice of any or tool; the newest Claudes refuse both. */
  takesForcedTools: boolean;
  /** Whether reasoning that a vendor signed or encrypted may go back to it. */
  takesSignedReasoning: boolean;
  /** Cites documents, and takes what it has cited back. */
  takesCitations: boolean;
  /** Whether it tells the matched stop sequence among the additional response fields. */
  tellsStopSequence: boolean;
}

const NO_CACHE = { prompt: false, tools: false, oneHour: false };

const PLAIN: ModelRules = {
  reasoning: undefined,
  reasoningOff: 'omit',
  hasXhighEffort: false,
  sampling: 'any',
  topK: undefined,
  refusesBlankStops: false,
  caches: NO_CACHE,
  strictTools: true,
  oneToolAtATime: false,
  takesForcedTools: true,
  takesSignedReasoning: false,
  takesCitations: false,
  tellsStopSequence: false,
};

/** An ARN of a provisioned model or an application profile hides the family: what the client asks for is sent, unless it needs a family's own spelling. */
const HIDDEN: ModelRules = {
  ...PLAIN,
  caches: { prompt: true, tools: true, oneHour: true },
  takesSignedReasoning: true,
  takesCitations: true,
};

export interface ClaudeVersion {
  major: number;
  minor: number;
  /** `opus`, `sonnet`, …; '' where the name has none. */
  family: string;
}

const NEWEST: ClaudeVersion = { major: Number.POSITIVE_INFINITY, minor: 0, family: '' };

/**
 * `anthropic.claude-3-5-haiku-…` → 3.5, `us.anthropic.claude-opus-4-1-20250805-v1:0` → 4.1, `claude-sonnet-4-20250514` → 4.
 * A name without a number is one of the newest.
 *
 * @returns undefined for what is no Claude
 */
export const claudeVersionOf = (model: string): ClaudeVersion | undefined => {
  const name = /anthropic\.claude(?:-([a-z0-9-]+))?/.exec(model);
  if (name === null) return undefined;
  const rest = name[1] ?? '';
  const numbers =
    /^(\d)(?:-(\d))?-[a-z]/.exec(rest) ??
    /^[a-z]+-(\d{1,2})(?:-(\d{1,2}))?(?!\d)/.exec(rest) ??
    /^(?:v|instant-v)(\d)/.exec(rest);
  const family = /(?:^|-)([a-z]{2,})/.exec(rest)?.[1] ?? '';
  return numbers === null
    ? { ...NEWEST, family }
    : { major: Number(numbers[1]), minor: Number(numbers[2] ?? 0), family };
};

/** Whether a Claude is of that version or a later one. */
type From = (major: number, minor: number) => boolean;

const claudeReasoning = (from: From): ModelRules['reasoning'] => {
  if (from(4, 7)) return 'claude-adaptive';
  if (from(4, 6)) return 'claude-either';
  return from(3, 7) ? 'claude-budget' : undefined;
};

const claudeReasoningOff = (from: From, family: string): ModelRules['reasoningOff'] => {
  if (!from(5, 0)) return 'omit';
  if (family === 'sonnet') return from(5, 5) ? 'between_tools' : 'disabled';
  if (family === 'haiku') return 'disabled';
  return family === 'opus' && !from(5, 5) ? 'disabled' : 'never';
};

const claudeSampling = (from: From): ModelRules['sampling'] => {
  if (from(4, 7)) return 'none';
  return from(4, 1) ? 'one' : 'any';
};

const claudeRules = ({ major, minor, family }: ClaudeVersion): ModelRules => {
  const from: From = (wantedMajor, wantedMinor) =>
    major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
  return {
    reasoning: claudeReasoning(from),
    reasoningOff: claudeReasoningOff(from, family),
    hasXhighEffort: from(4, 7),
    sampling: claudeSampling(from),
    topK: 'top_k',
    refusesBlankStops: true,
    caches: { prompt: from(3, 5), tools: from(3, 5), oneHour: from(4, 5) },
    strictTools: from(4, 5),
    oneToolAtATime: from(4, 5),
    takesForcedTools: !(family === 'fable' || family === 'mythos' ? from(5, 1) : from(5, 5)),
    takesSignedReasoning: from(3, 7),
    takesCitations: from(3, 7) || (major === 3 && minor === 5 && family === 'sonnet'),
    tellsStopSequence: true,
  };
};

const novaRules = (second: boolean): ModelRules => ({
  ...PLAIN,
  reasoning: second ? 'nova-2' : undefined,
  topK: 'nova',
  caches: { prompt: true, tools: false, oneHour: false },
  strictTools: false,
});

const NO_STRICT_TOOLS = /(?:^|[./])(?:meta|cohere|ai21|amazon)\./;

export const modelRulesOf = (model: string): ModelRules => {
  const claude = claudeVersionOf(model);
  if (claude !== undefined) return claudeRules(claude);
  if (/(?:^|[./])amazon\.nova/.test(model)) return novaRules(/amazon\.nova-2/.test(model));
  if (/(?:^|[./])openai\.gpt-oss/.test(model)) return { ...PLAIN, reasoning: 'effort-word', reasoningOff: 'never' };
  if (/(?:^|[./])mistral\./.test(model)) return { ...PLAIN, topK: 'top_k' };
  if (model.startsWith('arn:') && !/[/.][a-z0-9]+\.[a-z]/.test(model)) return HIDDEN;
  return { ...PLAIN, strictTools: !NO_STRICT_TOOLS.test(model) };
};
