/**
 * A mock OpenAI that costs as little CPU as plain node:http allows: it reads just enough of the body to know whether to
 * stream, and writes buffers made at start. Its own process; prints `{"url"}` when ready.
 *
 *     node bench/upstream.ts
 *
 * `GET /stats` tells how often it was called, `PUT /pace` sets `{"delayMs", "eventGapMs"}` for the calls from then on.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerBody, answerEvents } from './answer.ts';

/** Until an answer begins, and between two events of a stream; 0 = the next turn of the loop. */
let pace = { delayMs: 0, eventGapMs: 0 };

const plain = Buffer.from(answerBody());
const events = answerEvents(false).map((text) => Buffer.from(text));
const eventsWithUsage = answerEvents(true).map((text) => Buffer.from(text));
const plainHead = [
  'content-type',
  'application/json',
  'content-length',
  String(plain.length),
  'x-request-id',
  'req_bench',
];
const streamHead = [
  'content-type',
  'text/event-stream; charset=utf-8',
  'cache-control',
  'no-cache',
  'x-request-id',
  'req_bench',
];

/** Calls that reached this upstream: a target that answers without it, or asks twice, gives itself away. */
let calls = 0;

/** One event a turn of the loop, so that each leaves as a packet of its own: as a model sends them, only faster. */
function writeEvents(response: ServerResponse, left: Buffer[], index = 0): void {
  if (response.destroyed) return;
  const event = left[index];
  if (event === undefined) {
    response.end();
    return;
  }
  const next = () => writeEvents(response, left, index + 1);
  if (!response.write(event)) response.once('drain', next);
  else if (pace.eventGapMs > 0) setTimeout(next, pace.eventGapMs);
  else setImmediate(next);
}

function answer(body: string, response: ServerResponse): void {
  if (!/"stream":\s*true/.test(body)) {
    response.writeHead(200, plainHead);
    response.end(plain);
    return;
  }
  response.writeHead(200, streamHead);
  writeEvents(response, /"include_usage":\s*true/.test(body) ? eventsWithUsage : events);
}

const server = createServer((request, response) => {
  if (request.url === '/stats') {
    response.end(JSON.stringify({ calls }));
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (part: Buffer) => chunks.push(part));
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString('utf8');
    if (request.method === 'PUT' && request.url === '/pace') {
      pace = JSON.parse(body) as typeof pace;
      response.end();
      return;
    }
    if (request.method !== 'POST' || request.url !== '/v1/chat/completions') {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ error: { message: `no ${request.method} ${request.url} here`, type: 'not_found' } }),
      );
      return;
    }
    calls += 1;
    if (pace.delayMs > 0) setTimeout(() => answer(body, response), pace.delayMs);
    else answer(body, response);
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));
