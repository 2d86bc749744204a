import type { Citation, CitedSource, JsonObject, JsonValue, TextPart } from '../../core/conversation.ts';
import { countOf, listOf, objectOf, textOf } from './wire.ts';

/** Converse's names of places in a document (API reference, CitationLocation), and what they count. */
const DOCUMENT_PLACES = [
  { field: 'documentChar', unit: 'character' },
  { field: 'documentPage', unit: 'page' },
  { field: 'documentChunk', unit: 'chunk' },
] as const;

/** @returns undefined for a place of a kind that is not known here */
export const decodeCitation = (value: JsonValue | undefined): Citation | undefined => {
  const raw = objectOf(value) ?? {};
  const source = sourceOf(raw);
  if (source === undefined) return undefined;
  const title = textOf(raw.title);
  const quote = listOf(raw.sourceContent)
    .map((piece) => textOf(objectOf(piece)?.text) ?? '')
    .join('');
  return { source, ...(title !== undefined && { title }), ...(quote !== '' && { quote }) };
};

const sourceOf = (raw: JsonObject): CitedSource | undefined => {
  const location = objectOf(raw.location) ?? {};
  const web = objectOf(location.web);
  if (web !== undefined) return { type: 'url', url: textOf(web.url) ?? '' };
  const result = objectOf(location.searchResultLocation);
  if (result !== undefined)
    return {
      type: 'search-result',
      index: countOf(result.searchResultIndex),
      start: countOf(result.start),
      end: countOf(result.end),
      source: textOf(raw.source) ?? '',
    };
  for (const { field, unit } of DOCUMENT_PLACES) {
    const place = objectOf(location[field]);
    if (place !== undefined)
      return {
        type: 'document',
        index: countOf(place.documentIndex),
        unit,
        start: countOf(place.start),
        end: countOf(place.end),
      };
  }
  return undefined;
};

/** @returns undefined for a file of another vendor's, which Converse has no words for */
export const encodeCitation = ({ source, title, quote }: Citation): JsonObject | undefined => {
  const told = {
    ...(title !== undefined && { title }),
    ...(quote !== undefined && { sourceContent: [{ text: quote }] }),
  };
  switch (source.type) {
    case 'url':
      return { ...told, location: { web: { url: source.url } } };
    case 'search-result': {
      const { index: searchResultIndex, start, end } = source;
      return { ...told, source: source.source, location: { searchResultLocation: { searchResultIndex, start, end } } };
    }
    case 'document': {
      const { index: documentIndex, unit, start, end } = source;
      const place = DOCUMENT_PLACES.find((one) => one.unit === unit) ?? DOCUMENT_PLACES[0];
      return { ...told, location: { [place.field]: { documentIndex, start, end } } };
    }
    case 'file':
      return undefined;
    default:
      return source satisfies never;
  }
};

/** A text with what it rests on; undefined where nothing of that can be said. */
export const encodeCited = ({ text, citations = [] }: TextPart): JsonObject | undefined => {
  const encoded = citations.map(encodeCitation).filter((citation) => citation !== undefined);
  return encoded.length === 0 ? undefined : { citationsContent: { content: [{ text }], citations: encoded } };
};

/** `citationsContent` as a text part. */
export const decodeCited = (cited: JsonObject): TextPart => {
  const citations = listOf(cited.citations).flatMap((citation) => decodeCitation(citation) ?? []);
  const text = listOf(cited.content)
    .map((piece) => textOf(objectOf(piece)?.text) ?? '')
    .join('');
  return { type: 'text', text, ...(citations.length > 0 && { citations }) };
};
