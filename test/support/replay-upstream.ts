/** Providers' recorded answers over real HTTP, written in awkward pieces. The first segment of the path says which recording. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '../../lambdas/core/conversation.ts';
import { recordedFrames } from '../dialects/bedrock-converse/converse-frames.ts';
import { type Recording, recordedResponse } from './recordings.ts';

export interface ReplayedRequest {
  /** Below the recording's own segment: `/v1/chat/completions`. */
  path: string;
  headers: IncomingHttpHeaders;
  body: JsonObject;
}

export interface ReplayUpstream {
  url: string;
  /** What arrived, by the path's first segment. */
  requests: Map<string, ReplayedRequest[]>;
  stop(): Promise<void>;
}

/** Sizes of the pieces. Odd, so that they drift through lines, characters and frames. */
const SIZES = [1, 7, 2, 61, 3, 131, 5, 11, 257, 13];
const LEAD_BYTE = 0xc0;
const LINE_END = 0x0a;
/** A long answer is cut as often and its pieces are larger: each one is a write of its own. */
const MOST_PIECES = 400;

/**
 * Cuts a body inside lines, JSON tokens and event-stream frames, right after the first byte of characters that have
 * several, and between the two line ends of an SSE event.
 */
export const cutAwkwardly = (bytes: Buffer): Buffer[] => {
  const stretch = Math.max(1, Math.ceil(bytes.length / MOST_PIECES / 25));
  const cuts = new Set<number>();
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    at += (SIZES[turn % SIZES.length] ?? 1) * stretch;
    cuts.add(at);
  }
  let special = 0;
  for (const [at, byte] of bytes.entries()) {
    const isInCharacter = byte >= LEAD_BYTE;
    const isInEnd = byte === LINE_END && bytes[at + 1] === LINE_END && special % 3 === 0;
    if (byte === LINE_END || isInCharacter) special += 1;
    if ((isInCharacter || isInEnd) && special < MOST_PIECES) cuts.add(at + 1);
  }
  const ends = [...cuts].filter((at) => at < bytes.length).sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
};

const write = async (response: ServerResponse, bytes: Buffer): Promise<void> => {
  response.socket?.setNoDelay(true);
  for (const piece of cutAwkwardly(bytes)) {
    response.write(piece);
    // A turn of the loop, so that each piece is a packet of its own as far as the system allows.
    await new Promise((resolve) => setImmediate(resolve));
  }
  response.end();
};

/** @param find the recording that a path's first segment stands for */
export const startReplayUpstream = async (find: (segment: string) => Recording): Promise<ReplayUpstream> => {
  const requests: ReplayUpstream['requests'] = new Map();
  const server = createServer(async (incoming, response) => {
    response.on('error', () => undefined);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const [, segment = '', rest = ''] = /^\/([^/]+)(\/.*)$/.exec(incoming.url ?? '') ?? [];
    const request = { path: rest, headers: incoming.headers, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
    requests.set(segment, [...(requests.get(segment) ?? []), request]);
    const recording = find(segment);
    response.writeHead(recording.response.status, recording.response.headers);
    const isFramed = recording.response.file.includes('.evs');
    await write(response, isFramed ? recordedFrames(recording) : recordedResponse(recording));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
