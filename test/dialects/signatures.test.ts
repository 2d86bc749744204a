/** What an answer carries has to survive the client: it sends the message back as it got it, and the next turn holds the same. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type {
  Answer,
  AssistantPart,
  Conversation,
  JsonObject,
  SignatureMaker,
} from '../../lambdas/core/conversation.ts';
import type { AnswerContext, Surface, WireEvent } from '../../lambdas/core/dialect.ts';
import { anthropicMessages } from '../../lambdas/dialects/anthropic-messages/codec.ts';
import { openaiChat } from '../../lambdas/dialects/openai-chat/codec.ts';
import { answers } from '../support/conversations.ts';
import { sseEventsOf } from '../support/recordings.ts';
import { streamsOf } from '../support/streams.ts';

const context: AnswerContext = { requestId: 'r', alias: 'a', createdAt: 1, streamUsage: true };

/** Thoughts stand anywhere, also between calls; Gemini ends some answers with a signature of nothing. */
const signed = answers({
  without: ['refusals', 'invalid-arguments', 'many-texts'],
  with: ['makers', 'signed-parts'],
}).chain((answer) =>
  fc
    .tuple(fc.shuffledSubarray(answer.parts, { minLength: answer.parts.length }), fc.boolean())
    .map(([parts, endsEmpty]): Answer => {
      const proof: AssistantPart = { type: 'text', text: '', signature: 'bm90aGluZw==', signedBy: 'google' };
      return { ...answer, parts: endsEmpty ? [...parts, proof] : parts };
    }),
);

// biome-ignore lint/suspicious/noExplicitAny: wire data of two vendors, read in the plainest way there is
type Json = any;

/** As OpenAI's SDKs put a stream together: fields of a delta are set or appended, lists by their index or one after another. */
const messageOfChunks = (events: readonly WireEvent[]): JsonObject => {
  const message: Json = { role: 'assistant', content: null };
  for (const { data } of events) {
    if (data === '[DONE]') continue;
    const {
      content,
      reasoning_content: thought,
      reasoning_details: details,
      extra_content: extra,
      tool_calls: calls,
    } = JSON.parse(data as string).choices[0]?.delta ?? {};
    if (content) message.content = (message.content ?? '') + content;
    if (thought) message.reasoning_content = (message.reasoning_content ?? '') + thought;
    if (details) message.reasoning_details = [...(message.reasoning_details ?? []), ...details];
    if (extra) message.extra_content = extra;
    for (const { index, function: called, ...rest } of calls ?? []) {
      message.tool_calls ??= [];
      message.tool_calls[index] ??= { function: { name: called.name, arguments: '' } };
      const call = message.tool_calls[index];
      Object.assign(call, rest);
      call.function.arguments += called.arguments;
    }
  }
  return message;
};

/** As Anthropic's SDKs do. */
const messageOfBlocks = (events: readonly WireEvent[]): JsonObject => {
  const blocks: Json[] = [];
  for (const { data } of events) {
    const { type, index, content_block: block, delta } = JSON.parse(data as string);
    if (type === 'content_block_start') blocks[index] = { ...block, ...(block.type === 'tool_use' && { input: '' }) };
    if (type === 'content_block_stop' && blocks[index].type === 'tool_use')
      blocks[index].input = JSON.parse(blocks[index].input || '{}');
    if (type !== 'content_block_delta') continue;
    if (delta.type === 'text_delta') blocks[index].text += delta.text;
    if (delta.type === 'thinking_delta') blocks[index].thinking += delta.thinking;
    if (delta.type === 'signature_delta') blocks[index].signature = delta.signature;
    if (delta.type === 'input_json_delta') blocks[index].input += delta.partial_json;
  }
  return { role: 'assistant', content: blocks };
};

const chat = {
  surface: openaiChat as Surface,
  message: (answer: Json): JsonObject => answer.choices[0].message,
  streamed: messageOfChunks,
  results: (ids: string[]) => ids.map((id) => ({ role: 'tool', tool_call_id: id, content: 'ok' })),
  more: {},
};
const messages: typeof chat = {
  surface: anthropicMessages,
  message: ({ content }: Json): JsonObject => ({ role: 'assistant', content }),
  streamed: messageOfBlocks,
  results: (ids) => [
    {
      role: 'user',
      content: ids.map((id) => ({ type: 'tool_result', tool_use_id: id, content: 'ok' })),
    } as Json,
  ],
  more: { max_tokens: 10 },
};

/** The parts of the turn that holds `message`, once a client has sent it back. */
const sentBack = ({ surface, results, more }: typeof chat, message: JsonObject, answer: Answer): AssistantPart[] => {
  const ids = answer.parts.flatMap((part) => (part.type === 'tool-call' ? [part.id] : []));
  const decoded = surface.decodeRequest({
    model: 'a',
    ...more,
    messages: [{ role: 'user', content: 'hi' }, message, ...(ids.length === 0 ? [] : results(ids))],
  });
  if (!decoded.ok) throw new Error(`${decoded.problem.message} in ${JSON.stringify(message)}`);
  return (decoded.value as Conversation).turns[1]?.parts as AssistantPart[];
};

/** On the chat surface a message has one text, and it has one signature: the last. What was thought and not signed is shown, and goes back where nothing else was thought. */
const asChat = (parts: readonly AssistantPart[]): AssistantPart[] => {
  const isUnsigned = (part: AssistantPart) => part.type === 'reasoning' && part.signature === undefined;
  const isProved = parts.some((part) => part.type === 'reasoning' && part.signature !== undefined);
  const thoughts = parts.flatMap((part) => (part.type === 'reasoning' ? [part.text] : []));
  const kept = parts.filter((part) => !isUnsigned(part));
  const texts = kept.filter((part) => part.type === 'text');
  const [first] = texts;
  const last = texts.findLast(({ signature }) => signature !== undefined);
  const joined = kept.flatMap((part): AssistantPart[] => {
    if (part.type !== 'text') return [part];
    if (part !== first) return [];
    const { signature: _, signedBy: __, ...text } = part;
    const proof = last?.signature === undefined ? {} : { signature: last.signature, signedBy: 'google' as const };
    return [{ ...text, text: texts.map((one) => one.text).join(''), ...proof }];
  });
  const spoken = joined.filter(
    (part) => part.type !== 'tool-call' && part.type !== 'reasoning' && part.type !== 'redacted-reasoning',
  );
  const calls = joined.filter((part) => part.type === 'tool-call');
  const [text] = spoken;
  // Where nothing but a proof is said, that comes last.
  const isMute = text?.type === 'text' && text.text === '';
  const ordered: AssistantPart[] = [...(isMute ? [] : spoken), ...calls];
  const placed = isMute ? joined.filter((part) => part !== text) : joined;
  placed.forEach((part, index) => {
    if (part.type === 'reasoning' || part.type === 'redacted-reasoning')
      ordered.splice(Math.min(index, ordered.length), 0, part);
  });
  if (isMute && text !== undefined) ordered.push(text);
  return isProved || thoughts.length === 0 ? ordered : [{ type: 'reasoning', text: thoughts.join('') }, ...ordered];
};

/** Thinking that nobody signed has an empty signature there, which is none. */
const asMessages = (parts: readonly AssistantPart[]): AssistantPart[] => parts.map((part) => ({ ...part }));

const byId = (parts: readonly AssistantPart[]): AssistantPart[] =>
  parts.map((part) =>
    part.type === 'tool-call' ? { ...part, arguments: JSON.stringify(JSON.parse(part.arguments)) } : part,
  );

describe.each([
  ['chat completions', chat, asChat],
  ['messages', messages, asMessages],
] as const)('every signature survives a client of %s', (_, client, normal) => {
  test('of a plain answer', () => {
    fc.assert(
      fc.property(signed, (answer) => {
        const body = JSON.parse(JSON.stringify(client.surface.encodeAnswer(answer, context)));
        expect(byId(sentBack(client, client.message(body), answer))).toEqual(byId(normal(answer.parts)));
      }),
      { numRuns: 300 },
    );
  });

  test('of a streamed answer', () => {
    const streamed = signed.chain((answer) => streamsOf(answer).map((events) => ({ answer, events })));
    fc.assert(
      fc.property(streamed, ({ answer, events }) => {
        const encoder = client.surface.encodeStream(context);
        const wire = sseEventsOf(events.map((event) => encoder.push(event)).join(''));
        expect(byId(sentBack(client, client.streamed(wire), answer))).toEqual(byId(normal(answer.parts)));
      }),
      { numRuns: 300 },
    );
  });

  test('a client that drops them loses the proof and nothing that was said', () => {
    fc.assert(
      fc.property(signed, (answer) => {
        const body = JSON.parse(JSON.stringify(client.surface.encodeAnswer(answer, context)));
        const {
          reasoning_details: __,
          reasoning_content: ___,
          extra_content: ____,
          ...message
        } = client.message(body) as Json;
        for (const call of message.tool_calls ?? []) delete call.extra_content;
        if (Array.isArray(message.content))
          message.content = message.content.filter(({ type }: Json) => !/thinking/.test(type));
        if (message.content === '' && message.tool_calls === undefined) message.content = 'x';
        const said = sentBack(client, message, answer);
        const calls = (parts: readonly AssistantPart[]) =>
          parts.flatMap((part) => (part.type === 'tool-call' ? [[part.id, part.name]] : []));
        expect(calls(said)).toEqual(calls(answer.parts));
        expect(said.some((part) => 'signature' in part || part.type === 'redacted-reasoning')).toBe(false);
      }),
      { numRuns: 100 },
    );
  });
});

describe('envelopes of the messages surface', () => {
  const parts = (...content: JsonObject[]): AssistantPart[] =>
    sentBack(messages, { role: 'assistant', content }, { parts: [] } as unknown as Answer);

  test.each<[string, string]>([
    ['no JSON', 'tollgate.1.e30x'],
    ['no fields', `tollgate.1.${Buffer.from('{}').toString('base64url')}`],
    ['a maker that there is not', `tollgate.1.${Buffer.from('{"by":"x","value":"s"}').toString('base64url')}`],
    ['a list', `tollgate.1.${Buffer.from('[]').toString('base64url')}`],
    ['nothing', 'tollgate.1.'],
  ])('one with %s in it is nobody’s signature', (__, envelope) => {
    expect(
      parts(
        { type: 'thinking', thinking: 'hm', signature: envelope },
        { type: 'redacted_thinking', data: envelope },
        { type: 'text', text: 'x' },
      ),
    ).toEqual([
      { type: 'reasoning', text: 'hm' },
      { type: 'text', text: 'x' },
    ]);
  });

  test('none goes to Anthropic, whose own pass untouched', () => {
    const answer: Answer = {
      id: 'i',
      model: 'm',
      parts: (['anthropic', 'google', 'openai'] as SignatureMaker[]).flatMap((by): AssistantPart[] => [
        { type: 'reasoning', text: by, signature: `${by}-s`, signedBy: by },
        { type: 'redacted-reasoning', data: `${by}-d`, madeBy: by },
        { type: 'text', text: by, signature: `${by}-t`, signedBy: 'google' },
      ]),
      stop: { reason: 'end', raw: 'end' },
    };
    const { content } = anthropicMessages.encodeAnswer(answer, context) as { content: JsonObject[] };
    expect(content).toHaveLength(12);
    const target = { model: 'm', modelMaxOutputTokens: 10, stream: false, reasoningModel: false };
    const relayed = anthropicMessages.relayRequest(
      {
        messages: [
          { role: 'user', content: 'hi' },
          { role: 'assistant', content },
        ],
      },
      target,
    ) as { messages: [JsonObject, { content: JsonObject[] }] };
    expect(relayed.messages[1].content).toEqual([
      { type: 'thinking', thinking: 'anthropic', signature: 'anthropic-s' },
      { type: 'redacted_thinking', data: 'anthropic-d' },
      { type: 'text', text: 'anthropic' },
      { type: 'text', text: 'google' },
      { type: 'text', text: 'openai' },
    ]);
  });
});
