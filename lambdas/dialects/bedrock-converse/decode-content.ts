import type {
  AssistantPart,
  CachePoint,
  DocumentPart,
  ImagePart,
  JsonObject,
  JsonValue,
  TextPart,
  ToolResultPart,
  UserPart,
} from '../../core/conversation.ts';
import { fail, got, optional, readArray, readObject, readOneOf, readString } from '../../core/read-json.ts';
import { decodeCited } from './citations.ts';
import { toolNameOf } from './fit-names.ts';
import { documentMediaTypeOf, imageMediaTypeOf } from './media-formats.ts';
import { dataOfBlob } from './redacted-reasoning.ts';

/** No client speaks Converse to us, so this bounds only what a list may cost to read. */
export const MAX_ITEMS = 10_000;

export const readCachePoint = (value: JsonValue, param: string): CachePoint => {
  const point = readObject(value, param);
  readOneOf(point.type, `${param}.type`, ['default']);
  return { ttl: optional(point.ttl, (ttl) => readOneOf(ttl, `${param}.ttl`, ['5m', '1h'])) ?? '5m' };
};

const readBytes = (block: JsonObject, param: string): string =>
  readString(readObject(block.source, `${param}.source`).bytes, `${param}.source.bytes`);

const readImage = (value: JsonValue, param: string): ImagePart => {
  const block = readObject(value, param);
  const format = readString(block.format, `${param}.format`);
  const mediaType =
    imageMediaTypeOf(format) ??
    fail(`${param}.format`, `${param}.format: expected an image format, got ${got(format)}`);
  return { type: 'image', source: { type: 'base64', mediaType, data: readBytes(block, param) } };
};

const readDocument = (value: JsonValue, param: string): DocumentPart => {
  const block = readObject(value, param);
  const name = optional(block.name, (text) => readString(text, `${param}.name`));
  const context = optional(block.context, (said) => readString(said, `${param}.context`));
  const citations = optional(block.citations, (asked) => readObject(asked, `${param}.citations`));
  const named = {
    ...(name !== undefined && { name }),
    ...(context !== undefined && { context }),
    ...(citations?.enabled === true && { cite: true }),
  };
  const text = optional(readObject(block.source, `${param}.source`).text, (own) =>
    readString(own, `${param}.source.text`),
  );
  if (text !== undefined) return { type: 'document', source: { type: 'text', text }, ...named };
  const format = readString(block.format, `${param}.format`);
  const mediaType =
    documentMediaTypeOf(format) ??
    fail(`${param}.format`, `${param}.format: expected a document format, got ${got(format)}`);
  return { type: 'document', source: { type: 'base64', mediaType, data: readBytes(block, param) }, ...named };
};

type PlainPart = TextPart | ImagePart | DocumentPart;

/** Text, image or document; undefined for another kind of block. */
const readPlainBlock = (block: JsonObject, param: string): PlainPart | undefined => {
  if (block.text !== undefined) return { type: 'text', text: readString(block.text, `${param}.text`) };
  if (block.image !== undefined) return readImage(block.image, `${param}.image`);
  if (block.document !== undefined) return readDocument(block.document, `${param}.document`);
  return undefined;
};

const unknownBlock = (block: JsonObject, param: string): never =>
  fail(param, `${param}: expected a content block of a known kind, got ${got(Object.keys(block)[0])}`);

const readToolResult = (value: JsonValue, param: string): ToolResultPart => {
  const result = readObject(value, param);
  const content = readArray(result.content, `${param}.content`, { max: MAX_ITEMS }).map((item, index): PlainPart => {
    const at = `${param}.content[${index}]`;
    const block = readObject(item, at);
    if (block.json !== undefined) return { type: 'text', text: JSON.stringify(block.json) };
    return readPlainBlock(block, at) ?? unknownBlock(block, at);
  });
  const status = optional(result.status, (word) => readOneOf(word, `${param}.status`, ['success', 'error']));
  return {
    type: 'tool-result',
    callId: readString(result.toolUseId, `${param}.toolUseId`),
    content,
    ...(status === 'error' && { isError: true }),
  };
};

/** A guardrail's content is content; what the guardrail makes of it is not ours to carry. */
const readGuardContent = (value: JsonValue, param: string): PlainPart => {
  const guarded = readObject(value, param);
  if (guarded.image !== undefined) return readImage(guarded.image, `${param}.image`);
  return { type: 'text', text: readString(readObject(guarded.text, `${param}.text`).text, `${param}.text.text`) };
};

const readUserBlock = (block: JsonObject, param: string): UserPart => {
  if (block.toolResult !== undefined) return readToolResult(block.toolResult, `${param}.toolResult`);
  if (block.guardContent !== undefined) return readGuardContent(block.guardContent, `${param}.guardContent`);
  return readPlainBlock(block, param) ?? unknownBlock(block, param);
};

const readReasoning = (value: JsonValue, param: string): AssistantPart => {
  const content = readObject(value, param);
  if (content.redactedContent !== undefined) {
    const blob = readString(content.redactedContent, `${param}.redactedContent`);
    return { type: 'redacted-reasoning', data: dataOfBlob(blob) };
  }
  const block = readObject(content.reasoningText, `${param}.reasoningText`);
  const signature = optional(block.signature, (text) => readString(text, `${param}.reasoningText.signature`));
  return {
    type: 'reasoning',
    text: readString(block.text, `${param}.reasoningText.text`),
    ...(signature !== undefined && { signature }),
  };
};

const readAssistantBlock = (block: JsonObject, param: string): AssistantPart => {
  if (block.text !== undefined) return { type: 'text', text: readString(block.text, `${param}.text`) };
  if (block.toolUse !== undefined) {
    const call = readObject(block.toolUse, `${param}.toolUse`);
    return {
      type: 'tool-call',
      id: readString(call.toolUseId, `${param}.toolUse.toolUseId`),
      name: toolNameOf(readString(call.name, `${param}.toolUse.name`)),
      arguments: JSON.stringify(call.input ?? {}),
    };
  }
  if (block.reasoningContent !== undefined) return readReasoning(block.reasoningContent, `${param}.reasoningContent`);
  if (block.citationsContent !== undefined)
    return decodeCited(readObject(block.citationsContent, `${param}.citationsContent`));
  return unknownBlock(block, param);
};

/** Blocks as parts; a cache point lands on the part before it, and one with nothing before it says nothing. */
const readBlocks = <Part extends { type: string }>(
  value: JsonValue | undefined,
  param: string,
  read: (block: JsonObject, param: string) => Part,
): Part[] => {
  const parts: Part[] = [];
  for (const [index, item] of readArray(value, param, { max: MAX_ITEMS }).entries()) {
    const at = `${param}[${index}]`;
    const block = readObject(item, at);
    if (block.cachePoint === undefined) {
      parts.push(read(block, at));
      continue;
    }
    const cache = readCachePoint(block.cachePoint, `${at}.cachePoint`);
    const last = parts.at(-1);
    if (last !== undefined) Object.assign(last, { cache });
  }
  return parts;
};

const readTextBlock = (block: JsonObject, param: string): TextPart => {
  const text = block.guardContent === undefined ? undefined : readGuardContent(block.guardContent, param);
  if (text?.type === 'text') return text;
  return { type: 'text', text: readString(block.text, `${param}.text`) };
};

export const readUserParts = (value: JsonValue | undefined, param: string): UserPart[] =>
  readBlocks(value, param, readUserBlock);
export const readAssistantParts = (value: JsonValue | undefined, param: string): AssistantPart[] =>
  readBlocks(value, param, readAssistantBlock);
export const readTextParts = (value: JsonValue | undefined, param: string): TextPart[] =>
  readBlocks(value, param, readTextBlock);
