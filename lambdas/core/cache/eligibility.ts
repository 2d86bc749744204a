import type { Answer, Conversation, OutputFormat, UserPart } from '../conversation.ts';
import type { AnyDialectName } from '../dialect.ts';
import { hasFormat } from '../observe/has-format.ts';
import { hasHiddenText } from './guards/hidden-text.ts';

/** What an alias says about keeping answers. Durations in milliseconds. */
export interface CachePolicy {
  /** Whose answers a request may be given; `team` by default. */
  sharedBy: 'user' | 'team' | 'org';
  /** A request that asks for more chance than this is never answered from a cache; one that names none asks for 1. Vendors' scale: 0..2. */
  maxTemperature: number;
  exact?: { ttlMs: number };
  semantic?: SemanticPolicy;
}

export interface SemanticPolicy {
  ttlMs: number;
  /** What a score has to reach: the alias's own, else the embedder's calibrated one. */
  threshold: number;
  /** Share of hits that may be wrong, 0..1. */
  maxWrongShare: number;
  /** Share of hits that are asked upstream as well, 0..1. */
  auditShare: number;
}

/** The request header `x-tollgate-cache`: neither ask nor keep; keep without asking; ask, and go nowhere else. */
export type CacheControl = 'off' | 'refresh' | 'only';

/** Why a request is not answered from a cache, for the receipt. */
export type WhyNotCached =
  | 'not-configured'
  | 'client-says-off'
  | 'temperature'
  | 'several-answers'
  | 'vectors'
  | 'images'
  | 'documents'
  | 'tool-result'
  | 'remote-input'
  | 'bound-to-dialect'
  | 'runs-tools'
  /** The provider keeps the answer, and the client may go on from it by its id: nobody knows a kept answer's id. */
  | 'stored-by-provider'
  | 'no-question'
  | 'long-question'
  /** Its reader does not see all of it. */
  | 'hidden-text'
  | 'tool-forced'
  /** It was wrong too often, or nobody knows yet. */
  | 'turned-off'
  /** The budget has room for the call, and none for the vector of its question. */
  | 'no-room';

/** `reads` false: the answer is kept, but none is looked for (`refresh`). `isOnly`: where none is found, nothing else is asked. */
export type CacheUse = { may: true; reads: boolean; isOnly: boolean } | { may: false; why: WhyNotCached };

export interface Eligibility {
  exact: CacheUse;
  semantic: CacheUse;
  /** What the semantic cache compares; undefined where it may not. */
  question: string | undefined;
}

/**
 * What may be asked of, and kept in, the caches. What the conversation type can't hold goes into the keys beside it (unheld.ts).
 *
 * @param dialect that the target which the keys are of is asked in; absent where nobody knows
 */
export const judgeRequest = (
  conversation: Conversation,
  policy: CachePolicy,
  control?: CacheControl,
  dialect?: AnyDialectName,
): Eligibility => {
  const why = whyNotAtAll(conversation, policy, control, dialect);
  const use = (isOn: boolean, more?: WhyNotCached): CacheUse => {
    const reason = isOn ? (why ?? more) : 'not-configured';
    return reason === undefined
      ? { may: true, reads: control !== 'refresh', isOnly: control === 'only' }
      : { may: false, why: reason };
  };
  const question = questionOf(conversation);
  const semantic = use(policy.semantic !== undefined, whyNotSemantic(conversation, question));
  return { exact: use(policy.exact !== undefined), semantic, question: semantic.may ? question : undefined };
};

/** What a request asks for that names none: the default of OpenAI, Anthropic and Google. */
const USUAL_TEMPERATURE = 1;

const whyNotAtAll = (
  conversation: Conversation,
  { maxTemperature }: CachePolicy,
  control: CacheControl | undefined,
  dialect: AnyDialectName | undefined,
): WhyNotCached | undefined => {
  if (control === 'off') return 'client-says-off';
  if (conversation.embedding !== undefined) return 'vectors';
  if (conversation.hasRemoteInput) return 'remote-input';
  if (conversation.boundTo !== undefined) return 'bound-to-dialect';
  if (conversation.costBearing.some(({ kind }) => kind === 'tool' || kind === 'audio' || kind === 'unpriced'))
    return 'runs-tools';
  if (conversation.storedIn !== undefined && (dialect ?? conversation.storedIn) === conversation.storedIn)
    return 'stored-by-provider';
  if (conversation.choices > 1) return 'several-answers';
  // A comparison with what is no number is false: it must not let the request through.
  if (!((conversation.temperature ?? USUAL_TEMPERATURE) <= maxTemperature)) return 'temperature';
  for (const turn of conversation.turns)
    if (turn.role === 'user')
      for (const part of turn.parts) {
        if (holds(part, 'image')) return 'images';
        if (holds(part, 'document')) return 'documents';
      }
  const last = conversation.turns.at(-1);
  if (last?.role === 'user' && last.parts.some(({ type }) => type === 'tool-result')) return 'tool-result';
  return undefined;
};

const holds = (part: UserPart, type: 'image' | 'document'): boolean =>
  part.type === type || (part.type === 'tool-result' && part.content.some((inner) => inner.type === type));

/**
 * Characters. What is longer is a document more than a question. Five candidates that hardly differ take the guards 14 ms at
 * 1,000 characters and 41 ms at 3,900 (medians on a busy two-core machine), and nobody else in the process has a turn meanwhile.
 */
const LONGEST_QUESTION = 4_000;

const whyNotSemantic = (conversation: Conversation, question: string | undefined): WhyNotCached | undefined => {
  if (question === undefined) return 'no-question';
  if (question.length > LONGEST_QUESTION) return 'long-question';
  // As it was sent: what is cut off the ends may be hidden as well.
  if (hasHiddenText(textOf(conversation))) return 'hidden-text';
  return isToolForced(conversation) ? 'tool-forced' : undefined;
};

/** The model has to call a tool: its arguments belong to the very words. */
const isToolForced = ({ toolChoice }: Conversation): boolean =>
  toolChoice?.type === 'required' || toolChoice?.type === 'tool';

/** The last turn's text, where that turn is the user's and has some. */
export const questionOf = ({ turns }: Conversation): string | undefined => {
  const last = turns.at(-1);
  if (last?.role !== 'user') return undefined;
  const question = textOf({ turns }).trim();
  return last.parts.every(({ type }) => type === 'text') && question.length > 0 ? question : undefined;
};

/** The last turn's text, every character of it. */
const textOf = ({ turns }: Pick<Conversation, 'turns'>): string =>
  (turns.at(-1)?.parts ?? []).flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');

/** The model had said what it had to say. */
const ENDED: ReadonlySet<string> = new Set(['end', 'stop-sequence', 'tool-calls']);

export type WhyNotKept =
  | 'refusal'
  | 'truncated'
  | 'unfinished'
  | 'tool-call'
  | 'empty'
  | 'several-answers'
  /** It holds what no part can say: what is kept would be less. */
  | 'unsaid'
  /** It is not what was asked for, or calls a tool with what is no JSON: the next one may be. */
  | 'invalid-output';

/**
 * Why an answer is not kept; undefined where it may be. Only what its vendor ended by itself is: a refusal may be lifted,
 * what was cut is half an answer, and what a filter stopped is none.
 *
 * @param format that was asked for
 */
export const judgeAnswer = (
  answer: Answer,
  cache: 'exact' | 'semantic',
  format?: OutputFormat,
): WhyNotKept | undefined => {
  if (answer.alternatives !== undefined && answer.alternatives.length > 0) return 'several-answers';
  const { reason } = answer.stop;
  if (reason === 'length') return 'truncated';
  if (reason === 'refusal' || reason === 'content-filter' || answer.parts.some(({ type }) => type === 'refusal'))
    return 'refusal';
  if (!ENDED.has(reason)) return 'unfinished';
  if (answer.unsaid !== undefined && answer.unsaid.length > 0) return 'unsaid';
  if (cache === 'semantic' && answer.parts.some(({ type }) => type === 'tool-call')) return 'tool-call';
  const hasContent = answer.parts.some(
    (part) => part.type === 'tool-call' || (part.type === 'text' && part.text.trim() !== ''),
  );
  if (!hasContent) return 'empty';
  return isAsAsked(answer, format) ? undefined : 'invalid-output';
};

const ANY_JSON: OutputFormat = { type: 'json' };

const isAsAsked = ({ parts, stop }: Answer, format: OutputFormat | undefined): boolean => {
  if (parts.some((part) => part.type === 'tool-call' && !hasFormat(part.arguments, ANY_JSON))) return false;
  // A call of a tool is an answer in another form.
  if (format === undefined || stop.reason === 'tool-calls') return true;
  return hasFormat(parts.map((part) => (part.type === 'text' ? part.text : '')).join(''), format);
};
