import { MAX_NAME_LENGTH, MAX_PARTS } from '../../contract/bounds.ts';
import type {
  AssistantPart,
  CachePoint,
  DocumentPart,
  ImagePart,
  JsonObject,
  JsonValue,
  MediaSource,
  TextPart,
  ToolResultPart,
  UserPart,
} from '../../core/conversation.ts';
import {
  fail,
  got,
  optional,
  present,
  readArray,
  readBoolean,
  readObject,
  readOneOf,
  readString,
} from '../../core/read-json.ts';
import { decodeCitations } from './citations.ts';
import type { Notes } from './notes.ts';

export const readCache = (value: JsonValue | undefined, param: string): CachePoint | undefined =>
  optional(value, (given) => {
    const control = readObject(given, param);
    readOneOf(control.type, `${param}.type`, ['ephemeral']);
    return { ttl: optional(control.ttl, (ttl) => readOneOf(ttl, `${param}.ttl`, ['5m', '1h'])) ?? '5m' };
  });

const cacheOf = (block: JsonObject, param: string): { cache?: CachePoint } =>
  present('cache', readCache(block.cache_control, `${param}.cache_control`));

/** Content that is a string or an array of blocks; '' is no block. */
export const readBlocks = <Part>(
  content: JsonValue | undefined,
  param: string,
  read: (block: JsonObject, param: string) => Part,
): (Part | TextPart)[] => {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
  if (content === undefined || content === null)
    return fail(param, `${param}: expected a string or an array of content blocks, got ${got(content)}`);
  return readArray(content, param, { max: MAX_PARTS }).map((block, index) =>
    read(readObject(block, `${param}[${index}]`), `${param}[${index}]`),
  );
};

const typeOf = (block: JsonObject, param: string): string =>
  readString(block.type, `${param}.type`, { min: 1, max: MAX_NAME_LENGTH });

export const readTextBlock = (block: JsonObject, param: string, notes: Notes): TextPart => {
  const citations = decodeCitations(block.citations);
  // Of a kind that is not known here.
  if (Array.isArray(block.citations) && block.citations.length > (citations.citations?.length ?? 0))
    notes.lose('citations');
  return { type: 'text', text: readString(block.text, `${param}.text`), ...cacheOf(block, param), ...citations };
};

/**
 * A block that has no canonical part. Only Anthropic can read it; its JSON stands for it, so that the estimate of the input
 * counts it.
 */
const bindBlock = (block: JsonObject, param: string, notes: Notes): TextPart => {
  notes.bind(`${param} (${got(block.type)})`);
  return { type: 'text', text: JSON.stringify(block), ...cacheOf(block, param) };
};

const misplaced = (type: string, param: string, role: string): never =>
  fail(`${param}.type`, `${param}.type: "${type}" can't stand in ${role}`);

export const readUserBlock = (block: JsonObject, param: string, notes: Notes): UserPart => {
  const type = typeOf(block, param);
  switch (type) {
    case 'tool_result':
      return readResult(block, param, notes);
    case 'tool_use':
    case 'thinking':
    case 'redacted_thinking':
    case 'server_tool_use':
      return misplaced(type, param, "a user's message");
    default:
      return readMedia(block, type, param, notes);
  }
};

const readMedia = (
  block: JsonObject,
  type: string,
  param: string,
  notes: Notes,
): TextPart | ImagePart | DocumentPart => {
  switch (type) {
    case 'text':
      return readTextBlock(block, param, notes);
    case 'image':
      if (block.transformations !== undefined && block.transformations !== null) notes.lose('image.transformations');
      return {
        type: 'image',
        source: readImageSource(block.source, `${param}.source`, notes),
        ...cacheOf(block, param),
      };
    case 'document':
      return readDocument(block, param, notes);
    case 'search_result':
      return readSearchResult(block, param, notes);
    default:
      return bindBlock(block, param, notes);
  }
};

const readImageSource = (value: JsonValue | undefined, param: string, notes: Notes): MediaSource => {
  const source = readObject(value, param);
  const type = readOneOf(source.type, `${param}.type`, ['base64', 'url', 'file']);
  return type === 'base64' ? readBase64(source, param) : readReference(source, type, param, notes);
};

const readBase64 = (source: JsonObject, param: string): MediaSource => ({
  type: 'base64',
  mediaType: readString(source.media_type, `${param}.media_type`, { min: 1, max: MAX_NAME_LENGTH }),
  data: readString(source.data, `${param}.data`, { min: 1 }),
});

const readReference = (source: JsonObject, type: 'url' | 'file', param: string, notes: Notes): MediaSource => {
  if (type === 'url') return { type: 'url', url: readString(source.url, `${param}.url`, { min: 1 }) };
  const id = readString(source.file_id, `${param}.file_id`, { min: 1, max: MAX_NAME_LENGTH });
  notes.bind(`${param} (a file's id)`);
  // No URL that anybody could fetch: should it ever reach another vendor, it is refused there.
  return { type: 'url', url: `anthropic-file:${id}` };
};

const readDocument = (block: JsonObject, param: string, notes: Notes): DocumentPart => {
  return {
    type: 'document',
    source: readDocumentSource(block.source, `${param}.source`, notes),
    ...present(
      'name',
      optional(block.title, (value) => readString(value, `${param}.title`)),
    ),
    ...present(
      'context',
      optional(block.context, (value) => readString(value, `${param}.context`)),
    ),
    ...(readsCitations(block.citations) && { cite: true }),
    ...cacheOf(block, param),
  };
};

const readsCitations = (value: JsonValue | undefined): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && value.enabled === true;

const readDocumentSource = (value: JsonValue | undefined, param: string, notes: Notes): DocumentPart['source'] => {
  const source = readObject(value, param);
  const type = readOneOf(source.type, `${param}.type`, ['base64', 'text', 'url', 'content', 'file']);
  switch (type) {
    case 'base64':
      return readBase64(source, param);
    case 'text':
      return { type: 'text', text: readString(source.data, `${param}.data`) };
    case 'content':
      return { type: 'text', text: readContentSource(source.content, `${param}.content`, notes) };
    case 'url':
    case 'file':
      return readReference(source, type, param, notes);
    default:
      return type satisfies never;
  }
};

const readContentSource = (content: JsonValue | undefined, param: string, notes: Notes): string =>
  readBlocks(content, param, (block, at) =>
    typeOf(block, at) === 'text' ? readTextBlock(block, at, notes) : bindBlock(block, at, notes),
  )
    .map(({ text }) => text)
    .join('\n\n');

/** A search result is a document with a title and a source to everybody else. */
const readSearchResult = (block: JsonObject, param: string, notes: Notes): DocumentPart => {
  if (readsCitations(block.citations)) notes.lose('search_result.citations');
  const source = readString(block.source, `${param}.source`);
  const name = readString(block.title, `${param}.title`);
  const text = readContentSource(block.content, `${param}.content`, notes);
  return { type: 'document', source: { type: 'text', text: `${source}\n\n${text}` }, name, ...cacheOf(block, param) };
};

const readResult = (block: JsonObject, param: string, notes: Notes): ToolResultPart => ({
  type: 'tool-result',
  callId: readString(block.tool_use_id, `${param}.tool_use_id`, { min: 1, max: MAX_NAME_LENGTH }),
  content:
    optional(block.content, (content) =>
      readBlocks(content, `${param}.content`, (inner, at) => readMedia(inner, typeOf(inner, at), at, notes)),
    ) ?? [],
  ...present(
    'isError',
    optional(block.is_error, (value) => readBoolean(value, `${param}.is_error`)),
  ),
  ...cacheOf(block, param),
});

export const readAssistantBlock = (block: JsonObject, param: string, notes: Notes): AssistantPart => {
  const type = typeOf(block, param);
  switch (type) {
    case 'text':
      return readTextBlock(block, param, notes);
    case 'tool_use':
      return {
        type: 'tool-call',
        id: readString(block.id, `${param}.id`, { min: 1, max: MAX_NAME_LENGTH }),
        name: readString(block.name, `${param}.name`, { min: 1, max: MAX_NAME_LENGTH }),
        arguments: JSON.stringify(readObject(block.input, `${param}.input`)),
        ...cacheOf(block, param),
      };
    case 'thinking': {
      const signature = optional(block.signature, (value) => readString(value, `${param}.signature`));
      return {
        type: 'reasoning',
        text: readString(block.thinking, `${param}.thinking`),
        ...(signature !== undefined && signature !== '' && { signature }),
      };
    }
    case 'redacted_thinking':
      return { type: 'redacted-reasoning', data: readString(block.data, `${param}.data`) };
    case 'tool_result':
    case 'image':
    case 'document':
    case 'search_result':
      return misplaced(type, param, "an assistant's message");
    default:
      return bindBlock(block, param, notes);
  }
};
