import type {
  AssistantPart,
  DocumentPart,
  ImagePart,
  JsonObject,
  MediaSource,
  TextPart,
  ToolResultPart,
} from '../../core/conversation.ts';
import { isDeeperThan, MAX_DEPTH } from '../../core/read-json.ts';
import type { ModelRules } from './model-rules.ts';
import { isBlank, parseObject } from './wire.ts';

/** What the encoding of one request shares. */
export interface EncodeContext {
  rules: ModelRules;
  /** What was left out, by the canonical name. */
  dropped: Set<string>;
  /** Names of the calls so far, by their ids: a result has to name its function. */
  calls: Map<string, string>;
}

/** Under this key invalid arguments go back to the model: `args` takes objects alone. */
export const INVALID_JSON = 'INVALID_JSON';

/** Text that is no JSON object goes back whole, so that the call keeps its pair and the model sees what it wrote. */
export const argsOf = (text: string): JsonObject => {
  if (isBlank(text)) return {};
  const value = parseObject(text);
  return value === undefined || isDeeperThan(value, MAX_DEPTH) ? { [INVALID_JSON]: text } : value;
};

/** By the ending of a URL's path. */
const TYPES: Record<MediaPart['type'], Record<string, string>> = {
  image: {
    png: 'image/png',
    jpg: 'image/jpeg',
    jpeg: 'image/jpeg',
    webp: 'image/webp',
    gif: 'image/gif',
    heic: 'image/heic',
    heif: 'image/heif',
  },
  document: {
    pdf: 'application/pdf',
    txt: 'text/plain',
    md: 'text/markdown',
    html: 'text/html',
    csv: 'text/csv',
  },
};
const USUAL: Record<MediaPart['type'], string> = { image: 'image/jpeg', document: 'application/pdf' };

type MediaPart = ImagePart | DocumentPart;

/** Always told: what comes without may be a film, which costs more than what was held for an image. */
const typeOfUrl = ({ pathname }: URL, type: MediaPart['type']): string => {
  const ending = /\.([a-z]{2,4})$/i.exec(pathname)?.[1]?.toLowerCase() ?? '';
  return (Object.hasOwn(TYPES[type], ending) ? TYPES[type][ending] : undefined) ?? USUAL[type];
};

/**
 * What Google would fetch with the gateway's own rights (files that were uploaded with its key, its buckets), which a client
 * must not borrow; and films, which it takes from there whatever type is told.
 */
const isPublic = ({ protocol, hostname }: URL): boolean =>
  /^https?:$/.test(protocol) && !/(^|\.)(generativelanguage\.googleapis\.com|youtube\.com|youtu\.be)$/i.test(hostname);

const encodeSource = (source: MediaSource, type: MediaPart['type'], { dropped }: EncodeContext): JsonObject[] => {
  if (source.type === 'base64') return [{ inlineData: { mimeType: source.mediaType, data: source.data } }];
  const url = URL.parse(source.url);
  if (url !== null && isPublic(url)) return [{ fileData: { fileUri: source.url, mimeType: typeOfUrl(url, type) } }];
  dropped.add(`${type}.url`);
  return [];
};

const encodeImage = ({ source, detail }: ImagePart, context: EncodeContext): JsonObject[] => {
  if (detail === 'low' || detail === 'high') context.dropped.add('image.detail');
  return encodeSource(source, 'image', context);
};

const encodeDocument = (part: DocumentPart, context: EncodeContext): JsonObject[] => {
  const { source, name, context: about, cite } = part;
  if (name !== undefined) context.dropped.add('document.name');
  if (about !== undefined) context.dropped.add('document.context');
  if (cite === true) context.dropped.add('document.citations');
  // As bytes also where it came as text: a part of its own, apart from what the user says.
  return source.type === 'text'
    ? [{ inlineData: { mimeType: 'text/plain', data: Buffer.from(source.text, 'utf8').toString('base64') } }]
    : encodeSource(source, 'document', context);
};

/** Text, an image or a document; nothing for blank text. */
export const encodePlainPart = (part: TextPart | ImagePart | DocumentPart, context: EncodeContext): JsonObject[] => {
  switch (part.type) {
    case 'text':
      return isBlank(part.text) ? [] : [{ text: part.text }];
    case 'image':
      return encodeImage(part, context);
    case 'document':
      return encodeDocument(part, context);
    default:
      return part satisfies never;
  }
};

/** Stands for the signature of a call that another vendor's model made; Google documents it ("Thought signatures", FAQ). */
export const UNSIGNED = 'skip_thought_signature_validator';

export interface EncodedResult {
  response: JsonObject;
  /** Images and documents that have to stand beside the results. */
  beside: JsonObject[];
}

/**
 * A function's result. `output` and `error` are the keys that Google names for what it says. Models before generation 3
 * take its images and documents only beside it.
 */
export const encodeToolResult = (part: ToolResultPart, context: EncodeContext): EncodedResult => {
  const name = context.calls.get(part.callId) ?? 'unknown_function';
  const texts = part.content.flatMap((inner) => (inner.type === 'text' ? [inner.text] : []));
  const media = part.content.flatMap((inner) => (inner.type === 'text' ? [] : encodePlainPart(inner, context)));
  const inline = media.filter((one) => 'inlineData' in one);
  const isInside = context.rules.takesMediaInResults && media.length > 0 && inline.length === media.length;
  const isBeside = media.length > 0 && !isInside;
  const label = `the result of ${name}, ${part.callId}`;
  const text = [...texts, ...(isBeside ? [`(The rest of it stands below, as ${label}.)`] : [])].join('\n');
  return {
    response: {
      functionResponse: {
        id: part.callId,
        name,
        response: { [part.isError === true ? 'error' : 'output']: text },
        ...(isInside && { parts: inline }),
      },
    },
    beside: isBeside ? [{ text: `This is ${label}:` }, ...media] : [],
  };
};

const signed = (signature: string | undefined): JsonObject =>
  signature === undefined ? {} : { thoughtSignature: signature };

/** A part of the model's own turn. Signatures that are not Google's have been taken out before. */
export const encodeAssistantPart = (part: AssistantPart, context: EncodeContext): JsonObject[] => {
  switch (part.type) {
    case 'text':
      if ((part.citations?.length ?? 0) > 0) context.dropped.add('citations');
      // A signature may come by itself, and goes back so.
      return isBlank(part.text) && part.signature === undefined ? [] : [{ text: part.text, ...signed(part.signature) }];
    case 'refusal':
      return isBlank(part.text) ? [] : [{ text: part.text }];
    case 'tool-call': {
      const { id, name, arguments: args, signature } = part;
      context.calls.set(id, name);
      return [{ functionCall: { id, name, args: argsOf(args) }, ...signed(signature) }];
    }
    case 'reasoning':
      // A summary of thoughts proves nothing without its signature, and is not wanted back.
      if (part.signature !== undefined) return [{ text: part.text, thought: true, thoughtSignature: part.signature }];
      context.dropped.add('reasoning parts');
      return [];
    case 'redacted-reasoning':
      context.dropped.add('reasoning parts');
      return [];
    default:
      return part satisfies never;
  }
};
