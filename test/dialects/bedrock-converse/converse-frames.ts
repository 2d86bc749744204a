/** AWS event-stream frames, read and written by the format's own codec: an independent check on the gateway's reader. */
import { EventStreamCodec } from '@smithy/eventstream-codec';

import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import type { WireEvent } from '../../../lambdas/core/dialect.ts';
import { type Recording, recordedResponse } from '../../support/recordings.ts';

const fromUtf8 = (text: string): Uint8Array => Buffer.from(text, 'utf8');
const toUtf8 = (bytes: Uint8Array | string): string => Buffer.from(bytes as Uint8Array).toString('utf8');
const codec = new EventStreamCodec(toUtf8, fromUtf8);

const text = (value: string) => ({ type: 'string' as const, value });

export const frameOf = (headers: Record<string, string>, body: string): Buffer =>
  Buffer.from(
    codec.encode({
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, text(value)])),
      body: fromUtf8(body),
    }),
  );

export const eventFrame = (type: string, payload: JsonObject): Buffer =>
  frameOf(
    { ':message-type': 'event', ':event-type': type, ':content-type': 'application/json' },
    JSON.stringify(payload),
  );

export const exceptionFrame = (type: string, payload: JsonObject): Buffer =>
  frameOf(
    { ':message-type': 'exception', ':exception-type': type, ':content-type': 'application/json' },
    JSON.stringify(payload),
  );

/** Lines of `{"<event type>": payload}` as frames; what ends in Exception is framed as one. */
export const framesOfLines = (lines: string): Buffer =>
  Buffer.concat(
    lines
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [type = '', payload] = Object.entries(JSON.parse(line) as Record<string, JsonObject>)[0] ?? [];
        return (type.endsWith('Exception') ? exceptionFrame : eventFrame)(type, payload ?? {});
      }),
  );

/** The whole frames of a stream as events. */
export const eventsOfFrames = (bytes: Buffer): WireEvent[] => {
  const events: WireEvent[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = bytes.readUInt32BE(offset);
    const { headers, body } = codec.decode(bytes.subarray(offset, offset + length));
    const type = headers[':event-type'] ?? headers[':exception-type'];
    events.push({ type: String(type?.value), data: JSON.parse(toUtf8(body)) as JsonObject });
    offset += length;
  }
  return events;
};

/** The bytes that Bedrock sent: `.evs` as they were, `.evs.jsonl` framed as the recordings' README says. */
export const recordedFrames = (recording: Recording): Buffer =>
  recording.response.file.endsWith('.jsonl')
    ? framesOfLines(recordedResponse(recording).toString('utf8'))
    : recordedResponse(recording);
