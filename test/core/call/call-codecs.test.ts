/** The loop with the vendors' own codecs and error maps: what a vendor sends, cut anywhere, against what a client reads. */
import { describe, expect, test } from '@jest/globals';
import type { CallRequest } from '../../../lambdas/core/call/call.ts';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import type { DialectName, Surface, WireEvent } from '../../../lambdas/core/dialect.ts';
import type { ProviderKind, Target } from '../../../lambdas/core/target.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';
import { bedrockConverse } from '../../../lambdas/dialects/bedrock-converse/codec.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';
import { anthropic } from '../../../lambdas/providers/anthropic/anthropic.ts';
import { bedrock } from '../../../lambdas/providers/bedrock/bedrock.ts';
import { openai } from '../../../lambdas/providers/openai/openai.ts';
import { openaiCompatible } from '../../../lambdas/providers/openai-compatible/openai-compatible.ts';
import {
  describeRecordings,
  isStreamed,
  recordedResponse,
  recordingsOf,
  sseEventsOf,
} from '../../support/recordings.ts';
import { expectKind, makeScene, makeTarget, type Scene } from './call-fixture.ts';
import type { Script } from './scripted-upstream.ts';

const targetOf = (host: string, kind: ProviderKind, dialect: DialectName): Target =>
  makeTarget(host, {
    dialect,
    model: host,
    region: 'us-east-1',
    provider: { name: host, kind, baseUrl: `https://${host}/v1` },
  });
const OPENAI = targetOf('openai', 'openai', 'openai-chat');
const ANTHROPIC = targetOf('anthropic', 'anthropic', 'anthropic-messages');
const BEDROCK = targetOf('bedrock', 'bedrock', 'bedrock-converse');

const makeRealScene = (scripts: Record<string, Script[]>, targets: Target[]): Scene => {
  const scene = makeScene(scripts, { targets });
  scene.ports.dialects = {
    'openai-chat': openaiChat,
    'anthropic-messages': anthropicMessages,
    'bedrock-converse': bedrockConverse,
  };
  scene.ports.providers = {
    ...scene.ports.providers,
    openai,
    anthropic,
    bedrock,
    'openai-compatible': openaiCompatible,
  };
  return scene;
};

const BODIES: Partial<Record<Surface['name'], JsonObject>> = {
  'openai-chat': { model: 'assistant', stream: true, messages: [{ role: 'user', content: 'hi' }] },
  'anthropic-messages': {
    model: 'assistant',
    stream: true,
    max_tokens: 100,
    messages: [{ role: 'user', content: 'hi' }],
  },
};
const asked = (surface: Surface, stream = true): Partial<CallRequest> => {
  const body = { ...BODIES[surface.name], stream };
  const decoded = surface.decodeRequest(body);
  if (!decoded.ok) throw new Error(decoded.problem.message);
  return { surface, body, conversation: decoded.value };
};
const SURFACES: [string, Surface][] = [
  ['openai-chat', openaiChat],
  ['anthropic-messages', anthropicMessages],
];

/** What the client makes of a stream: read by the SSE rules alone. */
const readClient = async (scene: Scene, surface: Surface) => {
  const result = await scene.call(asked(surface));
  if (result.kind !== 'streaming')
    return { kind: result.kind, result, isWhole: false, isError: false, events: [], outcome: 'failed' };
  let said = '';
  const read = async () => {
    for await (const chunk of result.chunks) said += chunk;
  };
  await scene.clock.settle(read());
  const events = sseEventsOf(said);
  const last = events.at(-1) ?? { type: '', data: '' };
  const isWhole = surface === openaiChat ? last.data === '[DONE]' : last.type === 'message_stop';
  const isError = String(last.data).includes('"error"');
  return { kind: result.kind, result, isWhole, isError, events, outcome: (await result.ended).outcome };
};

const sse = (...events: [string, JsonObject][]): WireEvent[] =>
  events.map(([type, data]) => ({ type, data: JSON.stringify(data) }));
const chunk = (delta: JsonObject, finish: string | null = null, more: JsonObject = {}): WireEvent => ({
  type: '',
  data: JSON.stringify({
    id: 'c1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'gpt',
    choices: [{ index: 0, delta, finish_reason: finish }],
    ...more,
  }),
});
const script = (events: WireEvent[], end: Extract<Script, { stream: unknown }>['end'] = 'close'): Script => ({
  stream: events.map((event) => ({ event })),
  end,
});
const OPENAI_STREAM = [
  chunk({ role: 'assistant', content: '' }),
  chunk({ content: 'Hel' }),
  chunk({ content: 'lo' }),
  chunk({}, 'stop'),
  {
    type: '',
    data: '{"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}',
  },
  { type: '', data: '[DONE]' },
];
const ANTHROPIC_STREAM = sse(
  [
    'message_start',
    {
      type: 'message_start',
      message: {
        id: 'm1',
        type: 'message',
        role: 'assistant',
        model: 'claude',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 3, output_tokens: 1 },
      },
    },
  ],
  ['content_block_start', { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }],
  ['ping', { type: 'ping' }],
  ['content_block_delta', { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello' } }],
  ['content_block_stop', { type: 'content_block_stop', index: 0 }],
  [
    'message_delta',
    { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 2 } },
  ],
  ['message_stop', { type: 'message_stop' }],
);
const aws = (type: string, data: JsonObject): WireEvent => ({ type, data });
const BEDROCK_STREAM = [
  aws('messageStart', { role: 'assistant' }),
  aws('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'Hello' } }),
  aws('contentBlockStop', { contentBlockIndex: 0 }),
  aws('messageStop', { stopReason: 'end_turn' }),
  aws('metadata', { usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5 }, metrics: { latencyMs: 1 } }),
];
const STREAMS: [string, Target, WireEvent[], number][] = [
  // With the events that must have come for the answer to be whole: its stop, where the vendor then closes.
  ['openai', OPENAI, OPENAI_STREAM, 4],
  ['anthropic', ANTHROPIC, ANTHROPIC_STREAM, 6],
  ['bedrock', BEDROCK, BEDROCK_STREAM, 4],
];

describe.each(SURFACES)('a %s client', (_, surface) => {
  test.each(STREAMS)(
    'reads the stream of %s, closed after any event, as whole or as broken, never both',
    async (_, target, events, whole) => {
      for (let cut = 0; cut <= events.length; cut++) {
        const scene = makeRealScene({ [target.id]: [script(events.slice(0, cut))] }, [target]);
        const { kind, isWhole, isError, outcome } = await readClient(scene, surface);
        if (kind === 'failed') expect(cut).toBeLessThan(whole);
        else
          expect([cut, isWhole, isError, outcome]).toEqual(
            cut >= whole ? [cut, true, false, 'answered'] : [cut, false, true, 'cut'],
          );
      }
    },
  );

  test.each(STREAMS)(
    'gets the answer of another target where %s broke off before content',
    async (_, target, events) => {
      const other = targetOf('backup', 'openai', 'openai-chat');
      const scene = makeRealScene({ [target.id]: [script(events.slice(0, 1))], backup: [script(OPENAI_STREAM)] }, [
        target,
        other,
      ]);
      const { result, isWhole } = await readClient(scene, surface);
      expect([expectKind(result, 'streaming').target.id, isWhole]).toEqual(['backup', true]);
    },
  );

  test('is told nothing of an overloaded vendor that said so inside its stream', async () => {
    const error = sse(['error', { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }]);
    const scene = makeRealScene({ anthropic: [script(error)], openai: [script(OPENAI_STREAM)] }, [ANTHROPIC, OPENAI]);
    const { result, isWhole, events } = await readClient(scene, surface);
    expect(expectKind(result, 'streaming').attempts[0]?.failure).toMatchObject({
      reason: 'overloaded',
      mayBeBilled: false,
    });
    expect(isWhole).toBe(true);
    expect(JSON.stringify(events)).not.toContain('verloaded');
  });

  test.each([OPENAI, ANTHROPIC])('is told of a throttled vendor with its retry-after', async (target) => {
    const body = '{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}';
    const scene = makeRealScene({ [target.id]: [{ status: 429, headers: { 'retry-after': '40' }, body }] }, [target]);
    const result = expectKind(await scene.call(asked(surface, false)), 'failed');
    expect(result.refusal).toMatchObject({ code: 'rate_limit_exceeded', retryAfterMs: 40_000 });
  });

  test.each([OPENAI, ANTHROPIC, BEDROCK])('is told of its own mistake in the vendor’s words', async (target) => {
    const body =
      '{"message":"temperature: 9 is too hot","error":{"type":"invalid_request_error","message":"temperature: 9 is too hot"},"type":"error"}';
    const scene = makeRealScene(
      { [target.id]: [{ status: 400, headers: { 'x-amzn-errortype': 'ValidationException' }, body }] },
      [target],
    );
    const result = expectKind(await scene.call(asked(surface, false)), 'failed');
    expect(result).toMatchObject({
      outcome: 'refused-by-provider',
      refusal: { code: 'invalid_request', message: expect.stringContaining('too hot') },
    });
  });
});

describeRecordings('recorded streams', () => {
  const streams = recordingsOf('openai', 'openai-compatible', 'anthropic')
    .filter((recording) => isStreamed(recording) && recording.response.status === 200)
    .map((recording) => ({
      id: recording.id,
      provider: recording.provider,
      events: sseEventsOf(recordedResponse(recording).toString('utf8')),
    }));

  test('there are some', () => expect(streams.length).toBeGreaterThan(5));

  test.each(streams)(
    '$id: cut anywhere, no client takes it for whole before its stop',
    async ({ provider, events }) => {
      const target =
        provider === 'anthropic'
          ? ANTHROPIC
          : provider === 'openai'
            ? OPENAI
            : targetOf('vllm', 'openai-compatible', 'openai-chat');
      const isStop = ({ data }: WireEvent) => /"finish_reason": ?"|"stop_reason": ?"|^\[DONE\]/.test(String(data));
      const stopAt = events.findIndex(isStop);
      const cuts = new Set([
        0,
        1,
        2,
        3,
        Math.floor(events.length / 2),
        stopAt,
        stopAt + 1,
        events.length - 1,
        events.length,
      ]);
      for (const [, surface] of SURFACES)
        for (const cut of cuts) {
          const scene = makeRealScene({ [target.id]: [script(events.slice(0, cut), 'close')] }, [target]);
          const { kind, isWhole, isError, outcome } = await readClient(scene, surface);
          if (stopAt === -1) expect(outcome).not.toBe('answered');
          else if (cut <= stopAt)
            expect([kind, isWhole, outcome]).toEqual(
              kind === 'failed' ? ['failed', false, 'failed'] : ['streaming', false, 'cut'],
            );
          else expect([isWhole, isError, outcome]).toEqual([true, false, 'answered']);
        }
    },
  );
});
