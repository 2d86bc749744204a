/** Recorded exchanges as an application would have had them through the gateway: the body it sends, the aliases, what it can read. */
import type { GatewayConfig, ProviderConfig } from '../../lambdas/contract/config.ts';
import type { CachePoint, Conversation, JsonObject, JsonValue } from '../../lambdas/core/conversation.ts';
import type { Dialect, SurfaceName } from '../../lambdas/core/dialect.ts';
import { anthropicMessages } from '../../lambdas/dialects/anthropic-messages/codec.ts';
import { bedrockConverse } from '../../lambdas/dialects/bedrock-converse/codec.ts';
import { gemini } from '../../lambdas/dialects/gemini/codec.ts';
import { openaiChat } from '../../lambdas/dialects/openai-chat/codec.ts';
import { openaiResponses } from '../../lambdas/dialects/openai-responses/codec.ts';
import { encodeInput } from '../../lambdas/dialects/openai-responses/encode-input.ts';
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
  saidInGemini,
  saidInMessage,
  saidInMessageEvents,
  saidInResponse,
  saidInResponseEvents,
} from './said.ts';

export const SURFACES: readonly SurfaceName[] = ['openai-chat', 'anthropic-messages', 'openai-responses'];

export const recordings = recordingsOf(
  'openai',
  'azure',
  'anthropic',
  'bedrock',
  'openai-compatible',
  'openai-responses',
  'google',
).filter(({ request }) => request === null || !request.path.endsWith('/embeddings'));

export const codecOf = ({ provider }: Recording): Dialect => {
  if (provider === 'anthropic') return anthropicMessages;
  if (provider === 'openai-responses') return openaiResponses;
  if (provider === 'google') return gemini;
  return provider === 'bedrock' ? bedrockConverse : openaiChat;
};

/** The model that the provider was asked for; Converse and Gemini have it in the path. */
export const modelOf = ({ request }: Recording): string => {
  const inPath = /^\/model\/([^/]+)\/|\/models\/([^:]+):/
    .exec(request?.path ?? '')
    ?.slice(1)
    .find(Boolean);
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

const CODECS: Record<SurfaceName, Dialect> = {
  'openai-chat': openaiChat,
  'openai-responses': openaiResponses,
  'anthropic-messages': anthropicMessages,
};

/** The body that an application would have written for the surface: the recorded one where it speaks the provider's dialect. */
export const clientBody = (recording: Recording, surface: SurfaceName): JsonObject => {
  const model = aliasOf(recording, surface);
  if (codecOf(recording).name === surface && recording.request !== null)
    return { ...recordedRequest(recording), model };
  const conversation = conversationOf(recording);
  const codec = CODECS[surface];
  const { body } = codec.encodeRequest(conversation, {
    model,
    ...(conversation.maxOutputTokens !== undefined && { maxOutputTokens: conversation.maxOutputTokens }),
    modelMaxOutputTokens: MODEL_LIMIT,
    stream: conversation.stream,
    // OpenAI's word for reasoning is for such models alone.
    reasoningModel: conversation.reasoning !== undefined,
    // A client sends what was thought back as it got it.
    thoughtsIn: 'reasoning_details',
  });
  if (surface === 'openai-responses') return withCachedParts(body, conversation);
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

/** The same on the other surface of OpenAI's, where each turn is items of its own. */
const withCachedParts = (body: JsonObject, { turns, tools }: Conversation): JsonObject => {
  const hasPoint = turns.some(({ parts }) => parts.some((part) => 'cache' in part && part.cache !== undefined));
  const offered = body['tools'] as JsonObject[] | undefined;
  const mark = (value: JsonValue | undefined, cache: CachePoint | undefined): JsonValue => ({
    ...(typeof value === 'string' ? { type: 'input_text', text: value } : (value as JsonObject)),
    ...(cache !== undefined && { cache_control: { type: 'ephemeral', ttl: cache.ttl } }),
  });
  const marked = turns.flatMap((turn) => {
    const items = encodeInput([turn], new Set());
    const points = turn.parts.map((part) => ('cache' in part ? part.cache : undefined));
    const [item] = items;
    if (points.every((point) => point === undefined) || item === undefined) return items;
    if (items.length > 1) throw new Error('no recording marks a turn of several items: read it here once one does');
    if (item['type'] === 'function_call_output') return [mark(item, points[0])];
    return [{ ...item, content: [item['content'] ?? []].flat().map((part, at) => mark(part, points[at])) }];
  });
  const { instructions, ...rest } = body;
  return {
    ...(hasPoint ? rest : body),
    input: hasPoint ? marked : (body['input'] ?? []),
    ...(offered && { tools: offered.map((tool, index) => mark(tool, tools[index]?.cache)) }),
  };
};

/**
 * The body with the ids that the answer before it gave its calls, in the place of the recorded ones: those the recorded client
 * had made up, where the vendor gave none.
 */
export const withGivenIds = (body: JsonObject, recording: Recording, given: readonly string[]): JsonObject => {
  const parts = conversationOf(recording).turns.flatMap((turn) => (turn.role === 'assistant' ? turn.parts : []));
  const calls = parts.filter((part) => part.type === 'tool-call');
  const recorded = calls.slice(calls.length - given.length);
  const text = recorded.reduce((all, { id }, index) => all.replaceAll(id, given[index] ?? id), JSON.stringify(body));
  return JSON.parse(text) as JsonObject;
};

/** One alias a recording and surface: a 429 makes its target rest, which must not touch the next test. */
export const aliasOf = ({ id }: Recording, surface: SurfaceName): string => `${id}.${surface}`;

const providerOf = ({ provider, request }: Recording, base: string): ProviderConfig => {
  switch (provider) {
    case 'azure': {
      const apiVersion = new URLSearchParams(request?.query).get('api-version') ?? '';
      return { kind: 'azure-openai', baseUrl: base, apiVersion, apiKey: 'env:PROVIDER_KEY' };
    }
    case 'google':
      return { kind: 'gemini', baseUrl: base, apiKey: 'env:PROVIDER_KEY' };
    case 'openai':
      // What was recorded is one of its two APIs, whatever the client speaks.
      return { kind: 'openai', api: 'chat', baseUrl: `${base}/v1`, apiKey: 'env:PROVIDER_KEY' };
    case 'openai-responses':
      return { kind: 'openai', api: 'responses', baseUrl: `${base}/v1`, apiKey: 'env:PROVIDER_KEY' };
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
    if (codec === 'openai-responses') return saidInResponse(body);
    if (codec === 'gemini') return saidInGemini([body]);
    return codec === 'anthropic-messages' ? saidInMessage(body) : saidInConverse(body);
  }
  if (codec === 'bedrock-converse') return saidInConverseEvents(eventsOfFrames(recordedFrames(recording)));
  const events = sseEventsOf(text());
  if (codec === 'anthropic-messages') return saidInMessageEvents(events);
  if (codec === 'gemini') return saidInGemini(events.map(({ data }) => JSON.parse(data as string)));
  if (codec === 'openai-responses') return saidInResponseEvents(events.map(({ data }) => JSON.parse(data as string)));
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
    sequence: null,
    stop: said.stop === 'stop-sequence' || said.stop === 'refusal' ? stops[said.stop] : said.stop,
    usage: asksUsage || surface === 'openai-responses' ? said.usage : null,
  };
};
