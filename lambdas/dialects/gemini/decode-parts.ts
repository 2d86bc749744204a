import type {
  AssistantPart,
  DocumentPart,
  ImagePart,
  JsonObject,
  JsonValue,
  MediaSource,
  TextPart,
  ToolResultPart,
  UserPart,
} from '../../core/conversation.ts';
import { fail, got, optional, readArray, readObject, readString } from '../../core/read-json.ts';
import { writeArguments } from './read-part.ts';

/** No client speaks Gemini to us, so this bounds only what a list may cost to read. */
export const MAX_ITEMS = 10_000;

/** A field by its name, or as protobuf's JSON also takes it: `inlineData`, `inline_data`. */
export const fieldOf = (object: JsonObject, name: string): JsonValue | undefined =>
  object[name] ?? object[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];

export interface CallPairs {
  /** The id for a call: its own, else one made up from its place in the conversation. */
  ofCall(id: string | undefined, name: string): string;
  /** The id for a result: its own, else that of the first call without a result that has its name, else of any. */
  ofResult(id: string | undefined, name: string): string;
}

/** Pairs calls and results, whose ids may be missing. */
export const makeCallPairs = (): CallPairs => {
  let count = 0;
  let waiting: { id: string; name: string }[] = [];
  return {
    ofCall(own, name) {
      const id = own ?? `call_${count}`;
      count += 1;
      waiting.push({ id, name });
      return id;
    },
    ofResult(own, name) {
      const call =
        own === undefined
          ? (waiting.find((one) => one.name === name) ?? waiting[0])
          : waiting.find((one) => one.id === own);
      waiting = waiting.filter((one) => one !== call);
      return own ?? call?.id ?? `call_${count}`;
    },
  };
};

/** Google writes base64 in either alphabet; canonical is the standard one. */
const standardBase64 = (data: string): string => {
  const standard = data.replaceAll('-', '+').replaceAll('_', '/');
  return standard.length % 4 === 0 ? standard : standard.padEnd(standard.length + 4 - (standard.length % 4), '=');
};

const readSource = (part: JsonObject, param: string): { source: MediaSource; mediaType: string } | undefined => {
  const inline = optional(fieldOf(part, 'inlineData'), (value) => readObject(value, `${param}.inlineData`));
  if (inline !== undefined) {
    const mediaType = readString(fieldOf(inline, 'mimeType'), `${param}.inlineData.mimeType`);
    const data = standardBase64(readString(inline['data'], `${param}.inlineData.data`));
    return { source: { type: 'base64', mediaType, data }, mediaType };
  }
  const file = optional(fieldOf(part, 'fileData'), (value) => readObject(value, `${param}.fileData`));
  if (file === undefined) return undefined;
  const url = readString(fieldOf(file, 'fileUri'), `${param}.fileData.fileUri`);
  const mediaType = optional(fieldOf(file, 'mimeType'), (value) => readString(value, `${param}.fileData.mimeType`));
  return { source: { type: 'url', url }, mediaType: mediaType ?? 'image/*' };
};

/** Images and documents; sound and video have no canonical part. */
const readMedia = (part: JsonObject, param: string): ImagePart | DocumentPart | undefined => {
  const found = readSource(part, param);
  if (found === undefined) return undefined;
  const { source, mediaType } = found;
  if (mediaType.startsWith('image/')) return { type: 'image', source };
  if (/^(audio|video)\//.test(mediaType)) return fail(param, `${param}: ${mediaType} can't be carried`);
  return { type: 'document', source };
};

const readText = (part: JsonObject, param: string): TextPart | undefined => {
  const text = optional(part['text'], (value) => readString(value, `${param}.text`));
  return text === undefined ? undefined : { type: 'text', text };
};

const unknownPart = (part: JsonObject, param: string): never =>
  fail(param, `${param}: expected a part of a known kind, got ${got(Object.keys(part)[0])}`);

/** Keys under which a result's text stands by itself; anything else is told as JSON. */
const PLAIN_KEYS = new Set(['output', 'result', 'return_value', 'content', 'error']);

const readResponse = (response: JsonObject): { text: string; isError: boolean } => {
  const entries = Object.entries(response);
  const [only] = entries;
  if (entries.length === 1 && only !== undefined && PLAIN_KEYS.has(only[0]) && typeof only[1] === 'string')
    return { text: only[1], isError: only[0] === 'error' };
  return { text: entries.length === 0 ? '' : JSON.stringify(response), isError: false };
};

const readResult = (value: JsonValue, param: string, pairs: CallPairs): ToolResultPart => {
  const result = readObject(value, param);
  const name = readString(result['name'], `${param}.name`);
  const id = optional(result['id'], (text) => readString(text, `${param}.id`));
  const { text, isError } = readResponse(
    optional(result['response'], (one) => readObject(one, `${param}.response`)) ?? {},
  );
  const media = optional(result['parts'], (parts) => readArray(parts, `${param}.parts`, { max: MAX_ITEMS })) ?? [];
  return {
    type: 'tool-result',
    callId: pairs.ofResult(id || undefined, name),
    content: [
      ...(text === '' ? [] : [{ type: 'text' as const, text }]),
      ...media.map((one, index) => {
        const at = `${param}.parts[${index}]`;
        const part = readObject(one, at);
        return readMedia(part, at) ?? unknownPart(part, at);
      }),
    ],
    ...(isError && { isError }),
  };
};

export const readUserPart = (value: JsonValue, param: string, pairs: CallPairs): UserPart => {
  const part = readObject(value, param);
  const result = fieldOf(part, 'functionResponse');
  if (result !== undefined && result !== null) return readResult(result, `${param}.functionResponse`, pairs);
  return readText(part, param) ?? readMedia(part, param) ?? unknownPart(part, param);
};

export const readModelPart = (value: JsonValue, param: string, pairs: CallPairs): AssistantPart => {
  const part = readObject(value, param);
  const signature = optional(fieldOf(part, 'thoughtSignature'), (text) =>
    readString(text, `${param}.thoughtSignature`),
  );
  const signed = signature === undefined ? {} : { signature, signedBy: 'google' as const };
  const call = optional(fieldOf(part, 'functionCall'), (one) => readObject(one, `${param}.functionCall`));
  if (call !== undefined) {
    const name = readString(call['name'], `${param}.functionCall.name`);
    const id = optional(call['id'], (text) => readString(text, `${param}.functionCall.id`));
    return {
      type: 'tool-call',
      id: pairs.ofCall(id || undefined, name),
      name,
      arguments: writeArguments(call),
      ...signed,
    };
  }
  const text =
    readText(part, param) ?? (signature === undefined ? unknownPart(part, param) : { type: 'text', text: '' });
  return part['thought'] === true ? { type: 'reasoning', text: text.text, ...signed } : { ...text, ...signed };
};
