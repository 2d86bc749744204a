/**
 * Providers that answer by a script, each in a wire format of its own written out by hand: small real HTTP servers in the
 * place of OpenAI, Anthropic and Bedrock, so that a test of a client runs against every language that a provider may speak.
 */
import type { ServerResponse } from 'node:http';
import type { GatewayConfig, ProviderConfig } from '../../lambdas/contract/config.ts';
import type { DialectName } from '../../lambdas/core/dialect.ts';
import { eventFrame, exceptionFrame } from '../dialects/bedrock-converse/converse-frames.ts';
import { asksOf } from './asked.ts';
import type { Asked } from './asked-items.ts';
import { type Behaviour, type FaultUpstream, startUpstream, type UpstreamRequest } from './fault-upstream.ts';
import { startGateway, type TestGateway } from './start-gateway.ts';

export interface Script {
  /** The answer's text as it is streamed. */
  pieces?: string[];
  calls?: { id: string; name: string; input: object }[];
  /** `tools` where the script has calls, else `end`. */
  stop?: 'length' | 'stop-sequence';
}

/** Tokens that every scripted answer counts. */
export const INPUT_TOKENS = 11;
export const OUTPUT_TOKENS = 7;

export interface Vendor {
  dialect: DialectName;
  provider(origin: string): ProviderConfig;
  model: string;
  /** Of Azure: the model behind the deployment. */
  deploymentOf?: string;
  /** A whole answer. */
  answer(script: Script): string;
  /** A streamed one, in the order in which it is sent: calls are part of the closing. */
  stream(script: Script): { opening: Buffer; pieces: Buffer[]; closing: Buffer };
  streamType: string;
  /** An error reply of that status. */
  error(status: number, message: string): { headers: Record<string, string>; body: string };
  /** An error inside a stream. */
  streamError(message: string): Buffer;
}

const textOf = ({ pieces = [] }: Script): string => pieces.join('');
const stopOf = ({ calls, stop }: Script): 'end' | 'tools' | 'length' | 'stop-sequence' =>
  stop ?? (calls === undefined ? 'end' : 'tools');

const data = (value: object): Buffer => Buffer.from(`data: ${JSON.stringify(value)}\n\n`);

const OPENAI_STOP = { end: 'stop', tools: 'tool_calls', length: 'length', 'stop-sequence': 'stop' };
const OPENAI_HEAD = { id: 'chatcmpl-vendor', created: 1, model: 'vendor-model' };
const openaiUsage = {
  prompt_tokens: INPUT_TOKENS,
  completion_tokens: OUTPUT_TOKENS,
  total_tokens: INPUT_TOKENS + OUTPUT_TOKENS,
};
const openaiCalls = ({ calls = [] }: Script) =>
  calls.map(({ id, name, input }, index) => ({
    index,
    id,
    type: 'function',
    function: { name, arguments: JSON.stringify(input) },
  }));
const openaiChunk = (delta: object, finish: string | null = null): Buffer =>
  data({
    ...OPENAI_HEAD,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, finish_reason: finish }],
  });

export const openaiVendor: Vendor = {
  dialect: 'openai-chat',
  provider: (origin) => ({ kind: 'openai-compatible', baseUrl: `${origin}/v1`, apiKey: 'env:PROVIDER_KEY' }),
  model: 'vendor-model',
  answer: (script) =>
    JSON.stringify({
      ...OPENAI_HEAD,
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: textOf(script) || null,
            ...(script.calls && { tool_calls: openaiCalls(script) }),
          },
          finish_reason: OPENAI_STOP[stopOf(script)],
        },
      ],
      usage: openaiUsage,
    }),
  stream: (script) => ({
    opening: openaiChunk({ role: 'assistant', content: '' }),
    pieces: (script.pieces ?? []).map((content) => openaiChunk({ content })),
    closing: Buffer.concat([
      ...openaiCalls(script).flatMap(({ function: { name, arguments: written }, ...call }) => [
        openaiChunk({ tool_calls: [{ ...call, function: { name, arguments: written.slice(0, 4) } }] }),
        openaiChunk({ tool_calls: [{ index: call.index, function: { arguments: written.slice(4) } }] }),
      ]),
      openaiChunk({}, OPENAI_STOP[stopOf(script)]),
      data({ ...OPENAI_HEAD, object: 'chat.completion.chunk', choices: [], usage: openaiUsage }),
      Buffer.from('data: [DONE]\n\n'),
    ]),
  }),
  streamType: 'text/event-stream',
  error: (status, message) => ({
    headers: {},
    body: JSON.stringify({
      error: { message, type: status < 500 ? 'invalid_request_error' : 'server_error', code: null },
    }),
  }),
  streamError: (message) => data({ error: { message, type: 'server_error', code: 'server_error' } }),
};

const event = (value: { type: string; [field: string]: unknown }): Buffer =>
  Buffer.from(`event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`);

const ANTHROPIC_STOP = { end: 'end_turn', tools: 'tool_use', length: 'max_tokens', 'stop-sequence': 'stop_sequence' };
const ANTHROPIC_ERRORS: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  500: 'api_error',
  529: 'overloaded_error',
};
const anthropicUsage = (outputTokens: number) => ({ input_tokens: INPUT_TOKENS, output_tokens: outputTokens });
const anthropicHead = { id: 'msg_vendor', type: 'message', role: 'assistant', model: 'vendor-model' };
const sequenceOf = (script: Script): string | null => (script.stop === 'stop-sequence' ? 'END' : null);

export const anthropicVendor: Vendor = {
  dialect: 'anthropic-messages',
  provider: (origin) => ({ kind: 'anthropic', baseUrl: origin, apiKey: 'env:PROVIDER_KEY' }),
  model: 'claude-sonnet-4-5-20250929',
  answer: (script) =>
    JSON.stringify({
      ...anthropicHead,
      content: [
        ...(script.pieces ? [{ type: 'text', text: textOf(script) }] : []),
        ...(script.calls ?? []).map((call) => ({ type: 'tool_use', ...call })),
      ],
      stop_reason: ANTHROPIC_STOP[stopOf(script)],
      stop_sequence: sequenceOf(script),
      usage: anthropicUsage(OUTPUT_TOKENS),
    }),
  stream: (script) => {
    const { pieces = [], calls = [] } = script;
    const texts = pieces.length > 0 ? 1 : 0;
    const block = (index: number, content: object) =>
      event({ type: 'content_block_start', index, content_block: content });
    const delta = (index: number, content: object) => event({ type: 'content_block_delta', index, delta: content });
    const end = (index: number) => event({ type: 'content_block_stop', index });
    return {
      opening: Buffer.concat([
        event({
          type: 'message_start',
          message: { ...anthropicHead, content: [], stop_reason: null, stop_sequence: null, usage: anthropicUsage(1) },
        }),
        ...(texts === 1 ? [block(0, { type: 'text', text: '' })] : []),
        event({ type: 'ping' }),
      ]),
      pieces: pieces.map((text) => delta(0, { type: 'text_delta', text })),
      closing: Buffer.concat([
        ...(texts === 1 ? [end(0)] : []),
        ...calls.flatMap(({ id, name, input }, number) => {
          const index = texts + number;
          const written = JSON.stringify(input);
          return [
            block(index, { type: 'tool_use', id, name, input: {} }),
            delta(index, { type: 'input_json_delta', partial_json: written.slice(0, 4) }),
            delta(index, { type: 'input_json_delta', partial_json: written.slice(4) }),
            end(index),
          ];
        }),
        event({
          type: 'message_delta',
          delta: { stop_reason: ANTHROPIC_STOP[stopOf(script)], stop_sequence: sequenceOf(script) },
          usage: { output_tokens: OUTPUT_TOKENS },
        }),
        event({ type: 'message_stop' }),
      ]),
    };
  },
  streamType: 'text/event-stream',
  error: (status, message) => ({
    headers: {},
    body: JSON.stringify({ type: 'error', error: { type: ANTHROPIC_ERRORS[status] ?? 'api_error', message } }),
  }),
  streamError: (message) => event({ type: 'error', error: { type: 'overloaded_error', message } }),
};

const BEDROCK_ERRORS: Record<number, string> = {
  400: 'ValidationException',
  401: 'UnrecognizedClientException',
  404: 'ResourceNotFoundException',
  429: 'ThrottlingException',
  500: 'InternalServerException',
};
const bedrockUsage = {
  inputTokens: INPUT_TOKENS,
  outputTokens: OUTPUT_TOKENS,
  totalTokens: INPUT_TOKENS + OUTPUT_TOKENS,
};

export const bedrockVendor: Vendor = {
  dialect: 'bedrock-converse',
  provider: (origin) => ({ kind: 'bedrock', baseUrl: origin, regions: ['us-east-1'], apiKey: 'env:PROVIDER_KEY' }),
  model: 'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
  answer: (script) =>
    JSON.stringify({
      output: {
        message: {
          role: 'assistant',
          content: [
            ...(script.pieces ? [{ text: textOf(script) }] : []),
            ...(script.calls ?? []).map(({ id, name, input }) => ({ toolUse: { toolUseId: id, name, input } })),
          ],
        },
      },
      stopReason: ANTHROPIC_STOP[stopOf(script)],
      ...(script.stop === 'stop-sequence' && { additionalModelResponseFields: { stop_sequence: 'END' } }),
      usage: bedrockUsage,
      metrics: { latencyMs: 1 },
    }),
  stream: (script) => {
    const { pieces = [], calls = [] } = script;
    const texts = pieces.length > 0 ? 1 : 0;
    return {
      opening: eventFrame('messageStart', { role: 'assistant' }),
      pieces: pieces.map((text) => eventFrame('contentBlockDelta', { contentBlockIndex: 0, delta: { text } })),
      closing: Buffer.concat([
        ...(texts === 1 ? [eventFrame('contentBlockStop', { contentBlockIndex: 0 })] : []),
        ...calls.flatMap(({ id, name, input }, number) => {
          const contentBlockIndex = texts + number;
          const written = JSON.stringify(input);
          return [
            eventFrame('contentBlockStart', { contentBlockIndex, start: { toolUse: { toolUseId: id, name } } }),
            eventFrame('contentBlockDelta', { contentBlockIndex, delta: { toolUse: { input: written.slice(0, 4) } } }),
            eventFrame('contentBlockDelta', { contentBlockIndex, delta: { toolUse: { input: written.slice(4) } } }),
            eventFrame('contentBlockStop', { contentBlockIndex }),
          ];
        }),
        eventFrame('messageStop', {
          stopReason: ANTHROPIC_STOP[stopOf(script)],
          ...(script.stop === 'stop-sequence' && { additionalModelResponseFields: { stop_sequence: 'END' } }),
        }),
        eventFrame('metadata', { usage: bedrockUsage, metrics: { latencyMs: 1 } }),
      ]),
    };
  },
  streamType: 'application/vnd.amazon.eventstream',
  error: (status, message) => ({
    headers: { 'x-amzn-errortype': BEDROCK_ERRORS[status] ?? 'InternalServerException' },
    body: JSON.stringify({ message }),
  }),
  streamError: (message) => exceptionFrame('modelStreamErrorException', { message }),
};

/** As OpenAI's, with what Azure's filters add to it. */
export const azureVendor: Vendor = {
  ...openaiVendor,
  deploymentOf: 'gpt-4.1-2025-04-14',
  provider: (origin) => ({
    kind: 'azure-openai',
    baseUrl: origin,
    apiVersion: '2024-10-21',
    apiKey: 'env:PROVIDER_KEY',
  }),
  stream: (script) => {
    const { opening, ...rest } = openaiVendor.stream(script);
    const filters = { prompt_filter_results: [{ prompt_index: 0, content_filter_results: {} }] };
    const first = data({ choices: [], created: 0, id: '', model: '', object: '', ...filters });
    return { opening: Buffer.concat([first, opening]), ...rest };
  },
  error: (status, message) => ({
    headers: {},
    body: JSON.stringify({ error: { code: String(status), message } }),
  }),
};

const GEMINI_STOP = { end: 'STOP', tools: 'STOP', length: 'MAX_TOKENS', 'stop-sequence': 'STOP' };
const GEMINI_ERRORS: Record<number, string> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
};
const geminiHead = { modelVersion: 'vendor-model', responseId: 'vendor' };
const geminiUsage = {
  promptTokenCount: INPUT_TOKENS,
  candidatesTokenCount: OUTPUT_TOKENS - 2,
  thoughtsTokenCount: 2,
  totalTokenCount: INPUT_TOKENS + OUTPUT_TOKENS,
};
const geminiCalls = ({ calls = [] }: Script) =>
  calls.map(({ id, name, input }) => ({ functionCall: { id, name, args: input } }));
const geminiChunk = (parts: object[], more: object = {}, usage: object = { promptTokenCount: INPUT_TOKENS }) =>
  data({ candidates: [{ content: { parts, role: 'model' }, index: 0, ...more }], usageMetadata: usage, ...geminiHead });

export const geminiVendor: Vendor = {
  dialect: 'gemini',
  provider: (origin) => ({ kind: 'gemini', baseUrl: origin, apiKey: 'env:PROVIDER_KEY' }),
  model: 'gemini-2.5-flash',
  answer: (script) =>
    JSON.stringify({
      candidates: [
        {
          content: {
            parts: [...(script.pieces ? [{ text: textOf(script) }] : []), ...geminiCalls(script)],
            role: 'model',
          },
          finishReason: GEMINI_STOP[stopOf(script)],
          index: 0,
        },
      ],
      usageMetadata: geminiUsage,
      ...geminiHead,
    }),
  stream: (script) => ({
    opening: geminiChunk([{ text: '' }]),
    pieces: (script.pieces ?? []).map((text) => geminiChunk([{ text }])),
    closing: Buffer.concat([
      ...geminiCalls(script).map((part) => geminiChunk([part])),
      geminiChunk([{ text: '' }], { finishReason: GEMINI_STOP[stopOf(script)] }, geminiUsage),
    ]),
  }),
  streamType: 'text/event-stream',
  error: (status, message) => ({
    headers: {},
    body: JSON.stringify({ error: { code: status, message, status: GEMINI_ERRORS[status] ?? 'INTERNAL' } }),
  }),
  streamError: (message) => data({ error: { code: 503, message, status: 'UNAVAILABLE' } }),
};

const RESPONSE_HEAD = { id: 'resp_vendor', object: 'response', created_at: 1, model: 'vendor-model', error: null };
const responseUsage = {
  input_tokens: INPUT_TOKENS,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: OUTPUT_TOKENS,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: INPUT_TOKENS + OUTPUT_TOKENS,
};
const responseMessage = (text: string, status: string) => ({
  id: 'msg_vendor',
  type: 'message',
  status,
  role: 'assistant',
  content: status === 'in_progress' ? [] : [{ type: 'output_text', annotations: [], logprobs: [], text }],
});
const responseCalls = ({ calls = [] }: Script, status: string) =>
  calls.map(({ id, name, input }) => ({
    id: `fc_${id}`,
    type: 'function_call',
    status,
    arguments: status === 'in_progress' ? '' : JSON.stringify(input),
    call_id: id,
    name,
  }));
const responseOutput = (script: Script) => [
  ...(script.pieces ? [responseMessage(textOf(script), 'completed')] : []),
  ...responseCalls(script, 'completed'),
];
const wholeResponse = (script: Script) => ({
  ...RESPONSE_HEAD,
  status: script.stop === 'length' ? 'incomplete' : 'completed',
  incomplete_details: script.stop === 'length' ? { reason: 'max_output_tokens' } : null,
  output: responseOutput(script),
  usage: responseUsage,
});

/** OpenAI's other API, as a provider that is asked by it whatever the client speaks. */
export const responsesVendor: Vendor = {
  dialect: 'openai-responses',
  provider: (origin) => ({
    kind: 'openai-compatible',
    api: 'responses',
    baseUrl: `${origin}/v1`,
    apiKey: 'env:PROVIDER_KEY',
  }),
  model: 'vendor-model',
  answer: (script) => JSON.stringify(wholeResponse(script)),
  stream: (script) => {
    const { pieces = [] } = script;
    const response = { ...RESPONSE_HEAD, status: 'in_progress', output: [], usage: null };
    const place = { item_id: 'msg_vendor', output_index: 0, content_index: 0 };
    const texts = pieces.length > 0 ? 1 : 0;
    const part = { type: 'output_text', annotations: [], logprobs: [], text: '' };
    const [message] = responseOutput(script);
    return {
      opening: Buffer.concat([
        event({ type: 'response.created', response }),
        event({ type: 'response.in_progress', response }),
        ...(texts === 1
          ? [
              event({ type: 'response.output_item.added', output_index: 0, item: responseMessage('', 'in_progress') }),
              event({ type: 'response.content_part.added', ...place, part }),
            ]
          : []),
      ]),
      pieces: pieces.map((delta) => event({ type: 'response.output_text.delta', ...place, delta, logprobs: [] })),
      closing: Buffer.concat([
        ...(texts === 1
          ? [
              event({ type: 'response.output_text.done', ...place, text: textOf(script), logprobs: [] }),
              event({ type: 'response.content_part.done', ...place, part: { ...part, text: textOf(script) } }),
              event({ type: 'response.output_item.done', output_index: 0, item: message }),
            ]
          : []),
        ...responseCalls(script, 'completed').flatMap((item, number) => {
          const output_index = texts + number;
          const at = { output_index, item_id: item.id };
          const delta = (text: string) => event({ type: 'response.function_call_arguments.delta', ...at, delta: text });
          return [
            event({
              type: 'response.output_item.added',
              output_index,
              item: { ...item, status: 'in_progress', arguments: '' },
            }),
            delta(item.arguments.slice(0, 4)),
            delta(item.arguments.slice(4)),
            event({ type: 'response.function_call_arguments.done', ...at, arguments: item.arguments }),
            event({ type: 'response.output_item.done', output_index, item }),
          ];
        }),
        event({
          type: script.stop === 'length' ? 'response.incomplete' : 'response.completed',
          response: wholeResponse(script),
        }),
      ]),
    };
  },
  streamType: 'text/event-stream',
  error: openaiVendor.error,
  streamError: (message) =>
    event({ type: 'error', error: { type: 'server_error', code: 'server_error', message, param: null } }),
};

export const VENDORS: readonly [string, Vendor][] = [
  ['OpenAI’s dialect', openaiVendor],
  ['OpenAI’s Responses', responsesVendor],
  ['Anthropic’s dialect', anthropicVendor],
  ['Bedrock’s dialect', bedrockVendor],
  ['Gemini’s dialect', geminiVendor],
  ['OpenAI’s dialect at Azure', azureVendor],
];

const isStreamed = ({ body, path }: UpstreamRequest): boolean =>
  body['stream'] === true || path.endsWith('/converse-stream') || path.includes(':streamGenerateContent');

/** The n-th request gets the n-th script, later ones the last. */
export const answering = (vendor: Vendor, ...scripts: [Script, ...Script[]]): Behaviour => {
  let count = 0;
  return (request, response) => {
    const script = scripts[Math.min(count, scripts.length - 1)] ?? scripts[0];
    count += 1;
    if (!isStreamed(request)) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(vendor.answer(script));
      return;
    }
    const { opening, pieces, closing } = vendor.stream(script);
    response.writeHead(200, { 'content-type': vendor.streamType });
    for (const piece of [opening, ...pieces]) response.write(piece);
    response.end(closing);
  };
};

export const refusing =
  (vendor: Vendor, status: number, message: string, headers: Record<string, string> = {}): Behaviour =>
  (_request, response) => {
    const { headers: own, body } = vendor.error(status, message);
    response.writeHead(status, { 'content-type': 'application/json', ...own, ...headers }).end(body);
  };

/** Streams the script's pieces and then does what `then` says in the place of an end. */
export const breakingOff =
  (vendor: Vendor, script: Script, then: (response: ServerResponse) => void): Behaviour =>
  (_request, response) => {
    const { opening, pieces } = vendor.stream(script);
    response.writeHead(200, { 'content-type': vendor.streamType });
    response.write(opening);
    response.write(Buffer.concat(pieces), () => setTimeout(() => then(response), 20));
  };

/** Streams the first piece, waits for `goOn`, then sends the rest. */
export const pausing = (
  vendor: Vendor,
  script: Script,
): { behave: Behaviour; goOn: () => void; isWaiting: () => boolean } => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isWaiting = false;
  return {
    goOn: resolve,
    isWaiting: () => isWaiting,
    behave: async (_request, response) => {
      const { opening, pieces, closing } = vendor.stream(script);
      response.writeHead(200, { 'content-type': vendor.streamType });
      response.write(Buffer.concat([opening, ...pieces.slice(0, 1)]));
      isWaiting = true;
      await promise;
      isWaiting = false;
      for (const piece of pieces.slice(1)) response.write(piece);
      response.end(closing);
    },
  };
};

/** Never ends; stops when the connection closes. */
export const endless =
  (vendor: Vendor): Behaviour =>
  (_request, response) => {
    const { opening, pieces } = vendor.stream({ pieces: ['word '] });
    response.writeHead(200, { 'content-type': vendor.streamType });
    response.write(opening);
    const timer = setInterval(() => response.write(pieces[0]), 10);
    response.on('close', () => clearInterval(timer));
  };

export interface VendorGateway {
  gateway: TestGateway;
  upstream: FaultUpstream;
  /** What the provider was asked, request by request. */
  asked(): Asked[];
  stop(): Promise<void>;
}

/** A gateway with the alias `assistant` (and `other`) behind which stands that vendor alone. One attempt a request: the SDKs retry by themselves. */
export const startVendorGateway = async (
  vendor: Vendor,
  behave: Behaviour,
  more: Partial<Pick<GatewayConfig, 'budgets' | 'limits'>> = {},
): Promise<VendorGateway> => {
  const upstream = await startUpstream(behave);
  const model = {
    attempts: 1,
    targets: [
      {
        provider: 'vendor',
        model: vendor.model,
        ...(vendor.deploymentOf !== undefined && { deploymentOf: vendor.deploymentOf }),
        price: { inputPerMTok: '1', outputPerMTok: '10' },
        contextTokens: 100_000,
        maxOutputTokens: 8_192,
        capabilities: ['tools', 'vision', 'documents', 'json-schema', 'reasoning', 'streaming'] as const,
      },
    ],
  };
  const gateway = await startGateway(
    {
      providers: { vendor: vendor.provider(upstream.baseUrl.replace(/\/v1$/, '')) },
      models: { assistant: structuredClone(model) as never, other: structuredClone(model) as never },
      budgets: { org: { monthly: '$100' } },
      ...more,
    },
    { env: { PROVIDER_KEY: 'provider-key' } },
  );
  return {
    gateway,
    upstream,
    asked: () => upstream.requests.map((request) => asksOf(vendor.dialect, request.body, isStreamed(request))),
    stop: async () => {
      await gateway.stop();
      await upstream.stop();
    },
  };
};
