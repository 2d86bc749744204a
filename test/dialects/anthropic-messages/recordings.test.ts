import { expect, test } from '@jest/globals';
import type { Conversation, JsonObject, JsonValue, StreamEvent } from '../../../lambdas/core/conversation.ts';
import type { WireEvent } from '../../../lambdas/core/dialect.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';
import {
  describeRecordings,
  isStreamed,
  recordedBody,
  recordedRequest,
  recordedResponse,
  recordingOf,
  recordingsOf,
  sseEventsOf,
} from '../../support/recordings.ts';
import { answerOfEvents } from '../../support/streams.ts';

const CONTEXT = { requestId: 'req_1', alias: 'assistant', createdAt: 0, streamUsage: true };

type Block = Record<string, JsonValue>;

/** The recorded request by meaning, worked out from its JSON alone: strings and blocks are one, defaults are left out. */
const meaningOfRequest = (body: JsonObject): unknown => {
  const blocks = (content: JsonValue | undefined): Block[] =>
    typeof content === 'string'
      ? [{ type: 'text', text: content }]
      : ((content ?? []) as Block[]).map((block) =>
          block.type === 'tool_result'
            ? { ...block, content: blocks(block.content), is_error: block.is_error ?? false }
            : block,
        );
  const { messages, system, tools, stream, ...rest } = body;
  return {
    ...rest,
    stream: stream ?? false,
    system: blocks(system),
    messages: (messages as Block[]).map(({ role, content }) => ({ role, content: blocks(content) })),
    tools: ((tools ?? []) as Block[]).map((tool) => ({ ...tool, description: tool.description ?? '' })),
  };
};

const decoded = (body: JsonObject): Conversation => {
  const result = anthropicMessages.decodeRequest(body);
  if (!result.ok) throw new Error(result.problem.message);
  return result.value;
};

const encoded = (conversation: Conversation, model: string): { body: JsonObject; dropped: string[] } =>
  anthropicMessages.encodeRequest(conversation, {
    model,
    ...(conversation.maxOutputTokens !== undefined && { maxOutputTokens: conversation.maxOutputTokens }),
    modelMaxOutputTokens: 64_000,
    stream: conversation.stream,
    reasoningModel: false,
  });

const eventsOf = (id: string): WireEvent[] => sseEventsOf(recordedResponse(recordingOf(id)).toString('utf8'));

const decodeAll = (events: WireEvent[]): StreamEvent[] => {
  const decoder = anthropicMessages.decodeStream();
  return events.flatMap((event) => decoder.push(event));
};

/** What a recorded stream adds up to, block by block, without the codec. */
const blocksOfStream = (events: WireEvent[]): Block[] => {
  const blocks: Block[] = [];
  for (const { data } of events) {
    const event = JSON.parse(data as string) as Record<string, never>;
    const { index, delta, content_block: block } = event as { index?: number; delta?: Block; content_block?: Block };
    if (event.type === 'content_block_start') blocks[index as number] = { ...block, json: '' };
    if (event.type !== 'content_block_delta' || delta === undefined) continue;
    const into = blocks[index as number] as Record<string, string>;
    into.text = `${into.text ?? ''}${(delta.text as string | undefined) ?? ''}`;
    into.json = `${into.json ?? ''}${(delta.partial_json as string | undefined) ?? ''}`;
  }
  return blocks;
};

describeRecordings('anthropic recordings', () => {
  const withRequest = recordingsOf('anthropic').filter(({ request }) => request !== null);
  const plain = recordingsOf('anthropic').filter((one) => !isStreamed(one) && one.response.status === 200);
  const streamed = recordingsOf('anthropic').filter((one) => isStreamed(one));

  test('there are enough of them', () => {
    expect(withRequest.length).toBeGreaterThanOrEqual(15);
    expect(plain.length).toBeGreaterThanOrEqual(12);
    expect(streamed.length).toBeGreaterThanOrEqual(5);
  });

  // an-err-400 asks for an effort that its model does not have: what is sent instead is another test's matter.
  test.each(withRequest.filter(({ id }) => id !== 'an-err-400').map((one) => [one.id, one] as const))(
    '%s: the request means the same after decoding and encoding',
    (_, recording) => {
      const body = recordedRequest(recording);
      const { body: again, dropped } = encoded(decoded(body), body.model as string);
      expect(meaningOfRequest(again)).toEqual(meaningOfRequest(body));
      expect(dropped).toEqual([]);
    },
  );

  test.each(withRequest.map((one) => [one.id, one] as const))(
    '%s: the relayed request differs in model, limit and stream only',
    (_, recording) => {
      const body = recordedRequest(recording);
      const target = {
        model: 'm',
        maxOutputTokens: 9_000,
        modelMaxOutputTokens: 64_000,
        stream: true,
        reasoningModel: false,
      };
      const expected = { ...body, model: 'm', max_tokens: 9_000, stream: true };
      expect(anthropicMessages.relayRequest(body, target)).toEqual(expected);
    },
  );

  test.each(plain.map((one) => [one.id, one] as const))('%s: the answer loses nothing', (_, recording) => {
    const body = recordedBody(recording);
    const answer = anthropicMessages.decodeAnswer(body);
    const usage = body.usage as Record<string, number>;
    expect(answer?.id).toBe(body.id);
    expect(answer?.model).toBe(body.model);
    expect(answer?.stop.raw).toBe(body.stop_reason);
    expect(answer?.stop.sequence ?? null).toBe(body.stop_sequence);
    expect(answer?.usage).toMatchObject({
      inputTokens: usage.input_tokens,
      outputTokens: usage.output_tokens,
      cachedInputTokens: usage.cache_read_input_tokens,
    });
    const meant = (body.content as Block[]).map((block) =>
      block.type === 'tool_use'
        ? ['tool-call', block.id, block.name, block.input]
        : [block.type, block.text ?? block.thinking, block.signature ?? null],
    );
    const read = answer?.parts.map((part) =>
      part.type === 'tool-call'
        ? ['tool-call', part.id, part.name, JSON.parse(part.arguments)]
        : part.type === 'reasoning'
          ? ['thinking', part.text, part.signature]
          : [part.type, 'text' in part ? part.text : undefined, null],
    );
    expect(read).toEqual(meant);
  });

  test.each(plain.map((one) => [one.id, one] as const))(
    '%s: encoded again, the answer says the same',
    (_, recording) => {
      const body = recordedBody(recording);
      const answer = anthropicMessages.decodeAnswer(body);
      if (answer === undefined) throw new Error('not decoded');
      const again = anthropicMessages.encodeAnswer(answer, CONTEXT);
      expect(again.content).toEqual(body.content);
      expect([again.stop_reason, again.stop_sequence, again.model]).toEqual([
        body.stop_reason,
        body.stop_sequence,
        'assistant',
      ]);
      expect(anthropicMessages.relayAnswer(body, CONTEXT)).toEqual({ ...body, model: 'assistant' });
    },
  );

  test.each(streamed.map((one) => [one.id]))('%s: the stream adds up to what was sent', (id) => {
    const wire = eventsOf(id);
    const answer = answerOfEvents(decodeAll(wire));
    const kept = blocksOfStream(wire).filter(({ type }) =>
      ['text', 'tool_use', 'thinking', 'redacted_thinking'].includes(type as string),
    );
    // Why it refused is told beside the blocks.
    const said = answer.parts.filter(({ type }) => type !== 'refusal');
    expect(said.map((part) => part.type)).toEqual(
      kept.map(
        ({ type }) =>
          ({ text: 'text', tool_use: 'tool-call', thinking: 'reasoning', redacted_thinking: 'redacted-reasoning' })[
            type as string
          ],
      ),
    );
    for (const [index, part] of said.entries()) {
      const block = kept[index] as Record<string, string>;
      if (part.type === 'text') expect(part.text).toBe(block.text);
      if (part.type === 'tool-call')
        expect([part.id, part.name, part.arguments]).toEqual([block.id, block.name, block.json]);
      if (part.type === 'redacted-reasoning') expect(part.data).toBe(block.data);
    }
  });

  test('an-v-refusal-stream: the explanation is the refusal’s words', () => {
    const answer = answerOfEvents(decodeAll(eventsOf('an-v-refusal-stream')));
    const text =
      "This request triggered restrictions on violative cyber content and was blocked under Anthropic's Usage Policy.";
    expect([answer.parts, answer.stop.explanation]).toEqual([[{ type: 'refusal', text }], text]);
  });

  test.each([
    // id, stop, input, cached, output: read off the recordings by eye
    ['an-cache-stream', 'end', 4, 1165, 221],
    ['an-stream-parallel', 'tool-calls', 514, 0, 168],
    ['an-thinking-redacted-stream', 'end', 92, 0, 189],
    ['an-v-refusal-stream', 'refusal', 18, 0, 5],
    ['an-v-text-stream', 'end', 12, 0, 30],
    ['an-v-web-search-stream', 'end', 15_665, 0, 795],
  ] as const)('%s: the last usage is the whole one', (id, reason, inputTokens, cachedInputTokens, outputTokens) => {
    const answer = answerOfEvents(decodeAll(eventsOf(id)));
    expect(answer.stop.reason).toBe(reason);
    expect(answer.usage).toMatchObject({ inputTokens, cachedInputTokens, outputTokens });
  });

  test.each(streamed.map((one) => [one.id]))(
    '%s: the relay changes the model in message_start and no byte else',
    (id) => {
      const wire = eventsOf(id);
      const relay = anthropicMessages.relayStream(CONTEXT);
      const pushed = wire.map((event) => relay.push(event));
      const out = sseEventsOf(pushed.map(({ text }) => text).join(''));
      expect(out.slice(1)).toEqual(wire.slice(1));
      const first = JSON.parse(wire[0]?.data as string) as { message: JsonObject };
      first.message.model = 'assistant';
      expect(JSON.parse(out[0]?.data as string)).toEqual(first);
      expect(pushed.flatMap(({ events }) => events)).toEqual(decodeAll(wire));
    },
  );

  test('a recorded rate limit is one by type, status and words', () => {
    const { response } = recordingOf('an-doc-429');
    const body = recordedResponse(recordingOf('an-doc-429')).toString('utf8');
    expect(anthropicMessages.decodeError(response.status, response.headers, body)).toEqual({
      status: 429,
      type: 'rate_limit_error',
      message: 'This request would exceed your organization rate limit',
      fields: { type: 'rate_limit_error' },
    });
  });

  test('a recorded 400 keeps its type and message', () => {
    const body = recordedResponse(recordingOf('an-err-400')).toString('utf8');
    expect(anthropicMessages.decodeError(400, {}, body)).toEqual({
      status: 400,
      type: 'invalid_request_error',
      message: "This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium.",
      fields: { type: 'invalid_request_error' },
    });
  });

  test('the effort that a recorded model refused is not sent to it', () => {
    const body = recordedRequest(recordingOf('an-err-400'));
    expect(encoded(decoded(body), body.model as string).body).toMatchObject({ output_config: { effort: 'max' } });
  });
});
