import type {
  AssistantPart,
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
 */
export const encodeTurns = (
  turns: readonly Turn[],
  thoughtsIn: EncodeTarget['thoughtsIn'],
  dropped: Set<string>,
): JsonObject[] =>
  turns.flatMap((turn) => {
    switch (turn.role) {
      case 'system':
        return turn.parts.length === 0 ? [] : [{ role: 'system', content: encodeTexts(turn.parts) }];
      case 'user':
        return encodeUser(turn.parts, dropped);
      case 'assistant':
        return [encodeAssistant(turn.parts, thoughtsIn, dropped)];
      default:
        return turn satisfies never;
    }
  });

/** One text as a string, which every server of this dialect takes; several as parts. */
const encodeTexts = (parts: readonly TextPart[]): string | JsonObject[] =>
  parts.length === 1 && parts[0] !== undefined ? parts[0].text : parts.map(({ text }) => ({ type: 'text', text }));

/**
 * Tool messages first, since they must stand right after the calls. They hold text alone: an image or document of a result
 * goes into the user message after them, and each says where the other is.
 */
const encodeUser = (parts: readonly UserPart[], dropped: Set<string>): JsonObject[] => {
  const results = parts.filter((part) => part.type === 'tool-result');
  const own = parts.filter((part) => part.type !== 'tool-result');
  const content = [
    ...results.flatMap((result) => encodeResultMedia(result, dropped)),
    ...own.map((part) => encodePart(part, dropped)),
  ];
  const [first] = content;
  const isOneText = content.length === 1 && own.length === 1 && own[0]?.type === 'text';
  return [
    ...results.map((result) => encodeResult(result, dropped)),
    ...(first === undefined ? [] : [{ role: 'user', content: isOneText ? (first['text'] ?? '') : content }]),
  ];
};

const encodeResult = (result: ToolResultPart, dropped: Set<string>): JsonObject => {
  if (result.isError === true) dropped.add('isError');
  const texts = result.content.flatMap((part) => (part.type === 'text' ? [part.text] : []));
  const hasMedia = texts.length < result.content.length;
  return {
    role: 'tool',
    tool_call_id: result.callId,
    content: [
      ...texts,
      ...(hasMedia ? [`(The rest of this result is in the next user message, as ${mediaLabel(result)}.)`] : []),
    ].join('\n'),
  };
};

const mediaLabel = ({ callId }: ToolResultPart): string => `"result of tool call ${callId}"`;

const encodeResultMedia = (result: ToolResultPart, dropped: Set<string>): JsonObject[] => {
  const media = result.content.filter((part) => part.type !== 'text');
  if (media.length === 0) return [];
  return [
    { type: 'text', text: `This is the ${mediaLabel(result)}:` },
    ...media.map((part) => encodePart(part, dropped)),
  ];
};

const encodePart = (part: TextPart | ImagePart | DocumentPart, dropped: Set<string>): JsonObject => {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'image': {
      const { source, detail } = part;
      const url = source.type === 'url' ? source.url : dataUrl(source);
      return { type: 'image_url', image_url: { url, ...(detail !== undefined && { detail }) } };
    }
    case 'document':
      return encodeDocument(part, dropped);
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
): JsonObject => {
  if (parts.some((part) => part.type === 'text' && (part.citations?.length ?? 0) > 0)) dropped.add('citations');
  const refusal = joined(parts, 'refusal');
  const { content, calls, extra } = encodeSaid(parts, thoughtsIn === 'extra_content');
  return {
    role: 'assistant',
    content,
    ...(refusal !== undefined && { refusal }),
    ...extra,
    ...encodeThoughts(parts, thoughtsIn, dropped),
    ...calls,
  };
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
