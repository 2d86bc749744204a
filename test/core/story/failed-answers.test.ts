/** Answers that their own vendor calls failed, under a 200: nobody is told them as complete, and what was counted is billed. */
import { describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import type { SurfaceName } from '../../../lambdas/core/dialect.ts';
import type { Script } from '../call/scripted-upstream.ts';
import { chatAnswer, chatBody, chatStream, DONE, makeStory, says } from './story-fixture.ts';

const MODEL = { model: 'm-1', contextTokens: 100_000, maxOutputTokens: 8_000, capabilities: ['streaming', 'tools'] };
const PRICE = { inputPerMTok: '10', outputPerMTok: '100' };

/** `first` answers, else `b`, which speaks OpenAI's dialect. One attempt each. */
const configOf = (first: GatewayConfig['providers'][string]): GatewayConfig =>
  ({
    providers: { a: first, b: { kind: 'openai-compatible', baseUrl: 'https://b/v1' } },
    models: {
      assistant: {
        attempts: 2,
        targets: [
          { provider: 'a', price: PRICE, ...MODEL },
          { provider: 'b', price: PRICE, ...MODEL },
        ],
      },
    },
    budgets: { org: { monthly: '$10' } },
    pins: { floating: 'allow' },
  }) as GatewayConfig;
const CHAT = configOf({ kind: 'openai-compatible', baseUrl: 'https://a/v1' });
const GEMINI = configOf({ kind: 'gemini', apiKey: 'env:KEY', baseUrl: 'https://a' });
const CLAUDE = configOf({ kind: 'anthropic', apiKey: 'env:KEY', baseUrl: 'https://a' });

const open = async (config: GatewayConfig, first: Script[], second: Script[] = [chatAnswer('from b')]) => {
  const story = await makeStory({ a: first, b: second }, config);
  story.ports.secrets = { ...story.ports.secrets, read: async () => 'key' };
  return story;
};

const event = (data: object | string) => ({
  event: { type: '', data: typeof data === 'string' ? data : JSON.stringify(data) },
});
const ended = (choice: object, more: object = {}) =>
  event({ id: 'c', model: 'm-1', choices: [{ index: 0, delta: {}, ...choice }], ...more });
const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const DIED = { finish_reason: 'error', error: { code: 502, message: 'upstream died' } };
const FAILURES: [string, ReturnType<typeof ended>[], string][] = [
  ['an error in the choice', [ended(DIED), event('[DONE]')], 'upstream died'],
  [
    'insufficient_system_resource',
    [ended({ finish_reason: 'insufficient_system_resource' })],
    'insufficient_system_resource',
  ],
  ['finish_reason error', [ended({ finish_reason: 'error' }), event('[DONE]')], 'finish_reason error'],
  ['[DONE] and no finish_reason', [event('[DONE]')], 'without a finish_reason'],
];
const SURFACES: [SurfaceName, RegExp][] = [
  ['openai-chat', /\[DONE\]|"finish_reason":"(?:stop|error)/],
  ['anthropic-messages', /message_stop|end_turn/],
  ['openai-responses', /response\.completed/],
];
const ask = { input: 'hello' };

describe.each(SURFACES)('a client of %s', (surface, whole) => {
  const bodyOf = (more: object) =>
    surface === 'openai-responses' ? { ...ask, messages: undefined, max_tokens: undefined, ...more } : more;

  test.each(FAILURES)('is answered by another target after %s before content', async (_, events, words) => {
    const story = await open(CHAT, [chatStream(events)], [chatStream([says('from b'), ...DONE])]);
    const text = await story.read(await story.ask(bodyOf({ stream: true }), { surface }));
    expect(text).toContain('from b');
    expect(text).not.toContain(words);
    const [entry] = await story.entries();
    expect(entry?.receipt).toMatchObject({
      outcome: 'answered',
      attempts: [{ target: 'a/m-1', message: expect.stringContaining(words) }, { target: 'b/m-1' }],
    });
  });

  test.each(FAILURES)('is told an error and no end after %s behind content', async (_, events, words) => {
    const story = await open(CHAT, [chatStream([says('Hel'), ...events])]);
    const text = await story.read(await story.ask(bodyOf({ stream: true }), { surface }));
    expect(text).toContain('Hel');
    expect(text).toContain(words);
    expect(text).not.toMatch(whole);
    const [entry] = await story.entries();
    expect(entry?.receipt).toMatchObject({
      outcome: 'cut',
      attempts: [{ target: 'a/m-1', message: expect.stringContaining(words) }],
    });
    expect(JSON.stringify(entry?.receipt?.stop ?? {})).not.toContain('upstream died');
  });

  test('is answered by another target where a whole answer failed in its choice', async () => {
    const body = {
      ...chatBody('Hel', USAGE),
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hel' }, ...DIED }],
    };
    const story = await open(CHAT, [{ status: 200, body: JSON.stringify(body) }]);
    const reply = await story.ask(bodyOf({}), { surface });
    expect(await reply.text()).toContain('from b');
    const [entry] = await story.entries();
    // Both counted 10 and 5.
    expect(entry).toMatchObject({
      cost: 1_200_000n,
      receipt: { attempts: [{ failure: 'server_error', message: 'upstream died' }, {}] },
    });
  });
});

test('what failed behind content is billed as it was counted', async () => {
  const story = await open(CHAT, [chatStream([says('Hel'), ended(DIED, { usage: USAGE }), event('[DONE]')])]);
  await story.read(await story.ask({ stream: true }));
  const [entry] = await story.entries();
  expect([entry?.cost, entry?.receipt?.usageEstimated]).toEqual([600_000n, undefined]);
});

describe('Gemini', () => {
  const reply = (parts: object[], more: object): JsonObject =>
    ({
      candidates: [{ content: { parts, role: 'model' }, index: 0, ...more }],
      modelVersion: 'm-1',
      responseId: 'r1',
      usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 },
    }) as JsonObject;
  const MALFORMED = reply([], {
    finishReason: 'MALFORMED_FUNCTION_CALL',
    finishMessage: 'Malformed function call: f(',
  });

  test('a call that is none is an attempt that failed, billed as counted, and no fault of the target', async () => {
    const story = await open(GEMINI, [{ status: 200, body: JSON.stringify(MALFORMED) }]);
    expect(await (await story.ask()).json()).toMatchObject({ choices: [{ message: { content: 'from b' } }] });
    const [entry] = await story.entries();
    expect(entry).toMatchObject({
      cost: 1_200_000n,
      receipt: {
        attempts: [
          {
            failure: 'malformed_answer',
            message: expect.stringContaining('MALFORMED_FUNCTION_CALL: Malformed function call: f('),
          },
          {},
        ],
      },
    });
  });

  test('the same in a stream, before content', async () => {
    const story = await open(
      GEMINI,
      [{ stream: [event(MALFORMED)], end: 'close' }],
      [chatStream([says('from b'), ...DONE])],
    );
    expect(await story.read(await story.ask({ stream: true }))).toContain('from b');
  });

  test('a stream with STOP in each chunk arrives whole', async () => {
    const stream = ['Hello ', 'wor', 'ld'].map((text) => event(reply([{ text }], { finishReason: 'STOP' })));
    const story = await open(GEMINI, [{ stream, end: 'close' }]);
    const text = await story.read(await story.ask({ stream: true }));
    const said = text.split('\n\n').flatMap((line) => {
      const [, data = ''] = /^data: (\{.*)$/s.exec(line) ?? [];
      return data === '' ? [] : [JSON.parse(data).choices[0]?.delta.content ?? ''];
    });
    expect([said.join(''), text.match(/"finish_reason":"stop"/g)?.length, text.trimEnd().endsWith('[DONE]')]).toEqual([
      'Hello world',
      1,
      true,
    ]);
  });

  test.each([true, false])(
    'an image that the client’s language has no words for is named (stream: %s)',
    async (isStream) => {
      const whole = reply([{ text: 'Here: ' }, { inlineData: { mimeType: 'image/png', data: 'AA==' } }], {
        finishReason: 'STOP',
      });
      const script: Script = isStream
        ? { stream: [event(whole)], end: 'close' }
        : { status: 200, body: JSON.stringify(whole) };
      const story = await open(GEMINI, [script]);
      const answer = await story.ask({ stream: isStream });
      await story.read(answer);
      expect(answer.headers.get('x-tollgate-dropped')).toBe('answer: inlineData (image/png)');
      const [entry] = await story.entries();
      expect(entry?.receipt?.dropped).toEqual(['answer: inlineData (image/png)']);
    },
  );

  test('what comes behind the first content is named in the receipt', async () => {
    const stream = [
      event(reply([{ text: 'Here: ' }], {})),
      {
        afterMs: 50,
        ...event(reply([{ inlineData: { mimeType: 'image/png', data: 'AA==' } }], { finishReason: 'STOP' })),
      },
    ];
    const story = await open(GEMINI, [{ stream, end: 'close' }]);
    const answer = await story.ask({ stream: true });
    await story.read(answer);
    expect(answer.headers.get('x-tollgate-dropped')).toBeNull();
    const [entry] = await story.entries();
    expect(entry?.receipt?.dropped).toEqual(['answer: inlineData (image/png)']);
  });
});

describe('Claude’s refusal', () => {
  const REFUSED = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm-1',
    content: [],
    stop_reason: 'refusal',
    stop_details: { type: 'refusal', category: 'cyber', explanation: 'Blocked under the policy.' },
    usage: { input_tokens: 10, output_tokens: 5 },
  };
  const script = { status: 200, body: JSON.stringify(REFUSED) };

  test('comes with its explanation, in the client’s own field for it', async () => {
    const story = await open(CLAUDE, [script]);
    expect(await (await story.ask()).json()).toMatchObject({
      choices: [{ message: { content: null, refusal: 'Blocked under the policy.' } }],
    });
    const [entry] = await story.entries();
    expect(entry?.receipt?.stop).toEqual({ reason: 'refusal', raw: 'refusal' });
  });

  test('is left to another alias where one is named for that, though it explains itself', async () => {
    const { assistant } = CLAUDE.models;
    const [a, b] = assistant?.targets ?? [];
    const models = {
      assistant: { ...assistant, targets: [a], fallbacks: { contentFilter: ['other'] } },
      other: { ...assistant, targets: [b] },
    };
    const story = await open({ ...CLAUDE, models } as GatewayConfig, [script]);
    expect(await (await story.ask()).json()).toMatchObject({ choices: [{ message: { content: 'from b' } }] });
  });
});
