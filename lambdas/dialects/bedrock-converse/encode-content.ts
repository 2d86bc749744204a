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
import { isDeeperThan, MAX_DEPTH } from '../../core/read-json.ts';
import { encodeCited } from './citations.ts';
import { type CallIds, fitToolName, type makeDocumentNamer } from './fit-names.ts';
import { documentFormatOf, imageFormatOf } from './media-formats.ts';
import type { ModelRules } from './model-rules.ts';
import { blobOfData } from './redacted-reasoning.ts';
import { isBlank, parseObject } from './wire.ts';

/** What the encoding of one request shares. */
export interface EncodeContext {
  rules: ModelRules;
  nameDocument: ReturnType<typeof makeDocumentNamer>;
  callIds: CallIds;
  /** What was left out, by the canonical name. */
  dropped: Set<string>;
}

/** Stands for a tool's empty result: Bedrock refuses blank text, and a result without content is not surely taken. */
export const EMPTY_RESULT = '(no output)';

/** The blocks of a cache breakpoint after what it stands on; none where the model does not cache. */
export const encodeCachePoint = (cache: CachePoint | undefined, { rules, dropped }: EncodeContext): JsonObject[] => {
  if (cache === undefined) return [];
  if (!rules.caches.prompt) {
    dropped.add('cache');
    return [];
  }
  // Five minutes is what every model does unasked; only the newer ones take the field.
  if (cache.ttl === '5m') return [{ cachePoint: { type: 'default' } }];
  if (rules.caches.oneHour) return [{ cachePoint: { type: 'default', ttl: '1h' } }];
  dropped.add('cache.ttl');
  return [{ cachePoint: { type: 'default' } }];
};

/**
 * An image as bytes. A URL can't be carried: Converse fetches none but S3's, and those with the gateway's own rights, which
 * a client must not borrow.
 */
const encodeImage = ({ source, detail }: ImagePart, { dropped }: EncodeContext): JsonObject[] => {
  if (source.type === 'url') {
    dropped.add('image.url');
    return [];
  }
  if (detail === 'low' || detail === 'high') dropped.add('image.detail');
  const format = imageFormatOf(source.mediaType);
  if (format !== undefined) return [{ image: { format, source: { bytes: source.data } } }];
  dropped.add('image');
  return [];
};

const encodeDocument = (part: DocumentPart, { rules, dropped, nameDocument }: EncodeContext): JsonObject[] => {
  const { source, name, context, cite } = part;
  if (source.type === 'url') {
    dropped.add('document.url');
    return [];
  }
  const format = source.type === 'text' ? 'txt' : documentFormatOf(source.mediaType);
  if (format === undefined) {
    dropped.add('document');
    return [];
  }
  // As bytes also where it came as text: every model that reads documents reads those.
  const bytes = source.type === 'text' ? Buffer.from(source.text, 'utf8').toString('base64') : source.data;
  if (cite === true && !rules.takesCitations) dropped.add('document.citations');
  return [
    {
      document: {
        format,
        name: nameDocument(name),
        source: { bytes },
        ...(context !== undefined && !isBlank(context) && { context }),
        ...(cite === true && rules.takesCitations && { citations: { enabled: true } }),
      },
    },
  ];
};

const encodeText = ({ text }: TextPart): JsonObject[] => (isBlank(text) ? [] : [{ text }]);

const encodePlainPart = (part: TextPart | ImagePart | DocumentPart, context: EncodeContext): JsonObject[] => {
  switch (part.type) {
    case 'text':
      return encodeText(part);
    case 'image':
      return encodeImage(part, context);
    case 'document':
      return encodeDocument(part, context);
    default:
      return part satisfies never;
  }
};

/** A breakpoint inside a result moves behind it: results hold none. The longest wins. */
const cacheOfResult = ({ cache, content }: ToolResultPart): CachePoint | undefined => {
  const points = [cache, ...content.map((part) => part.cache)].filter((point) => point !== undefined);
  return points.find(({ ttl }) => ttl === '1h') ?? points[0];
};

const encodeToolResult = (part: ToolResultPart, context: EncodeContext): JsonObject[] => {
  const content = part.content.flatMap((inner) => encodePlainPart(inner, context));
  return [
    {
      toolResult: {
        toolUseId: context.callIds.ofResult(part.callId),
        content: content.length > 0 ? content : [{ text: EMPTY_RESULT }],
        ...(part.isError === true && { status: 'error' }),
      },
    },
  ];
};

/** A part as its blocks. Blank text is left out; a cache point that stands on it stays, for the part before it. */
export const encodeUserPart = (part: UserPart, context: EncodeContext): JsonObject[] => {
  const result = part.type === 'tool-result';
  const blocks = result ? encodeToolResult(part, context) : encodePlainPart(part, context);
  const cache = result ? cacheOfResult(part) : part.cache;
  return blocks.length === 0 && part.type !== 'text' ? [] : [...blocks, ...encodeCachePoint(cache, context)];
};

/** The key under which Anthropic's docs ("Fine-grained tool streaming") have invalid arguments sent back to the model. */
export const INVALID_JSON = 'INVALID_JSON';

/**
 * Converse wants the arguments as an object. Text that is no JSON object goes back whole under `INVALID_JSON`, so that
 * the call keeps its pair and the model sees what it wrote.
 */
export const inputOfArguments = (text: string): JsonObject => {
  if (isBlank(text)) return {};
  const value = parseObject(text);
  return value === undefined || isDeeperThan(value, MAX_DEPTH) ? { [INVALID_JSON]: text } : value;
};

const encodeSpoken = (part: TextPart, { rules, dropped }: EncodeContext): JsonObject[] => {
  const cited = rules.takesCitations && !isBlank(part.text) ? encodeCited(part) : undefined;
  if (cited !== undefined) return [cited];
  if (part.citations !== undefined && part.citations.length > 0) dropped.add('citations');
  return encodeText(part);
};

export const encodeAssistantPart = (part: AssistantPart, context: EncodeContext): JsonObject[] => {
  switch (part.type) {
    case 'text':
      return [...encodeSpoken(part, context), ...encodeCachePoint(part.cache, context)];
    case 'refusal':
      return encodeText({ type: 'text', text: part.text });
    case 'tool-call':
      return [
        {
          toolUse: {
            toolUseId: context.callIds.ofCall(part.id),
            name: fitToolName(part.name),
            input: inputOfArguments(part.arguments),
          },
        },
        ...encodeCachePoint(part.cache, context),
      ];
    // Reasoning without its vendor's signature proves nothing to the vendor, and Claude refuses it.
    case 'reasoning':
      if (part.signature !== undefined && context.rules.takesSignedReasoning)
        return [{ reasoningContent: { reasoningText: { text: part.text, signature: part.signature } } }];
      context.dropped.add('reasoning parts');
      return [];
    case 'redacted-reasoning':
      if (context.rules.takesSignedReasoning) return [{ reasoningContent: { redactedContent: blobOfData(part.data) } }];
      context.dropped.add('reasoning parts');
      return [];
    default:
      return part satisfies never;
  }
};
