import type { Citation, CitedSource, JsonObject, JsonValue, TextPart } from '../../core/conversation.ts';
import { asCount, asObject, asText } from './read-loosely.ts';

/** Where each of Anthropic's locations has its bounds, and what they count. */
const DOCUMENT_PLACES = [
  { type: 'char_location', unit: 'character', start: 'start_char_index', end: 'end_char_index' },
  { type: 'page_location', unit: 'page', start: 'start_page_number', end: 'end_page_number' },
  { type: 'content_block_location', unit: 'chunk', start: 'start_block_index', end: 'end_block_index' },
] as const;

/** @returns undefined for a kind that is not known here */
export const decodeCitation = (value: JsonValue | undefined): Citation | undefined => {
  const raw = asObject(value) ?? {};
  const source = sourceOf(raw);
  if (source === undefined) return undefined;
  const title = asText(raw.document_title) ?? asText(raw.title);
  const quote = asText(raw.cited_text);
  return {
    source,
    ...(title !== undefined && { title }),
    ...(quote !== undefined && quote !== '' && { quote }),
  };
};

const sourceOf = (raw: JsonObject): CitedSource | undefined => {
  if (raw.type === 'web_search_result_location') {
    const token = asText(raw.encrypted_index) ?? '';
    return { type: 'url', url: asText(raw.url) ?? '', ...(token !== '' && { token }) };
  }
  if (raw.type === 'search_result_location')
    return {
      type: 'search-result',
      index: asCount(raw.search_result_index) ?? 0,
      start: asCount(raw.start_block_index) ?? 0,
      end: asCount(raw.end_block_index) ?? 0,
      source: asText(raw.source) ?? '',
    };
  const place = DOCUMENT_PLACES.find(({ type }) => type === raw.type);
  if (place === undefined) return undefined;
  return {
    type: 'document',
    index: asCount(raw.document_index) ?? 0,
    unit: place.unit,
    start: asCount(raw[place.start]) ?? 0,
    end: asCount(raw[place.end]) ?? 0,
  };
};

/** @returns undefined for a file of another vendor's, which this dialect has no words for */
export const encodeCitation = ({ source, title, quote = '' }: Citation): JsonObject | undefined => {
  switch (source.type) {
    case 'url':
      return {
        type: 'web_search_result_location',
        cited_text: quote,
        encrypted_index: source.token ?? '',
        title: title ?? null,
        url: source.url,
      };
    case 'search-result':
      return {
        type: 'search_result_location',
        cited_text: quote,
        search_result_index: source.index,
        source: source.source,
        start_block_index: source.start,
        end_block_index: source.end,
        title: title ?? null,
      };
    case 'document': {
      const place = DOCUMENT_PLACES.find(({ unit }) => unit === source.unit) ?? DOCUMENT_PLACES[0];
      return {
        type: place.type,
        cited_text: quote,
        document_index: source.index,
        document_title: title ?? null,
        [place.start]: source.start,
        [place.end]: source.end,
      };
    }
    case 'file':
      return undefined;
    default:
      return source satisfies never;
  }
};

/** `citations` of a text block; absent where nothing is cited. */
export const encodeCitations = ({ citations = [] }: TextPart): { citations?: JsonObject[] } => {
  const encoded = citations.map(encodeCitation).filter((citation) => citation !== undefined);
  return encoded.length === 0 ? {} : { citations: encoded };
};

export const decodeCitations = (value: JsonValue | undefined): Pick<TextPart, 'citations'> => {
  const citations = Array.isArray(value) ? value.flatMap((one) => decodeCitation(one) ?? []) : [];
  return citations.length === 0 ? {} : { citations };
};
