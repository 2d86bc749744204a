import type { Readable } from 'node:stream';
import type { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import type { JsonObject, JsonValue } from '../../core/conversation.ts';
import type { WireEvent } from '../../core/dialect.ts';
import { boundFrames } from './bound-frames.ts';
import { textIn, toUpstreamError } from './to-upstream-error.ts';

type Marshaller = BedrockRuntimeClient['config']['eventStreamMarshaller'];

/** One message of the stream: an event, or an exception, whose type is the key all the same. */
type Message = Parameters<Parameters<Marshaller['deserialize']>[1]>[0];

/** How the SDK's reader hands on an exception: it throws what its deserialiser made of it. */
class StreamException {
  readonly event: WireEvent;

  constructor(event: WireEvent) {
    this.event = event;
  }
}

/** The payload parsed, or as text where it is no JSON object: the codec then says that it can't be read. */
const payloadOf = (bytes: Uint8Array): WireEvent['data'] => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  try {
    const value = JSON.parse(text) as JsonValue;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : text;
  } catch {
    // Not a failure of the transport: whoever reads the event decides.
    return text;
  }
};

/** The reader wants an exception under its type, to throw it, and hands on whatever else it is given. */
const readMessage = async (messages: Message): Promise<Record<string, unknown>> => {
  const [type = '', message] = Object.entries(messages)[0] ?? [];
  const event: WireEvent = { type, data: message === undefined ? '' : payloadOf(message.body) };
  return message?.headers[':message-type']?.value === 'exception' ? { [type]: new StreamException(event) } : { event };
};

/** What the reader throws for a message of the type `error`: its code as the name, nothing of Node's. */
const unmodelledError = (error: unknown): WireEvent | undefined => {
  const name = textIn(error, 'name');
  if (name === '' || textIn(error, 'code') !== '' || /^(?:Upstream|Type|Range|Syntax|Abort)?Error$/.test(name))
    return undefined;
  const type = /(?:Exception|Error)$/.test(name) ? name : `${name}Error`;
  return { type, data: { message: textIn(error, 'message') } };
};

async function* parse(
  body: Readable,
  marshaller: Marshaller,
  signal: AbortSignal,
  maxFrameBytes: number,
): AsyncGenerator<WireEvent, undefined, undefined> {
  try {
    const frames = boundFrames(body as AsyncIterable<Uint8Array>, maxFrameBytes);
    for await (const read of marshaller.deserialize(frames, readMessage)) yield read.event as WireEvent;
  } catch (error) {
    const exception = error instanceof StreamException ? error.event : unmodelledError(error);
    if (exception === undefined) throw toUpstreamError(error, signal);
    yield exception;
  } finally {
    body.destroy();
  }
}

/**
 * A body as the events of ConverseStream, each as soon as its frame is whole and its checksums hold. The payload is handed
 * on as it was sent: blobs stay base64, unknown fields stay. An exception inside the stream is its last event. Returning
 * early closes the connection, also while an event is awaited.
 */
export const readEvents = (
  body: Readable,
  marshaller: Marshaller,
  signal: AbortSignal,
  maxFrameBytes: number,
): AsyncIterableIterator<WireEvent, undefined> => {
  const events = parse(body, marshaller, signal, maxFrameBytes);
  return {
    next: () => events.next(),
    // A generator's own return waits for the event under way, which may never come.
    return: () => {
      body.destroy();
      return events.return(undefined);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
};
