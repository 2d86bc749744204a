/** Recorded exchanges as an application would have had them through the gateway: the body it sends, the aliases, what it can read. */
import type { GatewayConfig, ProviderConfig } from '../../lambdas/contract/config.ts';
import type { CachePoint, Conversation, JsonObject, JsonValue } from '../../lambdas/core/conversation.ts';
import type { Dialect, SurfaceName } from '../../lambdas/core/dialect.ts';
import { anthropicMessages } from '../../lambdas/dialects/anthropic-messages/codec.ts';
import { bedrockConverse } from '../../lambdas/dialects/bedrock-converse/codec.ts';
import { openaiChat } from '../../lambdas/dialects/openai-chat/codec.ts';
import { eventsOfFrames, recordedFrames } from '../dialects/bedrock-converse/converse-frames.ts';
import {
  isStreamed,
  type Recording,
  recordedBody,
  recordedRequest,
  recordedResponse,
  recordingsOf,
  sseEventsOf,
} from './recordings.ts';
import {
  type Said,
  saidInChunks,
  saidInCompletion,
  saidInConverse,
  saidInConverseEvents,
  saidInMessage,
  saidInMessageEvents,
} from './said.ts';

export const SURFACES: readonly SurfaceName[] = ['openai-chat', 'anthropic-messages'];

export const recordings = recordingsOf('openai', 'azure', 'anthropic', 'bedrock', 'openai-compatible').filter(
  ({ request }) => request === null || !request.path.endsWith('/embeddings'),
);

export const codecOf = ({ provider }: Recording): Dialect => {
  if (provider === 'anthropic') return anthropicMessages;
  return provider === 'bedrock' ? bedrockConverse : openaiChat;
};

/** The model that the provider was asked for; Converse has it in the path. */
export const modelOf = ({ request }: Recording): string => {
  const inPath = /^\/model\/([^/]+)\//.exec(request?.path ?? '')?.[1];
  return request?.model ?? decodeURIComponent(inPath ?? 'recorded-model');
};

/** Where only the answer was recorded, a plain question stands for the request. */
export const conversationOf = (recording: Recording): Conversation => {
  const stream = isStreamed(recording);
  if (recording.request === null)
    return {
      model: 'm',
      turns: [{ role: 'user', parts: [{ type: 'text', text: 'Go on.' }] }],
      tools: [],
      choices: 1,
      stream,
      streamUsage: true,
      sameDialectOnly: [],
      costBearing: [],
    };
  const decoded = codecOf(recording).decodeRequest(recordedRequest(recording));
  if (!decoded.ok) throw new Error(`${recording.id}: ${decoded.problem.message}`);
  return { ...decoded.value, stream };
};

/** Tokens: less than any recorded model can answer, and what Anthropic's SDK still sends without a stream. */
export const MODEL_LIMIT = 8_192;

/** The body that an application would have written for the surface: the recorded one where it speaks the provider's dialect. */
export const clientBody = (recording: Recording, surface: SurfaceName): JsonObject => {
  const model = aliasOf(recording, surface);
  if (codecOf(recording).name === surface && recording.request !== null)
    return { ...recordedRequest(recording), model };
  const conversation = conversationOf(recording);
  const codec = surface === 'openai-chat' ? openaiChat : anthropicMessages;
  const { body } = codec.encodeRequest(conversation, {
    model,
    ...(conversation.maxOutputTokens !== undefined && { maxOutputTokens: conversation.maxOutputTokens }),
    modelMaxOutputTokens: MODEL_LIMIT,
    stream: conversation.stream,
    // OpenAI's word for reasoning is for such models alone.
    reasoningModel: conversation.reasoning !== undefined,
  });
  if (!conversation.streamUsage) delete body['stream_options'];
  return surface === 'openai-chat' ? withCachePoints(body, conversation) : body;
};

/** OpenAI's own API has no breakpoints, so its encoder writes none; applications say them as OpenRouter's do. */
const withCachePoints = (body: JsonObject, { turns, tools }: Conversation): JsonObject => {
  const mark = (value: JsonValue | undefined, cache: CachePoint | undefined): JsonValue => ({
    ...(typeof value === 'string' ? { type: 'text', text: value } : (value as JsonObject)),
    ...(cache !== undefined && { cache_control: { type: 'ephemeral', ttl: cache.ttl } }),
  });
  const messages = body['messages'] as JsonObject[];
  const offered = body['tools'] as JsonObject[] | undefined;
  return {
    ...body,
    ...(offered && { tools: offered.map((tool, index) => mark(tool, tools[index]?.cache)) }),
    messages: messages.map((message, index) => {
      const points = (turns[index]?.parts ?? []).map((part) => ('cache' in part ? part.cache : undefined));
      if (points.every((point) => point === undefined)) return message;
      const content = [message['content'] ?? []].flat();
      return { ...message, content: content.map((part, at) => mark(part, points[at])) };
    }),
  };
};

/** One alias a recording and surface: a 429 makes its target rest, which must not touch the next test. */
export const aliasOf = ({ id }: Recording, surface: SurfaceName): string => `${id}.${surface}`;

const providerOf = ({ provider }: Recording, base: string): ProviderConfig => {
  switch (provider) {
    case 'openai':
      return { kind: 'openai', baseUrl: `${base}/v1`, apiKey: 'env:PROVIDER_KEY' };
    case 'anthropic':
      return { kind: 'anthropic', baseUrl: base, apiKey: 'env:PROVIDER_KEY' };
    case 'bedrock':
      return { kind: 'bedrock', baseUrl: base, apiKey: 'env:PROVIDER_KEY', regions: ['us-east-1'] };
    default:
      return { kind: 'openai-compatible', baseUrl: `${base}/v1`, apiKey: 'env:PROVIDER_KEY' };
  }
};

export const configOf = (upstreamUrl: string): GatewayConfig => {
  const config: GatewayConfig = { providers: {}, models: {}, pins: { floating: 'allow' } };
  for (const recording of recordings) {
    for (const surface of SURFACES) {
      const alias = aliasOf(recording, surface);
      const provider = alias.replaceAll('.', '_');
      config.providers[provider] = providerOf(recording, `${upstreamUrl}/${alias}`);
      config.models[alias] = {
        attempts: 1,
        targets: [
          {
            provider,
            model: modelOf(recording),
            price: { inputPerMTok: '1', outputPerMTok: '2', webSearchPerCall: '0.01' },
            contextTokens: 200_000,
            maxOutputTokens: MODEL_LIMIT,
            capabilities: ['tools', 'vision', 'documents', 'json-schema', 'reasoning', 'streaming'],
          },
        ],
      };
    }
  }
  return config;
};

/** What the recorded answer says, in the provider's own words. */
export const recordedSaid = (recording: Recording): Said => {
  const codec = codecOf(recording).name;
  const text = () => recordedResponse(recording).toString('utf8');
  if (!isStreamed(recording)) {
    const body = recordedBody(recording);
    if (codec === 'openai-chat') return saidInCompletion(body);
    return codec === 'anthropic-messages' ? saidInMessage(body) : saidInConverse(body);
  }
  if (codec === 'bedrock-converse') return saidInConverseEvents(eventsOfFrames(recordedFrames(recording)));
  const events = sseEventsOf(text());
  if (codec === 'anthropic-messages') return saidInMessageEvents(events);
  return saidInChunks(events.filter(({ data }) => data !== '[DONE]').map(({ data }) => JSON.parse(data as string)));
};

const NO_USAGE = { input: 0, cached: 0, cacheWrite: 0, output: 0 };

/** As much of it as the surface has words for. */
export const readable = (said: Said, surface: SurfaceName, asksUsage: boolean): Said => {
  if (surface === 'anthropic-messages')
    return {
      ...said,
      text: said.text + said.refusal,
      refusal: '',
      stop: said.stop === 'content-filter' ? 'refusal' : said.stop,
      // Anthropic's SDK wants numbers.
      usage: said.usage ?? NO_USAGE,
    };
  const stops = { 'stop-sequence': 'end', refusal: 'content-filter' } as const;
  return {
    ...said,
    signatures: [],
    redacted: [],
    sequence: null,
    stop: said.stop === 'stop-sequence' || said.stop === 'refusal' ? stops[said.stop] : said.stop,
    usage: asksUsage ? said.usage : null,
  };
};
