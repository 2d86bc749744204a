import type { CallRequest, LateResult } from '../call/call.ts';
import { answerEvents } from '../collect-answer.ts';
import type { Target } from '../target.ts';
import type { CachedAnswer } from './cache-stores.ts';

/** A kept answer as if it had just been given: whole or as a stream, whichever the client asked for. */
export const replay = (
  kept: CachedAnswer,
  target: Target,
  { surface, context, conversation }: CallRequest,
): LateResult => {
  const { answer, dropped } = kept;
  const by = { target, dropped, attempts: [] };
  if (!conversation.stream) return { kind: 'answered', ...by, body: surface.encodeAnswer(answer, context), answer };
  const encoder = surface.encodeStream(context);
  const text = answerEvents(answer)
    .map((event) => encoder.push(event))
    .join('');
  return {
    kind: 'streaming',
    ...by,
    chunks: oneChunk(text),
    ended: Promise.resolve({ outcome: 'answered', stop: answer.stop, attempts: [] }),
  };
};

const oneChunk = async function* (text: string): AsyncGenerator<string, undefined> {
  yield text;
};
