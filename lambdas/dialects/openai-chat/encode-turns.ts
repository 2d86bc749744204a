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
import { joined } from './encode-answer.ts';

/** Writes turns as messages; the names of what was left out go into `dropped`. */
export const encodeTurns = (turns: readonly Turn[], dropped: Set<string>): JsonObject[] =>
  turns.flatMap((turn) => {
    switch (turn.role) {
      case 'system':
        return turn.parts.length === 0 ? [] : [{ role: 'system', content: encodeTexts(turn.parts) }];
      case 'user':
        return encodeUser(turn.parts, dropped);
      case 'assistant':
        return [encodeAssistant(turn.parts, dropped)];
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

const encodeDocument = ({ source, name }: DocumentPart, dropped: Set<string>): JsonObject => {
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

const encodeAssistant = (parts: readonly AssistantPart[], dropped: Set<string>): JsonObject => {
  if (parts.some(({ type }) => type === 'reasoning' || type === 'redacted-reasoning')) dropped.add('reasoning');
  const calls = parts.filter((part) => part.type === 'tool-call');
  const text = joined(parts, 'text');
  const refusal = joined(parts, 'refusal');
  return {
    role: 'assistant',
    content: text ?? (calls.length > 0 || refusal !== undefined ? null : ''),
    ...(refusal !== undefined && { refusal }),
    ...(calls.length > 0 && {
      tool_calls: calls.map(({ id, name, arguments: written }) => ({
        id,
        type: 'function',
        function: { name, arguments: written },
      })),
    }),
  };
};
