import type {
  AssistantPart,
  CachePoint,
  DocumentPart,
  ImagePart,
  JsonObject,
  TextPart,
  ToolResultPart,
  Turn,
  UserPart,
} from '../../core/conversation.ts';
import type { EncodeTarget } from '../../core/dialect.ts';
import { encodeSaid, joined } from './encode-answer.ts';
import { encodeDetails, encodeSignedCalls } from './reasoning-details.ts';

/**
 * Writes turns as messages; the names of what was left out go into `dropped`.
 *
 * @param thoughtsIn where the server takes back what its model thought
 * @param marks how the server is told what to cache
 */
export const encodeTurns = (
  turns: readonly Turn[],
  thoughtsIn: EncodeTarget['thoughtsIn'],
  dropped: Set<string>,
  marks: Marks = markNothing,
): JsonObject[] =>
  turns.flatMap((turn) => {
    switch (turn.role) {
      case 'system':
        return turn.parts.length === 0 ? [] : [{ role: 'system', content: encodeTexts(turn.parts, marks) }];
      case 'user':
        return encodeUser(turn.parts, dropped, marks);
      case 'assistant':
        return [encodeAssistant(turn.parts, thoughtsIn, dropped, marks)];
      default:
        return turn satisfies never;
    }
  });

/** What stands on a part so that all up to it is cached; {} for a server that caches by itself. */
export type Marks = (part: { cache?: CachePoint }) => JsonObject;

export const markNothing: Marks = () => ({});

/** Anthropic's way, which OpenRouter takes in this dialect. */
export const markAsAnthropic: Marks = ({ cache }) =>
  cache === undefined ? {} : { cache_control: { type: 'ephemeral', ...(cache.ttl === '1h' && { ttl: '1h' }) } };

/** One text as a string, which every server of this dialect takes; several, and one with a mark, as parts. */
const encodeTexts = (parts: readonly TextPart[], marks: Marks): string | JsonObject[] => {
  const texts = parts.map((part) => ({ type: 'text', text: part.text, ...marks(part) }));
  return (texts.length === 1 ? bareText(texts[0]) : undefined) ?? texts;
};

/** The text of a part that holds nothing else. */
const bareText = (part: JsonObject | undefined): string | undefined =>
  part !== undefined && Object.keys(part).length === 2 && typeof part['text'] === 'string' ? part['text'] : undefined;

/**
 * Tool messages first, since they must stand right after the calls. They hold text alone: an image or document of a result
 * goes into the user message after them, and each says where the other is.
 */
const encodeUser = (parts: readonly UserPart[], dropped: Set<string>, marks: Marks): JsonObject[] => {
  const results = parts.filter((part) => part.type === 'tool-result');
  const own = parts.filter((part) => part.type !== 'tool-result');
  const content = [
    ...results.flatMap((result) => encodeResultMedia(result, dropped, marks)),
    ...own.map((part) => encodePart(part, dropped, marks)),
  ];
  const [first] = content;
  const only = content.length === 1 && own.length === 1 && own[0]?.type === 'text' ? bareText(first) : undefined;
  return [
    ...results.map((result) => encodeResult(result, dropped, marks)),
    ...(first === undefined ? [] : [{ role: 'user', content: only ?? content }]),
  ];
};

/** As one string; as one part where it has a mark, its own or that of a text in it. Where its media go elsewhere, theirs go with them. */
const encodeResult = (result: ToolResultPart, dropped: Set<string>, marks: Marks): JsonObject => {
  if (result.isError === true) dropped.add('isError');
  const texts = result.content.filter((part) => part.type === 'text');
  const hasMedia = texts.length < result.content.length;
  const text = [
    ...texts.map((part) => part.text),
    ...(hasMedia ? [`(The rest of this result is in the next user message, as ${mediaLabel(result)}.)`] : []),
  ].join('\n');
  const mark = marks(result.cache === undefined ? (texts.findLast(({ cache }) => cache !== undefined) ?? {}) : result);
  // An empty text can't be marked: Claude refuses it.
  const part = { type: 'text', text, ...(text !== '' && mark) };
  return { role: 'tool', tool_call_id: result.callId, content: bareText(part) ?? [part] };
};

const mediaLabel = ({ callId }: ToolResultPart): string => `"result of tool call ${callId}"`;

const encodeResultMedia = (result: ToolResultPart, dropped: Set<string>, marks: Marks): JsonObject[] => {
  const media = result.content.filter((part) => part.type !== 'text');
  if (media.length === 0) return [];
  return [
    { type: 'text', text: `This is the ${mediaLabel(result)}:` },
    ...media.map((part) => encodePart(part, dropped, marks)),
  ];
};

const encodePart = (part: TextPart | ImagePart | DocumentPart, dropped: Set<string>, marks: Marks): JsonObject => {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text, ...marks(part) };
    case 'image': {
      const { source, detail } = part;
      const url = source.type === 'url' ? source.url : dataUrl(source);
      return { type: 'image_url', image_url: { url, ...(detail !== undefined && { detail }) }, ...marks(part) };
    }
    case 'document':
      return { ...encodeDocument(part, dropped), ...marks(part) };
    default:
      return part satisfies never;
  }
};

const encodeDocument = ({ source, name, context, cite }: DocumentPart, dropped: Set<string>): JsonObject => {
  if (context !== undefined) dropped.add('document.context');
  if (cite === true) dropped.add('document.citations');
  switch (source.type) {
    case 'base64':
      // OpenAI demands a name beside the data.
      return { type: 'file', file: { filename: name ?? 'document.pdf', file_data: dataUrl(source) } };
    case 'text':
      return { type: 'text', text: name === undefined ? source.text : `${name}:\n\n${source.text}` };
    case 'url':
      dropped.add('document-url');
      return { type: 'text', text: `Document: ${source.url}` };
    default:
      return source satisfies never;
  }
};

const dataUrl = ({ mediaType, data }: { mediaType: string; data: string }): string =>
  `data:${mediaType};base64,${data}`;

const encodeAssistant = (
  parts: readonly AssistantPart[],
  thoughtsIn: EncodeTarget['thoughtsIn'],
  dropped: Set<string>,
  marks: Marks,
): JsonObject => {
  if (parts.some((part) => part.type === 'text' && (part.citations?.length ?? 0) > 0)) dropped.add('citations');
  const refusal = joined(parts, 'refusal');
  const { content, calls, extra } = encodeSaid(parts, thoughtsIn === 'extra_content');
  return {
    role: 'assistant',
    content: markSaid(content, parts, dropped, marks),
    ...(refusal !== undefined && { refusal }),
    ...extra,
    ...encodeThoughts(parts, thoughtsIn, dropped),
    ...calls,
  };
};

/** All text of a turn is one here: the last mark on it stands at its end. A call has no place for one. */
const markSaid = (
  content: string | null,
  parts: readonly AssistantPart[],
  dropped: Set<string>,
  marks: Marks,
): string | null | JsonObject[] => {
  const isMarked = (part: AssistantPart) => 'cache' in part && Object.keys(marks(part)).length > 0;
  if (parts.some((part) => part.type === 'tool-call' && isMarked(part))) dropped.add('cache');
  const marked = parts.findLast((part) => part.type === 'text' && isMarked(part));
  return marked?.type === 'text' && content !== null && content !== ''
    ? [{ type: 'text', text: content, ...marks(marked) }]
    : content;
};

/** What the model thought, in the server's own field for it; what has no place there is named. */
const encodeThoughts = (
  parts: readonly AssistantPart[],
  thoughtsIn: EncodeTarget['thoughtsIn'],
  dropped: Set<string>,
): JsonObject => {
  const thought = joined(parts, 'reasoning');
  const isRedacted = parts.some(({ type }) => type === 'redacted-reasoning');
  switch (thoughtsIn) {
    case 'reasoning_content':
    case 'reasoning':
      if (isRedacted) dropped.add('reasoning parts');
      return thought === undefined ? {} : { [thoughtsIn]: thought };
    case 'reasoning_details': {
      const details = [...(encodeDetails(parts) ?? []), ...encodeSignedCalls(parts)];
      return {
        ...(thought !== undefined && { reasoning: thought }),
        ...(details.length > 0 && { reasoning_details: details }),
      };
    }
    case 'extra_content':
    case 'none':
    case undefined:
      if (thought !== undefined || isRedacted) dropped.add('reasoning parts');
      return {};
    default:
      return thoughtsIn satisfies never;
  }
};
