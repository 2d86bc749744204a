import type {
  AssistantPart,
  JsonObject,
  JsonValue,
  ReasoningPart,
  RedactedReasoningPart,
  SignatureMaker,
  Signed,
} from '../../core/conversation.ts';
import { countOf, objectOf, objectsOf, textOf } from './wire.ts';

/**
 * Signatures in a dialect that has no place for them, by two conventions that clients and servers share:
 * - `reasoning_details` beside the content (OpenRouter's): `reasoning.text` with its signature, `reasoning.encrypted`,
 *   `reasoning.summary`, each with a `format` that names the maker
 * - `extra_content.google.thought_signature` on a tool call, or on the message for its text (Google's OpenAI endpoint).
 *
 * A client that sends the message back as it got it keeps them. One that drops them loses nothing but the proof: the next
 * turn goes out without the reasoning, as if it had never been shown.
 */
export type Thought = ReasoningPart | RedactedReasoningPart;

const FORMATS: Record<SignatureMaker, string> = {
  anthropic: 'anthropic-claude-v1',
  google: 'google-gemini-v1',
  openai: 'openai-responses-v1',
};

/** Formats without a name were Anthropic's, before there were names. */
const makerOf = (format: JsonValue | undefined): SignatureMaker | undefined => {
  if (format === undefined || format === null) return 'anthropic';
  return (Object.keys(FORMATS) as SignatureMaker[]).find((maker) => FORMATS[maker] === format);
};

/** Whether a detail may go to a server whose model checks `checked`: it is that maker's, of a maker unknown here, or unsigned. */
export const isOf = (detail: JsonObject, checked: SignatureMaker | undefined): boolean => {
  if (textOf(detail['signature']) === undefined && textOf(detail['data']) === undefined) return true;
  const maker = makerOf(detail['format']);
  return maker === undefined || maker === checked;
};

/** @param index the place of the part among the message's other parts, the text counted as one */
export const encodeDetail = (thought: Thought, index: number): JsonObject | undefined => {
  const id = thought.id === undefined ? {} : { id: thought.id };
  if (thought.type === 'redacted-reasoning')
    return {
      type: 'reasoning.encrypted',
      data: thought.data,
      ...id,
      format: FORMATS[thought.madeBy ?? 'anthropic'],
      index,
    };
  const { text, signature, signedBy = 'anthropic' } = thought;
  if (signature === undefined) return undefined;
  return { type: 'reasoning.text', text, signature, ...id, format: FORMATS[signedBy], index };
};

/**
 * The `reasoning_details` of a message; undefined where nothing is signed. A part's `index` is its place among the parts that
 * the message shows, so that thoughts between tool calls find their place again.
 */
export const encodeDetails = (parts: readonly AssistantPart[]): JsonObject[] | undefined => {
  const details: JsonObject[] = [];
  const told = new Set<AssistantPart['type']>();
  let place = 0;
  for (const part of parts) {
    if (part.type === 'reasoning' || part.type === 'redacted-reasoning') {
      const detail = encodeDetail(part, place);
      if (detail === undefined) continue;
      details.push(detail);
      place += 1;
    } else if (takesPlace(part, told)) place += 1;
  }
  return details.length === 0 ? undefined : details;
};

/** Gemini's signatures of calls as OpenRouter takes them: encrypted reasoning under the call's id. */
export const encodeSignedCalls = (parts: readonly AssistantPart[]): JsonObject[] =>
  parts.flatMap((part, index) =>
    part.type === 'tool-call' && part.signature !== undefined && part.signedBy === 'google'
      ? [{ type: 'reasoning.encrypted', data: part.signature, id: part.id, format: FORMATS.google, index }]
      : [],
  );

/** All texts of a message are one, and so are all refusals. */
const takesPlace = (part: AssistantPart, told: Set<AssistantPart['type']>): boolean => {
  if (part.type === 'tool-call') return true;
  if ('text' in part && part.text === '') return false;
  const isNew = !told.has(part.type);
  told.add(part.type);
  return isNew;
};

interface PlacedThought {
  /** Undefined where the vendor told none. */
  index: number | undefined;
  thought: Thought;
}

/** Reads `reasoning_details`. Fragments of a stream that a client gathered one by one are put together by their index. */
const readDetails = (value: JsonValue | undefined): PlacedThought[] => {
  const placed: PlacedThought[] = [];
  for (const detail of objectsOf(value)) {
    const read = readDetail(detail);
    if (read === undefined) continue;
    const last = placed.at(-1);
    if (last !== undefined && last.index !== undefined && last.index === read.index && join(last.thought, read.thought))
      continue;
    placed.push(read);
  }
  return placed.filter(({ thought }) => thought.type === 'redacted-reasoning' || !isEmpty(thought));
};

/** The entries of one delta, as they came: what belongs together in a stream is for its reader to say. */
export const readDelta = (value: JsonValue | undefined): Thought[] =>
  value === undefined ? [] : objectsOf(value).flatMap((detail) => readDetail(detail)?.thought ?? []);

const isEmpty = ({ text, signature }: ReasoningPart): boolean => text === '' && signature === undefined;

const join = (before: Thought, more: Thought): boolean => {
  if (before.type !== 'reasoning' || more.type !== 'reasoning' || before.signature !== undefined) return false;
  before.text += more.text;
  if (more.signature !== undefined) Object.assign(before, signatureOf(more));
  return true;
};

const signatureOf = ({ signature, signedBy }: ReasoningPart) => ({
  signature,
  ...(signedBy !== undefined && { signedBy }),
});

const readDetail = (detail: JsonObject): PlacedThought | undefined => {
  const index = countOf(detail['index']);
  const id = textOf(detail['id']);
  const maker = makerOf(detail['format']);
  const named = id === undefined ? {} : { id };
  switch (detail['type']) {
    case 'reasoning.text':
    case 'reasoning.summary': {
      const text = textOf(detail['text']) ?? textOf(detail['summary']) ?? '';
      const signature = textOf(detail['signature']);
      const signed =
        signature === undefined || maker === undefined
          ? {}
          : { signature, ...(maker !== 'anthropic' && { signedBy: maker }) };
      return { index, thought: { type: 'reasoning', ...named, text, ...signed } };
    }
    case 'reasoning.encrypted': {
      const data = textOf(detail['data']);
      // What nobody is known to read helps nobody.
      if (data === undefined || maker === undefined) return undefined;
      return {
        index,
        thought: { type: 'redacted-reasoning', ...named, data, ...(maker !== 'anthropic' && { madeBy: maker }) },
      };
    }
    default:
      return undefined;
  }
};

/**
 * The parts of a message with its thoughts in their places. Where no detail says what was thought, the plain reasoning
 * stands first.
 *
 * @param rest the message's other parts
 * @param plain `reasoning_content` or its like
 */
export const placeThoughts = (
  details: JsonValue | undefined,
  rest: readonly AssistantPart[],
  plain: string | undefined,
): AssistantPart[] => {
  const parts = [...rest];
  const placed = readDetails(details).filter(({ thought }) => !signCall(thought, parts));
  const isTold = placed.some(({ thought }) => thought.type === 'reasoning');
  const own: PlacedThought[] =
    plain === undefined || isTold ? [] : [{ index: undefined, thought: { type: 'reasoning', text: plain } }];
  parts.unshift(...own.map(({ thought }) => thought));
  let next = own.length;
  for (const { index, thought } of placed) {
    // None goes before the one before it, whatever its index says.
    const place = Math.min(Math.max(next, own.length + (index ?? 0)), parts.length);
    parts.splice(place, 0, thought);
    next = place + 1;
  }
  return parts;
};

/** OpenRouter tells Gemini's signature of a call as encrypted reasoning under the call's id. */
const signCall = (thought: Thought, parts: AssistantPart[]): boolean => {
  if (thought.type !== 'redacted-reasoning' || thought.madeBy !== 'google' || thought.id === undefined) return false;
  const at = parts.findIndex((part) => part.type === 'tool-call' && part.id === thought.id);
  const call = parts[at];
  if (call?.type !== 'tool-call') return false;
  parts[at] = { ...call, signature: thought.data, signedBy: 'google' };
  return true;
};

/** The signature in a tool call's or message's `extra_content`. */
export const extraSignature = (holder: JsonObject): { signature?: string; signedBy?: SignatureMaker } => {
  const signature = textOf(objectOf(objectOf(holder['extra_content'])?.['google'])?.['thought_signature']);
  return signature === undefined ? {} : { signature, signedBy: 'google' };
};

/** The message's text signed; one without a word, at the end, where it has none (Gemini signs such too). */
export const signText = (parts: AssistantPart[], signed: Signed): AssistantPart[] => {
  if (signed.signature === undefined) return parts;
  const at = parts.findLastIndex(({ type }) => type === 'text');
  const text = parts[at];
  if (text?.type !== 'text') return [...parts, { type: 'text', text: '', ...signed }];
  return parts.with(at, { ...text, ...signed });
};

export const encodeExtra = (part: { signature?: string; signedBy?: SignatureMaker } | undefined): JsonObject =>
  part?.signature === undefined || part.signedBy !== 'google'
    ? {}
    : { extra_content: { google: { thought_signature: part.signature } } };
