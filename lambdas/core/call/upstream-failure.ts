import type { ProviderError } from '../conversation.ts';
import type { AttemptFailure } from '../failures.ts';
import type { Provider } from '../provider.ts';
import { attemptFailure } from './attempt-failure.ts';
import type { StopCause } from './deadlines.ts';
import type { UpstreamError } from './upstream.ts';

/** The failure of an attempt that was stopped from our side. @param wasSent whether the vendor had the request by then */
export const failureOfStop = (cause: StopCause, wasSent: boolean): AttemptFailure => {
  const mayBeBilled = wasSent;
  switch (cause.by) {
    case 'caller':
      return attemptFailure('cancelled', { message: `stopped: ${cause.outcome}`, mayBeBilled });
    case 'deadline':
      return attemptFailure('deadline', { message: 'no answer before the deadline', mayBeBilled });
    case 'first-token':
      return attemptFailure('first_token_timeout', { message: `no content within ${cause.afterMs} ms`, mayBeBilled });
    case 'idle':
      return attemptFailure('idle_timeout', { message: `nothing came for ${cause.afterMs} ms`, mayBeBilled });
    default:
      return cause satisfies never;
  }
};

/**
 * The failure of a call that broke below HTTP. Before the reply's head the vendor may already have worked on the request,
 * unless no connection was made at all.
 */
export const failureOfUpstreamError = (error: UpstreamError, phase: 'head' | 'body'): AttemptFailure => {
  const { kind, message } = error;
  switch (kind) {
    case 'connect':
      return attemptFailure('connection_failed', { message, mayBeBilled: false });
    case 'reset':
    // Aborted, but not by us: the connection was taken away under the call.
    case 'aborted':
      return attemptFailure(phase === 'head' ? 'connection_failed' : 'cut_off', { message, mayBeBilled: true });
    case 'too-large':
    case 'malformed':
      return attemptFailure('malformed_answer', { message, mayBeBilled: true });
    default:
      return kind satisfies never;
  }
};

/**
 * The failure that a vendor told after its 200: inside a stream, or of the answer that it gave. Whoever had begun to count or
 * to answer may bill.
 *
 * @param hasBegun whether usage or output had come before
 */
export const failureOfStreamError = (
  error: ProviderError,
  mapError: Provider['mapError'],
  hasBegun: boolean,
): AttemptFailure => {
  if (error.type === 'malformed_stream')
    return attemptFailure('malformed_answer', { message: error.message, mayBeBilled: true });
  // The model's doing: asked again it may do better, and the target is not broken.
  if (error.type === 'malformed_output')
    return {
      ...attemptFailure('malformed_answer', { message: error.message, mayBeBilled: true }),
      countsAgainstCircuit: false,
    };
  const failure = mapError(error, {});
  return { ...failure, mayBeBilled: failure.mayBeBilled || hasBegun };
};
