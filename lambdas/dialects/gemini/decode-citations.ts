import type { Citation, CitedSource, JsonObject, JsonValue, TokenLogprob } from '../../core/conversation.ts';
import { countOf, listOf, objectOf, objectsOf, textOf } from './wire.ts';

/** A candidate's citations, their places counted in bytes of its text as the vendor has them. */
interface Found {
  startByte: number;
  /** 0 = to the end: protobuf's JSON leaves an absent one out. */
  endByte: number;
  source: CitedSource;
  title?: string;
}

/** Where Google searched: each support names the chunks it rests on. */
const readGrounding = (grounding: JsonObject | undefined): Found[] => {
  const chunks = listOf(grounding?.['groundingChunks']).map((chunk) => {
    const told = objectOf(objectOf(chunk)?.['web']) ?? objectOf(objectOf(chunk)?.['retrievedContext']);
    return objectOf(objectOf(chunk)?.['maps']) ?? told;
  });
  return objectsOf(grounding?.['groundingSupports']).flatMap((support) => {
    const segment = objectOf(support['segment']) ?? {};
    return listOf(support['groundingChunkIndices']).flatMap((index): Found[] => {
      const chunk = typeof index === 'number' ? chunks[index] : undefined;
      const url = textOf(chunk?.['uri']);
      if (url === undefined) return [];
      const title = textOf(chunk?.['title']);
      return [
        {
          startByte: countOf(segment['startIndex']),
          endByte: countOf(segment['endIndex']),
          source: { type: 'url', url },
          ...(title !== undefined && { title }),
        },
      ];
    });
  });
};

/** What the model wrote from memory, word for word. */
const readRecitations = (metadata: JsonObject | undefined): Found[] =>
  objectsOf(metadata?.['citationSources'] ?? metadata?.['citations']).flatMap((one): Found[] => {
    const url = textOf(one['uri']);
    if (url === undefined) return [];
    const title = textOf(one['title']);
    return [
      {
        startByte: countOf(one['startIndex']),
        endByte: countOf(one['endIndex']),
        source: { type: 'url', url },
        ...(title !== undefined && { title }),
      },
    ];
  });

/** UTF-16 units before that byte, or before the character that it is in the middle of; all where the text has fewer bytes. */
const unitsOf = (bytes: Buffer, byte: number): number => {
  let end = Math.min(byte, bytes.length);
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString('utf8').length;
};

/**
 * What a candidate says that its text rests on.
 *
 * @param text the text part's, whole so far; Google counts its bytes
 */
export const decodeCitations = (candidate: JsonObject, text: string): Citation[] => {
  const found = [
    ...readRecitations(objectOf(candidate['citationMetadata'])),
    ...readGrounding(objectOf(candidate['groundingMetadata'])),
  ];
  if (found.length === 0) return [];
  const bytes = Buffer.from(text, 'utf8');
  return found.map(({ startByte, endByte, source, title }) => {
    const start = Math.min(unitsOf(bytes, startByte), text.length);
    const end = endByte === 0 ? text.length : Math.min(unitsOf(bytes, endByte), text.length);
    return {
      ...(start < end && { span: { start, end } }),
      source,
      ...(title !== undefined && { title }),
    };
  });
};

const readToken = (value: JsonObject): { token: string; logprob: number } | undefined => {
  const token = textOf(value['token']);
  const logprob = value['logProbability'];
  if (token === undefined) return undefined;
  return { token, logprob: typeof logprob === 'number' ? logprob : 0 };
};

/** `logprobsResult`: one entry a token. */
export const decodeLogprobs = (result: JsonValue | undefined): TokenLogprob[] => {
  const told = objectOf(result);
  const top = listOf(told?.['topCandidates']);
  return objectsOf(told?.['chosenCandidates']).flatMap((chosen, index): TokenLogprob[] => {
    const token = readToken(chosen);
    if (token === undefined) return [];
    const others = objectsOf(objectOf(top[index])?.['candidates']).flatMap((one) => readToken(one) ?? []);
    return [{ ...token, top: others }];
  });
};
