import type { JsonObject, Stop, StreamEvent, Usage } from '../../core/conversation.ts';
import { createCandidateReader } from './read-candidate.ts';
import { decodeBlock, decodeStop } from './stop-reasons.ts';
import { decodeUsage } from './usage.ts';
import { objectOf, objectsOf, textOf } from './wire.ts';

export interface ResponseReader {
  /** One GenerateContentResponse: a chunk of a stream, or a whole answer. */
  read(response: JsonObject): StreamEvent[];
  /** Ends what is open; gives a stop where the vendor gave none. */
  end(): StreamEvent[];
}

/**
 * Reads GenerateContentResponses as events. There is no end mark: the answer is whole when its `finishReason` has been and
 * the connection closes. A prompt that was turned down has no candidate, and ends by its `blockReason`.
 */
export const createResponseReader = (isWhole: boolean): ResponseReader => {
  let answerId = '';
  let hasStarted = false;
  let hasStopped = false;
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
  const stop = (reason: Stop, words: string | undefined, usage: StreamEvent[]): StreamEvent[] => {
    hasStopped = true;
    const events = candidate.close();
    // The only part there is: index 0.
    if (candidate.kinds.size === 0 && reason.reason === 'content-filter' && words !== undefined && words !== '')
      events.push(
        { type: 'refusal-start', index: 0 },
        { type: 'refusal-delta', index: 0, text: words },
        { type: 'part-end', index: 0 },
      );
    return [...events, ...usage, { type: 'stop', stop: reason }];
  };

  return {
    read(response) {
      const events = start(response);
      const usage = count(decodeUsage(objectOf(response['usageMetadata'])));
      if (hasStopped) return usage;
      const first = objectsOf(response['candidates']).find((one) => (one['index'] ?? 0) === 0);
      if (first !== undefined) events.push(...candidate.read(first));
      const finish = textOf(first?.['finishReason']);
      if (finish !== undefined)
        return [...events, ...stop(decodeStop(finish, candidate.kinds), textOf(first?.['finishMessage']), usage)];
      const feedback = objectOf(response['promptFeedback']);
      const block = textOf(feedback?.['blockReason']);
      if (block !== undefined && first === undefined)
        return [...events, ...stop(decodeBlock(block), textOf(feedback?.['blockReasonMessage']), usage)];
      return [...events, ...usage];
    },
    end: () => (hasStopped ? [] : stop(decodeStop('', candidate.kinds), undefined, [])),
  };
};
