import { MAX_NAME_LENGTH, MAX_PARTS } from '../../contract/bounds.ts';
import type {
  AssistantPart,
  DocumentPart,
  ImagePart,
  JsonObject,
  JsonValue,
  TextPart,
} from '../../core/conversation.ts';
import { fail, optional, present, readArray, readObject, readOneOf, readString } from '../../core/read-json.ts';
import { decodeCachePoint, kindOf, readFileData, readSource, readText } from '../openai-chat/decode-parts.ts';
import type { Findings } from './findings.ts';
import { decodeSigned } from './seals.ts';

type InputPart = TextPart | ImagePart | DocumentPart;

/** Content that may be a string or a list of parts, as parts. */
const readContent = <T>(
  value: JsonValue | undefined,
  param: string,
  readPart: (part: JsonObject, param: string) => T,
  min = 0,
): (TextPart | T)[] => {
  if (typeof value === 'string') return [{ type: 'text', text: value }];
  if (!Array.isArray(value))
    return fail(param, `${param}: expected a string or an array of parts, got ${kindOf(value)}`);
  return readArray(value, param, { min, max: MAX_PARTS }).map((part, index) => {
    const inner = `${param}[${index}]`;
    if (typeof part === 'string')
      return fail(inner, `${inner}: expected a part such as {"type":"input_text","text":…}, got ${kindOf(part)}`);
    return readPart(readObject(part, inner), inner);
  });
};

const readTextPart = (part: JsonObject, param: string): TextPart => ({
  type: 'text',
  text: readText(part['text'], `${param}.text`),
  ...present('cache', decodeCachePoint(part)),
});

/** System and developer messages: text alone. */
export const readTexts = (value: JsonValue | undefined, param: string): TextPart[] =>
  readContent(
    value,
    param,
    (part, inner) => {
      readOneOf(part['type'], `${inner}.type`, ['input_text']);
      return readTextPart(part, inner);
    },
    1,
  );

/** Assistant messages: what the model said and refused. */
export const readSpoken = (value: JsonValue | undefined, param: string): AssistantPart[] =>
  readContent(value, param, (part, inner): AssistantPart => {
    const type = readOneOf(part['type'], `${inner}.type`, ['output_text', 'refusal']);
    if (type === 'refusal') return { type, text: readText(part['refusal'], `${inner}.refusal`) };
    return { ...readTextPart(part, inner), ...decodeSigned(part) };
  });

/** User messages, and the outputs of functions, which may be empty. */
export const readInputParts = (
  value: JsonValue | undefined,
  param: string,
  findings: Findings,
  min: 0 | 1,
): InputPart[] => readContent(value, param, (part, inner) => readInputPart(part, inner, findings), min);

const readInputPart = (part: JsonObject, param: string, findings: Findings): InputPart => {
  if (part['type'] === 'input_audio')
    return fail(param, `${param}: audio input is not supported; send input_text, input_image or input_file parts`);
  switch (readOneOf(part['type'], `${param}.type`, ['input_text', 'input_image', 'input_file'])) {
    case 'input_text':
      return readTextPart(part, param);
    case 'input_image':
      return readImage(part, param, findings);
    case 'input_file':
      return readFile(part, param, findings);
  }
};

const isGiven = (value: JsonValue | undefined): value is JsonValue => value !== undefined && value !== null;

/** The provider holds the file and alone can read its id: the source stands for the part's place and size. */
const readHeldFile = (part: JsonObject, param: string, findings: Findings) => {
  const id = readString(part['file_id'], `${param}.file_id`, { min: 1, max: MAX_NAME_LENGTH });
  findings.bound ??= `a file_id (${param}.file_id)`;
  return { type: 'url' as const, url: `file_id:${id}` };
};

const readImage = (part: JsonObject, param: string, findings: Findings): ImagePart => {
  const detail = optional(part['detail'], (field) =>
    readOneOf(field, `${param}.detail`, ['auto', 'low', 'high', 'original']),
  );
  if (detail === 'original') findings.sameDialectOnly.add('input[].content[].detail');
  const { image_url: url } = part;
  if (!isGiven(url) && !isGiven(part['file_id']))
    return fail(param, `${param}: expected "image_url" (an http(s) or data: URL) or "file_id", got neither`);
  return {
    type: 'image',
    source: isGiven(url) ? readSource(url, `${param}.image_url`) : readHeldFile(part, param, findings),
    ...present('detail', detail === 'original' ? 'high' : detail),
    ...present('cache', decodeCachePoint(part)),
  };
};

const readFile = (part: JsonObject, param: string, findings: Findings): DocumentPart => {
  const { file_data: data, file_url: url } = part;
  if (isGiven(part['detail'])) findings.sameDialectOnly.add('input[].content[].detail');
  if (!isGiven(data) && !isGiven(url) && !isGiven(part['file_id']))
    return fail(param, `${param}: expected "file_data" (a data: URL), "file_url" or "file_id", got none of them`);
  return {
    type: 'document',
    source: isGiven(data)
      ? readFileData(data, `${param}.file_data`)
      : isGiven(url)
        ? readSource(url, `${param}.file_url`)
        : readHeldFile(part, param, findings),
    ...present(
      'name',
      optional(part['filename'], (field) => readString(field, `${param}.filename`, { max: MAX_NAME_LENGTH })),
    ),
    ...present('cache', decodeCachePoint(part)),
  };
};
