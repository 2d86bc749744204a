import type { WireEvent } from '../dialect.ts';
import type { UpstreamCall } from '../provider.ts';

export interface UpstreamReply {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  /** The whole body as text, bounded. @throws {UpstreamError} */
  text(): Promise<string>;
  /** The stream, event by event as it comes; ends when the vendor closes. Returning early closes the connection. @throws {UpstreamError} */
  events(): EventStream;
}

export interface EventStream extends AsyncIterable<WireEvent> {
  /**
   * The next event if it is here already, without waiting for more: what came together is read and sent on together.
   * Transports that can't tell leave it out.
   */
  arrived?(): WireEvent | undefined;
}

export type UpstreamErrorKind = 'connect' | 'reset' | 'aborted' | 'too-large' | 'malformed';

/** The call broke below the level of HTTP. The message names no internal address. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly kind: UpstreamErrorKind;

  constructor(kind: UpstreamErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

export interface Upstream {
  /**
   * Sends at once, no retry of its own; resolves with the reply's head.
   * When the signal aborts, the connection is closed and whatever is pending rejects with `aborted`.
   * @param options.connectMs how long a connection may take to be made; the transport's own bound where absent
   * @throws {UpstreamError}
   */
  send(call: UpstreamCall, signal: AbortSignal, options?: { connectMs?: number }): Promise<UpstreamReply>;
}
