import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Vendor } from '../support/vendors.ts';
import type { Fault } from './faults.ts';

export interface Exchange {
  vendor: Vendor;
  /** Of the answer. */
  pieces: string[];
  isStream: boolean;
  response: ServerResponse;
  /** Told of each piece of content that is handed over. */
  delivered(pieces: number): void;
}

/** Does to one call what its target's timeline says. Resolves when nothing more will be written; never rejects for a client that has left. */
export const misbehave = async (fault: Fault, exchange: Exchange): Promise<void> => {
  const { response, vendor } = exchange;
  switch (fault.kind) {
    case 'healthy':
      return answer(exchange, fault.gapMs ?? 0);
    case 'status': {
      const { headers, body } = vendor.error(fault.status, `upstream says ${fault.status}`);
      response.writeHead(fault.status, { 'content-type': 'application/json', ...headers, ...fault.headers });
      response.end(body);
      return;
    }
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'hang':
      return;
    case 'slow-first-token':
      return answerLate(exchange, fault.afterMs);
    case 'cut':
      return cut(exchange, fault.at);
    case 'ends-early':
      return endEarly(exchange);
    case 'malformed':
      return malformed(exchange);
    case 'error-in-200':
      return errorInside(exchange, fault.at);
    case 'wrong-length':
      return wrongLength(exchange, fault.is);
    default:
      return fault satisfies never;
  }
};

const JSON_HEAD = { 'content-type': 'application/json' };

const streamOf = ({ vendor, pieces }: Exchange) => vendor.stream({ pieces });
const plainOf = ({ vendor, pieces }: Exchange): Buffer => Buffer.from(vendor.answer({ pieces }));
const beginStream = ({ response, vendor }: Exchange, headers: Record<string, number> = {}): void =>
  void response.writeHead(200, { 'content-type': vendor.streamType, ...headers });

const isGone = ({ response }: Exchange): boolean => response.destroyed;

const answer = async (exchange: Exchange, gapMs: number): Promise<void> => {
  const { response, isStream, pieces, delivered } = exchange;
  if (!isStream) {
    const body = plainOf(exchange);
    response.writeHead(200, { ...JSON_HEAD, 'content-length': body.length });
    if (gapMs > 0) {
      response.write(body.subarray(0, 10));
      await sleep(gapMs * pieces.length);
      if (isGone(exchange)) return;
      response.end(body.subarray(10));
    } else response.end(body);
    delivered(pieces.length);
    return;
  }
  const { opening, pieces: events, closing } = streamOf(exchange);
  beginStream(exchange);
  if (gapMs === 0) {
    response.end(Buffer.concat([opening, ...events, closing]));
    delivered(events.length);
    return;
  }
  response.write(opening);
  for (const event of events) {
    await sleep(gapMs);
    if (isGone(exchange)) return;
    response.write(event);
    delivered(1);
  }
  response.end(closing);
};

const answerLate = async (exchange: Exchange, afterMs: number): Promise<void> => {
  const { response, isStream, pieces, delivered } = exchange;
  if (isStream) {
    beginStream(exchange);
    response.write(streamOf(exchange).opening);
  }
  await sleep(afterMs, undefined, { ref: false });
  if (isGone(exchange)) return;
  if (!isStream) return answer(exchange, 0);
  const { pieces: events, closing } = streamOf(exchange);
  response.end(Buffer.concat([...events, closing]));
  delivered(pieces.length);
};

const half = (bytes: Buffer): Buffer => bytes.subarray(0, Math.floor(bytes.length / 2));

/** What is written last is out before the connection breaks. */
const writeAndBreak = (response: ServerResponse, bytes: Buffer): void =>
  void response.write(bytes, () => response.destroy());

const cut = async (exchange: Exchange, at: 'before-content' | 'after-content'): Promise<void> => {
  const { response, isStream } = exchange;
  if (!isStream) {
    const body = plainOf(exchange);
    response.writeHead(200, { ...JSON_HEAD, 'content-length': body.length });
    writeAndBreak(response, half(body));
    return;
  }
  const {
    opening,
    pieces: [first = Buffer.of(), second = first],
  } = streamOf(exchange);
  beginStream(exchange);
  if (at === 'before-content') return writeAndBreak(response, Buffer.concat([opening, half(first)]));
  await giveContent(exchange, opening, first);
  if (!isGone(exchange)) writeAndBreak(response, half(second));
};

/** What breaks after content breaks when that has reached whoever reads it. */
const CONTENT_MS = 50;

const giveContent = async ({ response, delivered }: Exchange, opening: Buffer, first: Buffer): Promise<void> => {
  response.write(Buffer.concat([opening, first]));
  delivered(1);
  await sleep(CONTENT_MS);
};

const endEarly = async (exchange: Exchange): Promise<void> => {
  const { response, isStream } = exchange;
  if (!isStream) {
    response.writeHead(200, JSON_HEAD).end(half(plainOf(exchange)));
    return;
  }
  const {
    opening,
    pieces: [first = Buffer.of()],
  } = streamOf(exchange);
  beginStream(exchange);
  await giveContent(exchange, opening, first);
  if (!isGone(exchange)) response.end();
};

const malformed = (exchange: Exchange): void => {
  const { response, isStream, vendor } = exchange;
  if (!isStream) {
    response.writeHead(200, JSON_HEAD).end('<html>It works!</html>');
    return;
  }
  const {
    opening,
    pieces: [first = Buffer.of()],
    closing,
  } = streamOf(exchange);
  beginStream(exchange);
  response.end(Buffer.concat([opening, garble(first, vendor), closing]));
};

/** Of server-sent events the JSON ends too soon; of binary frames the checksum is wrong. */
const garble = (event: Buffer, { streamType }: Vendor): Buffer => {
  if (streamType === 'text/event-stream') {
    const text = event.toString('utf8').trimEnd();
    return Buffer.from(`${text.slice(0, text.length - 10)}\n\n`);
  }
  const garbled = Buffer.from(event);
  const last = garbled.length - 1;
  garbled[last] = (garbled[last] ?? 0) ^ 0xff;
  return garbled;
};

const errorInside = async (exchange: Exchange, at: 'before-content' | 'after-content'): Promise<void> => {
  const { response, isStream, vendor } = exchange;
  if (!isStream) {
    response.writeHead(200, JSON_HEAD).end(vendor.error(500, 'out of luck').body);
    return;
  }
  const {
    opening,
    pieces: [first = Buffer.of()],
  } = streamOf(exchange);
  beginStream(exchange);
  if (at === 'before-content') response.write(opening);
  else await giveContent(exchange, opening, first);
  if (!isGone(exchange)) response.end(vendor.streamError('out of luck'));
};

/** Where less is promised than comes, what is too much is sent all the same: it must not pass for the next answer. */
const wrongLength = (exchange: Exchange, is: 'above' | 'below'): void => {
  const { response, isStream, pieces, delivered } = exchange;
  const { opening, pieces: events, closing } = streamOf(exchange);
  const body = isStream ? Buffer.concat([opening, ...events, closing]) : plainOf(exchange);
  if (is === 'above') {
    const head = { 'content-length': body.length + 100 };
    if (isStream) beginStream(exchange, head);
    else response.writeHead(200, { ...JSON_HEAD, ...head });
    writeAndBreak(response, body);
    delivered(pieces.length);
    return;
  }
  const { socket } = response;
  const length = isStream ? opening.length : Math.floor(body.length / 2);
  const type = isStream ? exchange.vendor.streamType : 'application/json';
  socket?.write(`HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n`);
  socket?.write(body, () => socket.end());
};
