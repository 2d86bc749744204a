import type {
  AssistantPart,
  CachePoint,
  DocumentPart,
  ImagePart,
  JsonObject,
  TextPart,
  ToolResultPart,
  UserPart,
} from '../../core/conversation.ts';
import type { CallIds } from './call-ids.ts';
import { encodeCitations } from './citations.ts';
import { readArguments } from './tool-arguments.ts';

export const encodeCache = (cache: CachePoint | undefined): JsonObject => {
  if (cache === undefined) return {};
  return { cache_control: cache.ttl === '5m' ? { type: 'ephemeral' } : { type: 'ephemeral', ttl: cache.ttl } };
};

/** @returns undefined for empty text, which Anthropic refuses */
export const encodeText = (part: TextPart): JsonObject | undefined =>
  part.text === ''
    ? undefined
    : { type: 'text', text: part.text, ...encodeCitations(part), ...encodeCache(part.cache) };

export const encodeUserPart = (part: UserPart, ids: CallIds, dropped: Set<string>): JsonObject | undefined =>
  part.type === 'tool-result' ? encodeResult(part, ids, dropped) : encodeMedia(part, dropped);

const encodeMedia = (part: TextPart | ImagePart | DocumentPart, dropped: Set<string>): JsonObject | undefined => {
  switch (part.type) {
    case 'text':
      return encodeText(part);
    case 'image':
      if (part.detail !== undefined && part.detail !== 'auto') dropped.add('image.detail');
      return { type: 'image', source: encodeSource(part.source), ...encodeCache(part.cache) };
    case 'document':
      return encodeDocument(part);
    default:
      return part satisfies never;
  }
};

const encodeDocument = ({ source, name, context, cite, cache }: DocumentPart): JsonObject => ({
  type: 'document',
  source: encodeDocumentSource(source),
  ...(name !== undefined && name !== '' && { title: name }),
  ...(context !== undefined && context !== '' && { context }),
  ...(cite === true && { citations: { enabled: true } }),
  ...encodeCache(cache),
});

const encodeDocumentSource = (source: DocumentPart['source']): JsonObject => {
  if (source.type === 'text') return { type: 'text', media_type: 'text/plain', data: source.text };
  // Base64 is for PDFs only: a text file goes as the text it is.
  if (source.type === 'base64' && source.mediaType.startsWith('text/'))
    return { type: 'text', media_type: 'text/plain', data: Buffer.from(source.data, 'base64').toString('utf8') };
  return encodeSource(source);
};

const encodeSource = (source: ImagePart['source']): JsonObject =>
  source.type === 'url'
    ? { type: 'url', url: source.url }
    : { type: 'base64', media_type: source.mediaType, data: source.data };

const encodeResult = (part: ToolResultPart, ids: CallIds, dropped: Set<string>): JsonObject => {
  const content = part.content.map((inner) => encodeMedia(inner, dropped)).filter((inner) => inner !== undefined);
  return {
    type: 'tool_result',
    tool_use_id: ids.ofResult(part.callId),
    ...(content.length > 0 && { content }),
    ...(part.isError !== undefined && { is_error: part.isError }),
    ...encodeCache(part.cache),
  };
};

export const encodeAssistantPart = (
  part: AssistantPart,
  ids: CallIds,
  dropped: Set<string>,
): JsonObject | undefined => {
  switch (part.type) {
    case 'text':
      return encodeText(part);
    case 'refusal':
      return encodeText({ type: 'text', text: part.text });
    case 'tool-call':
      return {
        type: 'tool_use',
        id: ids.ofCall(part.id),
        name: part.name,
        input: readArguments(part.arguments),
        ...encodeCache(part.cache),
      };
    case 'reasoning':
      // Anthropic takes back only what it has signed.
      if (part.signature === undefined || part.signature === '') {
        dropped.add('reasoning parts');
        return undefined;
      }
      return { type: 'thinking', thinking: part.text, signature: part.signature };
    case 'redacted-reasoning':
      return { type: 'redacted_thinking', data: part.data };
    default:
      return part satisfies never;
  }
};
