import type { Conversation, StreamEvent } from '../conversation.ts';
import type { Tally } from './tally.ts';

/** Characters: thousands of streams may be under way at once. A longer answer is not held against its format. */
const MOST_KEPT = 65_536;

/**
 * Lets a tally keep the answer's text beside its counts, where the request asks for JSON: for nothing else would a stream
 * have to be remembered. Of several choices none is kept, since their texts come mixed.
 */
export const keepOutput = (tally: Tally, { format, choices }: Pick<Conversation, 'format' | 'choices'>): Tally => {
  if (format === undefined || format.type === 'text' || choices !== 1) return tally;
  const { see, seeAnswer, record } = tally;
  let output: string | undefined = '';
  const keep = (text: string): void => {
    if (output !== undefined) output = output.length + text.length <= MOST_KEPT ? output + text : undefined;
  };
  return Object.assign(tally, {
    see(event: Parameters<typeof see>[0]) {
      if (event.type === 'text-delta') keep(event.text);
      return see(event);
    },
    seeAnswer(answer: Parameters<typeof seeAnswer>[0]) {
      for (const part of answer.parts) if (part.type === 'text') keep(part.text);
      seeAnswer(answer);
    },
    record: (failure?: Parameters<typeof record>[0]) => ({
      ...record(failure),
      ...(output !== undefined && { output }),
    }),
  });
};

/** Lets somebody else see each event of a stream that a tally sees. */
export const gatherEvents = (tally: Tally, gather: ((event: StreamEvent) => void) | undefined): Tally => {
  if (gather === undefined) return tally;
  const { see } = tally;
  return Object.assign(tally, {
    see(event: StreamEvent) {
      gather(event);
      return see(event);
    },
  });
};
