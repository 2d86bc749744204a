import type { Admission } from '../admit/admission.ts';
import type { Ports } from '../ports.ts';
import type { Settled } from '../settle/settle.ts';
import { releaseClaim } from './claim-answer.ts';

/** Of a longer answer only the request's id is kept. Characters; what a store takes may be less. */
const MAX_KEPT_LENGTH = 2 * 1024 * 1024;

/** How the caller stood at that moment: stale when the answer is given again. */
const STANDING = /^(x-ratelimit-|anthropic-ratelimit-|x-tollgate-budget$|retry-after$)/;

/**
 * Ends the claim of a request that has ended: its answer is kept where it is whole; else the key is free for the next try.
 * Never rejects: the answer is the client's whatever becomes of this.
 */
export const keepAnswer = async (
  { claim, requestId }: Admission,
  { receipt }: Settled,
  answer: { headers: Headers; body: string } | undefined,
  ports: Pick<Ports, 'answers' | 'clock' | 'log'>,
): Promise<void> => {
  if (claim === undefined) return;
  if (receipt.outcome !== 'answered' || answer === undefined) return releaseClaim(claim, ports);
  const headers = Object.fromEntries([...answer.headers].filter(([name]) => !STANDING.test(name)));
  try {
    const isKept = await ports.answers.keep(claim, { requestId, headers, body: answer.body }, ports.clock.now());
    if (!isKept)
      ports.log.warn('answer too large to be kept for its idempotency key', {
        request_id: requestId,
        length: answer.body.length,
      });
  } catch (error) {
    ports.log.error('answer not kept: a repeat under its idempotency key waits for the lease and is billed again', {
      request_id: requestId,
      error,
    });
  }
};

/** Takes down what is sent, as far as it may be kept. */
export interface Transcript {
  add(chunk: string): void;
  /** All of it, or a text beyond the bound. */
  text(): string;
}

export const makeTranscript = (): Transcript => {
  const chunks: string[] = [];
  let length = 0;
  return {
    add(chunk) {
      // One chunk past the bound is enough to see that it was passed.
      if (length <= MAX_KEPT_LENGTH) chunks.push(chunk);
      length += chunk.length;
    },
    text: () => chunks.join(''),
  };
};
