import type { Citation, JsonObject, JsonValue, TokenLogprob } from '../../core/conversation.ts';
import { present } from '../../core/read-json.ts';
import { countOf, objectOf, objectsOf, textOf } from '../openai-chat/wire.ts';

/** What a text rests on, as far as it is a page or a file. */
export const decodeAnnotation = (annotation: JsonObject): Citation | undefined => {
  const { start_index: from, end_index: to } = annotation;
  const start = countOf(from);
  const end = countOf(to);
  const span = start === undefined || end === undefined || end < start ? {} : { span: { start, end } };
  const title = present('title', textOf(annotation['title']));
  if (annotation['type'] === 'url_citation') {
    const url = textOf(annotation['url']);
    return url === undefined ? undefined : { ...span, source: { type: 'url', url }, ...title };
  }
  if (annotation['type'] !== 'file_citation' && annotation['type'] !== 'container_file_citation') return undefined;
  const id = textOf(annotation['file_id']);
  if (id === undefined) return undefined;
  return { ...span, source: { type: 'file', id, ...present('name', textOf(annotation['filename'])) } };
};

export const decodeAnnotations = (value: JsonValue | undefined): Citation[] =>
  objectsOf(value).flatMap((one) => decodeAnnotation(one) ?? []);

/** Places in the request's own documents and search results have no words here. */
export const encodeCitation = ({ source, span, title }: Citation, text: string): JsonObject | undefined => {
  const { start, end } = span ?? { start: 0, end: text.length };
  if (source.type === 'url')
    return { type: 'url_citation', url: source.url, title: title ?? '', start_index: start, end_index: end };
  if (source.type === 'file')
    return { type: 'file_citation', file_id: source.id, filename: source.name ?? '', index: end };
  return undefined;
};

export const decodeLogprobs = (value: JsonValue | undefined): TokenLogprob[] =>
  objectsOf(value).flatMap((one) => {
    const read = decodeLogprob(one);
    return read === undefined
      ? []
      : [{ ...read, top: objectsOf(one['top_logprobs']).flatMap((top) => decodeLogprob(top) ?? []) }];
  });

const decodeLogprob = ({ token, bytes, logprob }: JsonObject): Omit<TokenLogprob, 'top'> | undefined => {
  if (typeof token !== 'string' || typeof logprob !== 'number') return undefined;
  const isBytes = Array.isArray(bytes) && bytes.every((byte) => typeof byte === 'number');
  return { token, ...(isBytes && { bytes }), logprob };
};

export const encodeLogprobs = (tokens: readonly TokenLogprob[]): JsonObject[] =>
  tokens.map(({ top, ...chosen }) => ({ ...encodeLogprob(chosen), top_logprobs: top.map(encodeLogprob) }));

const encodeLogprob = ({ token, bytes, logprob }: Omit<TokenLogprob, 'top'>): JsonObject => ({
  token,
  bytes: bytes ?? [...new TextEncoder().encode(token)],
  logprob,
});

/** The object in an event's field, {} where there is none. */
export const fieldOf = (event: JsonObject, name: string): JsonObject => objectOf(event[name]) ?? {};
