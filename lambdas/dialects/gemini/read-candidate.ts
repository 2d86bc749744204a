import type { AssistantPart, JsonObject, StreamEvent } from '../../core/conversation.ts';
import { decodeCitations, decodeLogprobs } from './decode-citations.ts';
import { makeCallId, type Piece, readPiece, unsaidOf } from './read-part.ts';
import { objectOf, objectsOf } from './wire.ts';

interface OpenPart {
  kind: 'text' | 'reasoning';
  index: number;
  text: string;
  isSigned: boolean;
}

export interface CandidateReader {
  /** The events of what one chunk, or a whole answer, holds of the candidate. */
  read(candidate: JsonObject): StreamEvent[];
  /** Ends the part that is open. */
  close(): StreamEvent[];
  readonly kinds: ReadonlySet<AssistantPart['type']>;
}

/**
 * Reads a candidate as it comes. Text of one kind goes on in its part until something else comes, or a signature has
 * closed it: a signature may come by itself, behind the text that it is of.
 *
 * @param isWhole a whole answer: its parts keep their borders, which a stream does not tell
 */
export const createCandidateReader = (answerId: () => string, isWhole: boolean): CandidateReader => {
  const kinds = new Set<AssistantPart['type']>();
  let open: OpenPart | undefined;
  let nextIndex = 0;
  let calls = 0;

  const close = (): StreamEvent[] => {
    if (open === undefined) return [];
    const { index } = open;
    open = undefined;
    return [{ type: 'part-end', index }];
  };

  const say = ({ kind, text, signature }: Exclude<Piece, { kind: 'call' }>): StreamEvent[] => {
    const events: StreamEvent[] = [];
    const goesOn = open?.kind === kind && !open.isSigned && (!isWhole || text === '');
    if (open === undefined || !goesOn) {
      events.push(...close(), { type: `${kind}-start`, index: nextIndex });
      open = { kind, index: nextIndex, text: '', isSigned: false };
      kinds.add(kind);
      nextIndex += 1;
    }
    const { index } = open;
    open.text += text;
    if (text !== '') events.push({ type: `${kind}-delta`, index, text });
    if (signature !== undefined) {
      open.isSigned = true;
      events.push({ type: 'signature', index, signature, signedBy: 'google' });
    }
    return events;
  };

  const call = (piece: Piece & { kind: 'call' }): StreamEvent[] => {
    const events = close();
    const index = nextIndex;
    const id = piece.id ?? makeCallId(answerId(), calls, piece);
    nextIndex += 1;
    calls += 1;
    kinds.add('tool-call');
    return [
      ...events,
      { type: 'tool-call-start', index, id, name: piece.name },
      { type: 'tool-call-delta', index, arguments: piece.arguments },
      ...(piece.signature === undefined
        ? []
        : [{ type: 'signature', index, signature: piece.signature, signedBy: 'google' } as const]),
      { type: 'part-end', index },
    ];
  };

  return {
    kinds,
    close,
    read(candidate) {
      const events = objectsOf(objectOf(candidate['content'])?.['parts']).flatMap((part) => {
        const piece = readPiece(part);
        const unsaid = unsaidOf(part).map((what) => ({ type: 'unsaid', what }) as const);
        if (piece === undefined) return unsaid;
        return [...unsaid, ...(piece.kind === 'call' ? call(piece) : say(piece))];
      });
      if (open?.kind !== 'text') return events;
      const { index, text } = open;
      for (const citation of decodeCitations(candidate, text)) events.push({ type: 'citation', index, citation });
      const tokens = decodeLogprobs(candidate['logprobsResult']);
      if (tokens.length > 0) events.push({ type: 'logprobs', index, tokens });
      return events;
    },
  };
};
