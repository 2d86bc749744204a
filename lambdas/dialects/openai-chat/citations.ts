import type { AssistantPart, Citation, JsonObject, JsonValue, TextPart } from '../../core/conversation.ts';
import { countOf, objectOf, objectsOf, textOf } from './wire.ts';

/**
 * What a text rests on. OpenAI has a word for web pages alone, `annotations` of type `url_citation`, and typed SDKs refuse
 * others there; documents, search results and files stand in `citations` beside it, which is ours.
 */
export interface EncodedCitations {
  annotations?: JsonObject[];
  citations?: JsonObject[];
}

/** @param start where the part's text begins in the message's content, UTF-16 units */
export const encodeCitation = (citation: Citation, start: number, length: number): EncodedCitations => {
  const { source, title, span, quote } = citation;
  const place = { start_index: start + (span?.start ?? 0), end_index: start + (span?.end ?? length) };
  switch (source.type) {
    case 'url':
      return {
        annotations: [{ type: 'url_citation', url_citation: { ...place, title: title ?? '', url: source.url } }],
      };
    case 'document':
    case 'search-result':
    case 'file':
      return {
        citations: [
          {
            ...source,
            ...place,
            ...(title !== undefined && { title }),
            ...(quote !== undefined && { quote }),
          },
        ],
      };
    default:
      return source satisfies never;
  }
};

export const encodeCitations = (parts: readonly AssistantPart[]): EncodedCitations => {
  const annotations: JsonObject[] = [];
  const citations: JsonObject[] = [];
  let start = 0;
  for (const part of parts) {
    if (part.type !== 'text') continue;
    for (const citation of part.citations ?? []) {
      const encoded = encodeCitation(citation, start, part.text.length);
      annotations.push(...(encoded.annotations ?? []));
      citations.push(...(encoded.citations ?? []));
    }
    start += part.text.length;
  }
  return { ...(annotations.length > 0 && { annotations }), ...(citations.length > 0 && { citations }) };
};

/** Reads `annotations` of a message or a delta; those that are no web pages are left out. */
export const decodeAnnotations = (value: JsonValue | undefined): Citation[] =>
  objectsOf(value).flatMap((annotation): Citation[] => {
    const cited = objectOf(annotation['url_citation']);
    const url = textOf(cited?.['url']);
    if (cited === undefined || url === undefined) return [];
    const start = countOf(cited['start_index']);
    const end = countOf(cited['end_index']);
    const title = textOf(cited['title']);
    const quote = textOf(cited['content']);
    return [
      {
        ...(start !== undefined && end !== undefined && end >= start && { span: { start, end } }),
        source: { type: 'url', url },
        ...(title !== undefined && { title }),
        ...(quote !== undefined && { quote }),
      },
    ];
  });

export const citationsOf = (message: JsonObject): Pick<TextPart, 'citations'> => {
  const citations = decodeAnnotations(message['annotations']);
  return citations.length === 0 ? {} : { citations };
};
