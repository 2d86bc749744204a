import type { Readable } from 'node:stream';
import type {
  ConverseCommand,
  ConverseCommandInput,
  ConverseCommandOutput,
  CountTokensCommandInput,
} from '@aws-sdk/client-bedrock-runtime';
import { MAX_EVENT_DATA_BYTES, MAX_REPLY_BYTES } from '../../contract/bounds.ts';
import { UpstreamError, type UpstreamReply } from '../../core/call/upstream.ts';
import type { JsonObject } from '../../core/conversation.ts';
import { type AwsCredentials, type BedrockCall, makeBedrockClients } from './bedrock-clients.ts';
import { invokeEach } from './invoke-each.ts';
import { readEvents } from './read-events.ts';
import { readText } from './read-text.ts';
import { toSdkInput } from './to-sdk-input.ts';
import { textIn, toUpstreamError } from './to-upstream-error.ts';

export interface BedrockUpstreamOptions {
  /** For calls without an API key; the process's own AWS credentials unless given. */
  credentials?: AwsCredentials;
  /** Time for DNS, TCP and TLS together. */
  connectTimeoutMs?: number;
  /** Most connections to one endpoint; a call beyond them waits for one. */
  connections?: number;
  /** Bytes of one reply that is read whole. */
  maxReplyBytes?: number;
  /** Bytes of one event inside a stream. */
  maxEventBytes?: number;
}

export interface BedrockUpstream {
  /**
   * Sends once and lets the caller keep time. The reply's body must be read, or the signal aborted: until then it occupies
   * its connection.
   *
   * @throws {UpstreamError}
   */
  send(call: BedrockCall, signal: AbortSignal): Promise<UpstreamReply>;
  /** Breaks every connection. */
  close(): Promise<void>;
}

/** The reply before the SDK has read it. */
interface RawReply {
  statusCode: number;
  headers: Record<string, string>;
  body: Readable;
}

type Clients = ReturnType<typeof makeBedrockClients>;
type Loaded = Awaited<ReturnType<Clients['clientFor']>>;

const isRawReply = (response: unknown): response is RawReply =>
  typeof response === 'object' && response !== null && 'statusCode' in response && 'body' in response;

/**
 * Signs and sends one command by the SDK and takes the reply as it came. The SDK's own reading is left out: it knows only
 * the fields of its day, turns blobs into bytes and numbers into other numbers, and holds the head back until a stream's
 * first event. Any status comes back as a reply, so the SDK still learns the server's time from it and signs right when
 * this machine's clock is off.
 */
const sendRaw = async ({ sdk, client }: Loaded, call: BedrockCall, abortSignal: AbortSignal): Promise<RawReply> => {
  const command = commandOf(sdk, call);
  let reply: RawReply | undefined;
  let broken: { cause: unknown } | undefined;
  command.middlewareStack.add(
    (next) => async (args) => {
      const { response } = await next(args).catch((cause: unknown) => {
        broken = { cause };
        throw cause;
      });
      if (isRawReply(response)) reply = response;
      return { response, output: { $metadata: {} } as ConverseCommandOutput };
    },
    { name: 'deserializerMiddleware', step: 'deserialize', override: true },
  );
  await client.send(command, { abortSignal }).catch((error: unknown) => {
    // What broke on the way, as it was: the SDK's retry step may have wrapped it, code and all.
    throw broken === undefined ? error : broken.cause;
  });
  if (reply === undefined) throw new UpstreamError('malformed', 'The SDK brought no reply');
  return reply;
};

/** The body is what the codec wrote; the SDK's types describe the same in bytes. The commands differ in their input alone. */
const commandOf = (sdk: Loaded['sdk'], { operation, model: modelId, body, stream }: BedrockCall): ConverseCommand => {
  switch (operation) {
    case 'invoke-each':
      return new sdk.InvokeModelCommand({
        modelId,
        contentType: 'application/json',
        accept: 'application/json',
        body: JSON.stringify(body),
      }) as unknown as ConverseCommand;
    case 'count-tokens':
      return new sdk.CountTokensCommand({
        modelId,
        input: { converse: toSdkInput(body) },
      } as unknown as CountTokensCommandInput) as unknown as ConverseCommand;
    case undefined: {
      const input = { ...toSdkInput(body), modelId } as unknown as ConverseCommandInput;
      return (stream ? new sdk.ConverseStreamCommand(input) : new sdk.ConverseCommand(input)) as ConverseCommand;
    }
    default:
      return operation satisfies never;
  }
};

/** No credentials is the operator's mistake in this target, told like Bedrock's own 401: another target may serve. */
const withoutCredentials = (error: unknown): UpstreamReply | undefined => {
  const name = textIn(error, 'name');
  if (name !== 'CredentialsProviderError' && name !== 'TokenProviderError') return undefined;
  const text = JSON.stringify({ message: 'No AWS credentials were found for Bedrock' });
  return {
    status: 401,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': 'CredentialsProviderError' },
    text: async () => text,
    async *events() {},
  };
};

/** Looking for credentials may take seconds and knows no signal; whoever aborts waits for none of it. */
const orAborted = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const stop = (): void => reject(new UpstreamError('aborted', 'The call was stopped'));
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });

const readCalls = ({ body: { calls } }: BedrockCall): JsonObject[] =>
  Array.isArray(calls) ? (calls as JsonObject[]) : [];

const ignore = (): void => {};

/** Calls Bedrock's Converse and ConverseStream by the AWS SDK, InvokeModel for what they do not serve, and CountTokens. */
export const makeBedrockUpstream = (options: BedrockUpstreamOptions = {}): BedrockUpstream => {
  const {
    credentials,
    connectTimeoutMs = 5_000,
    connections = 1_024,
    maxReplyBytes = MAX_REPLY_BYTES,
    maxEventBytes = MAX_EVENT_DATA_BYTES,
  } = options;
  const clients = makeBedrockClients({
    connectTimeoutMs,
    connections,
    ...(credentials !== undefined && { credentials }),
  });
  return {
    send: async (call, signal) => {
      if (signal.aborted) throw new UpstreamError('aborted', 'The call was stopped before it was sent');
      try {
        const loaded = await clients.clientFor(call);
        if (call.operation === 'invoke-each')
          return await invokeEach(readCalls(call), async (body) => {
            const reply = await orAborted(sendRaw(loaded, { ...call, body }, signal), signal);
            reply.body.on('error', ignore);
            const { statusCode: status, headers } = reply;
            return { status, headers, text: await readText(reply.body, signal, maxReplyBytes) };
          });
        const { statusCode: status, headers, body } = await orAborted(sendRaw(loaded, call, signal), signal);
        // A body that is destroyed emits its error also when nobody reads any more; whoever reads gets it from the reading.
        body.on('error', ignore);
        return {
          status,
          headers,
          text: () => readText(body, signal, maxReplyBytes),
          events: () => readEvents(body, loaded.client.config.eventStreamMarshaller, signal, maxEventBytes),
        };
      } catch (error) {
        const reply = signal.aborted ? undefined : withoutCredentials(error);
        if (reply !== undefined) return reply;
        throw toUpstreamError(error, signal);
      }
    },
    close: () => clients.close(),
  };
};
