import type { JsonObject, Stop, StreamEvent, Usage } from '../../core/conversation.ts';
import { createCandidateReader } from './read-candidate.ts';
import { decodeBlock, decodeStop } from './stop-reasons.ts';
import { decodeUsage } from './usage.ts';
import { objectOf, objectsOf, textOf } from './wire.ts';

export interface ResponseReader {
  /** One GenerateContentResponse: a chunk of a stream, or a whole answer. */
  read(response: JsonObject): StreamEvent[];
  /** The vendor has closed: ends what is open and tells the stop. A stream without one was cut; a whole answer gets one. */
  end(): StreamEvent[];
}

interface Finish {
  word: string;
  words: string | undefined;
  /** The prompt was turned down, and there is no candidate. */
  isBlock: boolean;
}

const PLAIN = 'STOP';

/**
 * Reads GenerateContentResponses as events. There is no end mark: the answer is whole when its `finishReason` has been and
 * the connection closes, and not before: older models put `STOP` into every chunk. A prompt that was turned down has no candidate, and ends by its `blockReason`.
 */
export const createResponseReader = (isWhole: boolean): ResponseReader => {
  let answerId = '';
  let hasStarted = false;
  let finish: Finish | undefined;
  let told: string | undefined;
  const candidate = createCandidateReader(() => answerId, isWhole);

  const start = (response: JsonObject): StreamEvent[] => {
    if (hasStarted) return [];
    hasStarted = true;
    answerId = textOf(response['responseId']) ?? '';
    return [{ type: 'answer-start', id: answerId, model: textOf(response['modelVersion']) ?? '' }];
  };

  /** Each chunk counts anew, mostly the same. */
  const count = (usage: Usage | undefined): StreamEvent[] => {
    const text = JSON.stringify(usage);
    if (usage === undefined || text === told) return [];
    told = text;
    return [{ type: 'usage', usage }];
  };

  /** @param words what the vendor says of a stop that left nothing else to read */
  const stop = (reason: Stop, words: string | undefined): StreamEvent[] => {
    const events = candidate.close();
    // The only part there is: index 0.
    if (candidate.kinds.size === 0 && reason.reason === 'content-filter' && words !== undefined && words !== '')
      events.push(
        { type: 'refusal-start', index: 0 },
        { type: 'refusal-delta', index: 0, text: words },
        { type: 'part-end', index: 0 },
      );
    return [...events, { type: 'stop', stop: reason }];
  };

  /** A plain word gives way to a telling one, whichever came first. */
  const finishWith = (next: Finish): void => {
    if (finish === undefined || finish.word === PLAIN || next.word !== PLAIN) finish = next;
  };

  return {
    read(response) {
      const begun = start(response);
      const usage = count(decodeUsage(objectOf(response['usageMetadata'])));
      const first = objectsOf(response['candidates']).find((one) => (one['index'] ?? 0) === 0);
      const said = first === undefined ? [] : candidate.read(first);
      const word = textOf(first?.['finishReason']);
      if (word !== undefined) finishWith({ word, words: textOf(first?.['finishMessage']), isBlock: false });
      const feedback = objectOf(response['promptFeedback']);
      const block = textOf(feedback?.['blockReason']);
      if (block !== undefined && first === undefined)
        finishWith({ word: block, words: textOf(feedback?.['blockReasonMessage']), isBlock: true });
      return [...begun, ...said, ...usage];
    },
    end() {
      if (finish === undefined) return isWhole ? stop(decodeStop('', candidate.kinds), undefined) : [];
      const { word, words, isBlock } = finish;
      return stop(isBlock ? decodeBlock(word) : decodeStop(word, candidate.kinds, words), words);
    },
  };
};
