import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ResponseStream } from 'openai/lib/responses/ResponseStream';
import type {
  Answer,
  AssistantPart,
  Conversation,
  JsonObject,
  SignatureMaker,
  Signed,
  Stop,
  Turn,
} from '../../../lambdas/core/conversation.ts';
import type { AnswerContext } from '../../../lambdas/core/dialect.ts';
import { openaiResponses } from '../../../lambdas/dialects/openai-responses/codec.ts';
import { answers, conversations } from '../../support/conversations.ts';
import type { Feature } from '../../support/parts.ts';
import { sseEventsOf } from '../../support/recordings.ts';
import { answerOfEvents, streamsOf } from '../../support/streams.ts';

/** What the dialect has no words for; each has a test of its own in encode-request.test.ts. */
const FOREIGN: Feature[] = [
  'cache',
  'document-names',
  'document-texts',
  'tool-result-errors',
  'top-k',
  'stop-sequences',
  'seed',
  'penalties',
  'reasoning-budget',
  'choices',
];

/** Parts sealed by any vendor: who made a proof goes along with it. */
const MAKERS: (SignatureMaker | undefined)[] = [undefined, 'google', 'openai'];

const withMakers = (parts: readonly AssistantPart[]): AssistantPart[] =>
  parts.map((part, index): AssistantPart => {
    const maker = MAKERS[index % MAKERS.length];
    if (part.type === 'redacted-reasoning') return maker === undefined ? part : { ...part, madeBy: maker };
    if (part.type !== 'reasoning' || part.signature === undefined || maker === undefined) return part;
    return { ...part, signedBy: maker, ...(maker === 'openai' && { id: `rs_${index}` }) };
  });

/** Reasoning that nobody can check is left out; of reasoning that OpenAI made there is an id. */
const isCarried = (part: AssistantPart): boolean => part.type !== 'reasoning' || part.signature !== undefined;

/** Results are items of their own before the rest, and what the model says in a row is one turn. */
const normalTurns = (turns: readonly Turn[]): Turn[] =>
  turns.flatMap((turn): Turn[] => {
    if (turn.role === 'system') return [turn];
    if (turn.role === 'assistant') return [{ role: 'assistant', parts: turn.parts.filter(isCarried) }];
    const results = turn.parts.filter(({ type }) => type === 'tool-result');
    const rest = turn.parts
      .filter(({ type }) => type !== 'tool-result')
      .map((part) =>
        part.type === 'document' && part.source.type === 'base64'
          ? { ...part, name: part.name ?? 'document.pdf' }
          : part,
      )
      .map((part) => (part.type === 'image' ? { ...part, detail: part.detail ?? ('auto' as const) } : part));
    return [
      ...(results.length === 0 ? [] : [{ role: 'user' as const, parts: results.map(normalResult) }]),
      ...(rest.length === 0 ? [] : [{ role: 'user' as const, parts: rest }]),
    ];
  });

const normalResult = <P extends Turn['parts'][number]>(part: P): P =>
  part.type !== 'tool-result'
    ? part
    : {
        ...part,
        content: part.content.map((inner) => {
          if (inner.type === 'image') return { ...inner, detail: inner.detail ?? 'auto' };
          if (inner.type !== 'document' || inner.source.type !== 'base64') return inner;
          return { ...inner, name: inner.name ?? 'document.pdf' };
        }),
      };

const normal = (conversation: Conversation): Conversation => ({
  ...conversation,
  turns: normalTurns(conversation.turns),
  tools: conversation.tools.map((tool) => ({ ...tool, strict: tool.strict ?? false })),
  streamUsage: conversation.stream,
});

const signed = conversations({ without: FOREIGN }).map((conversation) => ({
  ...conversation,
  turns: conversation.turns.map((turn) =>
    turn.role === 'assistant' ? { ...turn, parts: withMakers(turn.parts) } : turn,
  ),
}));

const target = (conversation: Conversation, reasoningModel: boolean) => ({
  model: conversation.model,
  modelMaxOutputTokens: 100_000,
  stream: conversation.stream,
  reasoningModel,
  ...(conversation.maxOutputTokens !== undefined && { maxOutputTokens: conversation.maxOutputTokens }),
});

const hasUnsigned = ({ turns }: Conversation): boolean =>
  turns.some((turn) => turn.role === 'assistant' && !turn.parts.every(isCarried));

describe('requests', () => {
  test.each<[boolean, Feature[]]>([
    [false, ['reasoning-effort']],
    [true, ['temperature', 'top-p']],
  ])('what was encoded is decoded to the same conversation (reasoning model: %s)', (reasoningModel) => {
    fc.assert(
      fc.property(signed, (drawn) => {
        const { temperature: _, topP: __, reasoning: ___, ...rest } = drawn;
        const { reasoning, ...sampled } = drawn;
        const conversation: Conversation = reasoningModel
          ? { ...rest, ...(reasoning !== undefined && { reasoning }) }
          : sampled;
        const { body, dropped } = openaiResponses.encodeRequest(conversation, target(conversation, reasoningModel));
        const decoded = openaiResponses.decodeRequest(JSON.parse(JSON.stringify(body)));
        expect(decoded).toEqual({ ok: true, value: normal(conversation) });
        expect(dropped).toEqual(hasUnsigned(conversation) ? ['reasoning parts'] : []);
        expect(body['store']).toBe(false);
      }),
      { numRuns: 400 },
    );
  });

  test('any conversation gives a body that this dialect takes, and every call keeps its result', () => {
    fc.assert(
      fc.property(conversations(), fc.boolean(), (conversation, reasoningModel) => {
        const { body } = openaiResponses.encodeRequest(conversation, target(conversation, reasoningModel));
        const decoded = openaiResponses.decodeRequest(JSON.parse(JSON.stringify(body)));
        if (!decoded.ok) throw new Error(decoded.problem.message);
        const ids = (turns: readonly Turn[]) => ({
          calls: turns.flatMap((turn) => turn.parts.flatMap((part) => (part.type === 'tool-call' ? [part.id] : []))),
          results: turns.flatMap((turn) =>
            turn.parts.flatMap((part) => (part.type === 'tool-result' ? [part.callId] : [])),
          ),
        });
        expect(ids(decoded.value.turns)).toEqual(ids(conversation.turns));
      }),
      { numRuns: 300 },
    );
  });
});

const context: AnswerContext = { requestId: 'r', alias: 'a', createdAt: 1, streamUsage: true };
const spoken = answers().map((answer) => ({ ...answer, parts: withMakers(answer.parts) }));

const RAW = { end: 'completed', length: 'max_output_tokens', 'content-filter': 'content_filter' } as const;

/** Thoughts get an id where they have none, as every item does. */
const withIds = (parts: readonly AssistantPart[]): unknown[] =>
  parts.map((part) =>
    part.type === 'reasoning' || part.type === 'redacted-reasoning'
      ? { ...part, id: part.id ?? expect.any(String) }
      : part,
  );

const normalAnswer = (answer: Answer): object => {
  const { reason } = answer.stop;
  const isRefused = reason === 'end' && answer.parts.some(({ type }) => type === 'refusal');
  return {
    id: 'resp_r',
    model: 'a',
    parts: withIds(answer.parts),
    stop: { reason: isRefused ? 'refusal' : reason, raw: RAW[reason as 'end'] ?? 'completed' },
    ...(answer.usage !== undefined && { usage: answer.usage }),
  };
};

const streamed = spoken.chain((answer) => streamsOf(answer).map((events) => ({ answer, events })));

const wireOf = (events: Parameters<ReturnType<typeof openaiResponses.encodeStream>['push']>[0][]) => {
  const encoder = openaiResponses.encodeStream(context);
  return sseEventsOf(events.map((event) => encoder.push(event)).join(''));
};

const readableOf = (lines: object[]): ReadableStream =>
  new ReadableStream({
    start(controller) {
      for (const line of lines) controller.enqueue(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
      controller.close();
    },
  });

describe('answers', () => {
  test('what was encoded is decoded to the same answer', () => {
    fc.assert(
      fc.property(spoken, (answer) => {
        const body = JSON.parse(JSON.stringify(openaiResponses.encodeAnswer(answer, context)));
        expect(openaiResponses.decodeAnswer(body)).toEqual(normalAnswer(answer));
      }),
      { numRuns: 300 },
    );
  });

  test('a stream decodes to what it was encoded from, and ends with the answer as a whole', () => {
    fc.assert(
      fc.property(streamed, ({ answer, events }) => {
        const wire = wireOf(events);
        const decoder = openaiResponses.decodeStream();
        const again = answerOfEvents(wire.flatMap((event) => decoder.push(event)));
        expect(again).toEqual(normalAnswer(answerOfEvents(events)));
        const last = JSON.parse(wire.at(-1)?.data as string) as JsonObject;
        const whole = openaiResponses.encodeAnswer(answerOfEvents(events), context);
        expect(last['response']).toEqual(JSON.parse(JSON.stringify(whole)));
        expect(answer.parts).toHaveLength(again.parts.length);
      }),
      { numRuns: 300 },
    );
  });

  test.each<[AssistantPart, Stop['reason'], string, string | null]>([
    [{ type: 'refusal', text: 'no' }, 'refusal', 'completed', null],
    [{ type: 'text', text: 'no' }, 'refusal', 'incomplete', 'content_filter'],
    [{ type: 'text', text: 'x' }, 'content-filter', 'incomplete', 'content_filter'],
    [{ type: 'text', text: 'x' }, 'length', 'incomplete', 'max_output_tokens'],
    [{ type: 'text', text: 'x' }, 'stop-sequence', 'completed', null],
    [{ type: 'text', text: 'x' }, 'pause', 'completed', null],
    [{ type: 'text', text: 'x' }, 'other', 'completed', null],
  ])('%j that ends by %s is %s for %s, streamed too, and so is its message', (part, reason, status, why) => {
    const answer: Answer = { id: 'i', model: 'm', parts: [part], stop: { reason, raw: 'x' } };
    const told = { status, incomplete_details: why === null ? null : { reason: why }, output: [{ status }] };
    expect(openaiResponses.encodeAnswer(answer, context)).toMatchObject(told);
    const [events = []] = fc.sample(streamsOf(answer), 1);
    const { type, data } = wireOf(events).at(-1) ?? {};
    expect(type).toBe(`response.${status}`);
    expect(JSON.parse(data as string)).toMatchObject({ response: told });
  });

  test('more tokens than a call takes arguments are told', () => {
    const tokens = Array.from({ length: 200_000 }, () => ({ token: 'a', logprob: 0, top: [] }));
    const lines = wireOf([
      { type: 'answer-start', id: 'a', model: 'm' },
      { type: 'text-start', index: 0 },
      { type: 'logprobs', index: 0, tokens },
      { type: 'part-end', index: 0 },
    ]);
    expect(JSON.stringify(lines).split('"token').length).toBeGreaterThan(200_000);
  });

  test('events are numbered from 0 without a gap, and each is named by its type', () => {
    fc.assert(
      fc.property(streamed, ({ events }) => {
        const wire = wireOf(events);
        const read = wire.map(({ type, data }) => ({ type, data: JSON.parse(data as string) as JsonObject }));
        expect(read.map(({ data }) => data['sequence_number'])).toEqual(read.map((_, index) => index));
        expect(read.map(({ data }) => data['type'])).toEqual(read.map(({ type }) => type));
      }),
      { numRuns: 100 },
    );
  });

  test('the SDK’s own helper puts the stream together to the same response', async () => {
    await fc.assert(
      fc.asyncProperty(streamed, async ({ events }) => {
        const lines = wireOf(events).map(({ data }) => JSON.parse(data as string) as object);
        const stream = ResponseStream.fromReadableStream(readableOf(lines) as never);
        const snapshots: unknown[] = [];
        stream.on('response.output_text.delta', ({ snapshot }) => snapshots.push(snapshot));
        const final = (await stream.finalResponse()) as unknown as JsonObject;
        const whole = openaiResponses.encodeAnswer(answerOfEvents(events), context);
        expect(final['output']).toMatchObject(JSON.parse(JSON.stringify(whole['output'])));
      }),
      { numRuns: 100 },
    );
  });
});

describe('signatures of texts and calls', () => {
  const google: Signed = { signature: 'c2ln', signedBy: 'google' };
  const parts: AssistantPart[] = [
    { type: 'text', text: 'Let me see.', ...google },
    { type: 'tool-call', id: 'call_1', name: 'look', arguments: '{}', ...google },
  ];

  test('come back with the items of the answer, streamed or not, and through the SDK’s helper', async () => {
    const answer: Answer = { id: 'i', model: 'm', parts, stop: { reason: 'tool-calls', raw: 'x' } };
    const body = openaiResponses.encodeAnswer(answer, context);
    expect(openaiResponses.decodeAnswer(body)?.parts).toEqual(parts);
    const wire = wireOf([
      { type: 'answer-start', id: 'i', model: 'm' },
      { type: 'text-start', index: 0 },
      { type: 'text-delta', index: 0, text: 'Let me see.' },
      { type: 'signature', index: 0, signature: 'c2ln', signedBy: 'google' },
      { type: 'part-end', index: 0 },
      { type: 'tool-call-start', index: 1, id: 'call_1', name: 'look' },
      { type: 'tool-call-delta', index: 1, arguments: '{}' },
      { type: 'signature', index: 1, signature: 'c2ln', signedBy: 'google' },
      { type: 'part-end', index: 1 },
      { type: 'stop', stop: answer.stop },
      { type: 'answer-end' },
    ]);
    const last = JSON.parse(wire.at(-1)?.data as string) as { response: JsonObject };
    expect(openaiResponses.decodeAnswer(last.response)?.parts).toEqual(parts);
    const lines = wire.map(({ data }) => JSON.parse(data as string) as object);
    const helped = await ResponseStream.fromReadableStream(readableOf(lines) as never).finalResponse();
    expect(openaiResponses.decodeAnswer(JSON.parse(JSON.stringify(helped)))?.parts).toEqual(parts);
    const input = [{ role: 'user', content: 'Hi' }, ...(body['output'] as JsonObject[])];
    const decoded = openaiResponses.decodeRequest({ model: 'm', store: false, input });
    expect(decoded.ok && decoded.value.turns[1]).toEqual({ role: 'assistant', parts });
  });
});

describe('parts that are open side by side', () => {
  test('a message waits for its last text before it is done, and a text behind a call is another message', () => {
    const wire = wireOf([
      { type: 'answer-start', id: 'i', model: 'm' },
      { type: 'text-start', index: 0 },
      { type: 'text-delta', index: 0, text: 'one' },
      { type: 'tool-call-start', index: 1, id: 'c', name: 'f' },
      { type: 'text-delta', index: 0, text: ' more' },
      { type: 'text-start', index: 2 },
      { type: 'tool-call-delta', index: 1, arguments: '{}' },
      { type: 'text-delta', index: 2, text: 'two' },
      { type: 'part-end', index: 0 },
      { type: 'part-end', index: 2 },
      { type: 'part-end', index: 1 },
      { type: 'stop', stop: { reason: 'tool-calls', raw: '' } },
      { type: 'answer-end' },
    ]);
    const done = wire.flatMap(({ type, data }) =>
      type === 'response.output_item.done' ? [(JSON.parse(data as string) as JsonObject)['output_index']] : [],
    );
    expect(done).toEqual([0, 1, 2]);
    const last = JSON.parse(wire.at(-1)?.data as string) as { response: { output: JsonObject[] } };
    expect(last.response.output).toMatchObject([
      { type: 'message', content: [{ text: 'one more' }] },
      { type: 'function_call', arguments: '{}' },
      { type: 'message', content: [{ text: 'two' }] },
    ]);
  });
});
