import { MAX_NAME_LENGTH, MAX_PARTS } from '../../contract/bounds.ts';
import type {
  CachePoint,
  DocumentPart,
  ImagePart,
  JsonObject,
  JsonValue,
  MediaSource,
  TextPart,
  UserPart,
} from '../../core/conversation.ts';
import { fail, got, optional, present, readArray, readObject, readOneOf, readString } from '../../core/read-json.ts';
import { decodeAudio } from './decode-legacy.ts';
import type { Findings } from './findings.ts';

/** A value of a content field as a message may show it: never its text. */
export const kindOf = (value: JsonValue | undefined): string =>
  typeof value === 'string' ? `a string of ${value.length} characters` : got(value);

/** Like `readString`, for texts that must not stand in a message. */
export const readText = (value: JsonValue | undefined, param: string): string =>
  typeof value === 'string' ? value : fail(param, `${param}: expected a string, got ${kindOf(value)}`);

/** Content that may be a string or a list of parts, as parts. */
const readContent = <T>(
  value: JsonValue | undefined,
  param: string,
  readPart: (part: JsonObject, param: string) => T,
): (TextPart | T)[] => {
  if (typeof value === 'string') return [{ type: 'text', text: value }];
  if (!Array.isArray(value))
    return fail(param, `${param}: expected a string or an array of parts, got ${kindOf(value)}`);
  return readArray(value, param, { min: 1, max: MAX_PARTS }).map((part, index) => {
    const inner = `${param}[${index}]`;
    // A bare string in a list is a common slip, and is content.
    if (typeof part === 'string')
      return fail(inner, `${inner}: expected a part such as {"type":"text","text":…}, got ${kindOf(part)}`);
    return readPart(readObject(part, inner), inner);
  });
};

/** System, developer and tool messages: text alone. */
export const readTexts = (value: JsonValue | undefined, param: string): TextPart[] =>
  readContent(value, param, (part, inner) => {
    readOneOf(part['type'], `${inner}.type`, ['text']);
    return readTextPart(part, inner);
  });

export const readTextPart = (part: JsonObject, param: string): TextPart => ({
  type: 'text',
  text: readText(part['text'], `${param}.text`),
  ...present('cache', decodeCachePoint(part)),
});

/** Assistant messages: what the model said and refused. */
export const readSpoken = (
  value: JsonValue | undefined,
  param: string,
): (TextPart | { type: 'refusal'; text: string })[] =>
  readContent(value, param, (part, inner) => {
    const type = readOneOf(part['type'], `${inner}.type`, ['text', 'refusal']);
    if (type === 'text') return readTextPart(part, inner);
    return { type, text: readText(part['refusal'], `${inner}.refusal`) };
  });

export const readUserParts = (value: JsonValue | undefined, param: string, findings: Findings): UserPart[] =>
  readContent(value, param, (part, inner): UserPart => {
    const { type } = part;
    if (type === 'input_audio') return decodeAudio(part, inner, findings);
    switch (readOneOf(type, `${inner}.type`, ['text', 'image_url', 'file'])) {
      case 'text':
        return readTextPart(part, inner);
      case 'image_url':
        return readImage(part, inner, findings);
      case 'file':
        return readFile(part, inner, findings);
    }
  });

const readImage = (part: JsonObject, param: string, findings: Findings): ImagePart => {
  const inner = `${param}.image_url`;
  if (typeof part['image_url'] === 'string')
    return fail(inner, `${inner}: expected an object {"url":…}, got ${kindOf(part['image_url'])}`);
  const image = readObject(part['image_url'], inner);
  const detail = optional(image['detail'], (field) =>
    readOneOf(field, `${inner}.detail`, ['auto', 'low', 'high', 'original']),
  );
  if (detail === 'original') findings.sameDialectOnly.add('messages[].content[].image_url.detail');
  return {
    type: 'image',
    source: readSource(image['url'], `${inner}.url`),
    ...present('detail', detail === 'original' ? 'high' : detail),
    ...present('cache', decodeCachePoint(part)),
  };
};

const readFile = (part: JsonObject, param: string, findings: Findings): DocumentPart => {
  const inner = `${param}.file`;
  const file = readObject(part['file'], inner);
  const shared = {
    ...present(
      'name',
      optional(file['filename'], (field) => readString(field, `${inner}.filename`, { max: MAX_NAME_LENGTH })),
    ),
    ...present('cache', decodeCachePoint(part)),
  };
  if (file['file_data'] !== undefined && file['file_data'] !== null)
    return { type: 'document', source: readFileData(file['file_data'], `${inner}.file_data`), ...shared };
  const id = file['file_id'];
  if (id === undefined || id === null)
    return fail(inner, `${inner}: expected "file_data" (a data: URL) or "file_id", got neither`);
  // The vendor holds the file: only it can read the id. The part stands for the document's place and size.
  readString(id, `${inner}.file_id`, { min: 1, max: MAX_NAME_LENGTH });
  findings.bound ??= `a file_id (${inner}.file_id)`;
  return { type: 'document', source: { type: 'url', url: `file_id:${String(id)}` }, ...shared };
};

/** A data: URL, or bare base64, which OpenAI takes for a PDF. */
export const readFileData = (value: JsonValue, param: string): MediaSource => {
  const text = readText(value, param);
  if (text.startsWith('data:')) return readDataUrl(text, param);
  if (/^https?:/i.test(text)) return fail(param, `${param}: expected base64 data, got a URL; files are not fetched`);
  return text === ''
    ? fail(param, `${param}: expected base64 data, got an empty string`)
    : { type: 'base64', mediaType: 'application/pdf', data: text };
};

export const readSource = (value: JsonValue | undefined, param: string): MediaSource => {
  const url = readText(value, param);
  if (/^data:/i.test(url)) return readDataUrl(url, param);
  // The provider fetches it; other schemes would mean something only on its own machines.
  if (/^https?:\/\/./i.test(url)) return { type: 'url', url };
  return fail(param, `${param}: expected an http(s) URL or a data: URL with base64, got ${kindOf(value)}`);
};

const readDataUrl = (url: string, param: string): MediaSource => {
  const comma = url.indexOf(',');
  const [mediaType = '', ...attributes] = comma === -1 ? [] : url.slice('data:'.length, comma).split(';');
  const data = url.slice(comma + 1);
  if (
    comma === -1 ||
    attributes.at(-1)?.toLowerCase() !== 'base64' ||
    data === '' ||
    !/^[\w.+-]+\/[\w.+-]+$/.test(mediaType)
  )
    return fail(param, `${param}: expected data:<media type>;base64,<data>, got another kind of data: URL`);
  return { type: 'base64', mediaType: mediaType.toLowerCase(), data };
};

/** OpenAI's `prompt_cache_breakpoint`, or Anthropic's `cache_control`, which OpenRouter and others take in this dialect. */
export const decodeCachePoint = (part: JsonObject): CachePoint | undefined => {
  for (const name of ['prompt_cache_breakpoint', 'cache_control']) {
    const point = part[name];
    if (typeof point !== 'object' || point === null || Array.isArray(point)) continue;
    const { ttl } = point;
    return { ttl: ttl === undefined || ttl === null || ttl === '5m' ? '5m' : '1h' };
  }
  return undefined;
};
