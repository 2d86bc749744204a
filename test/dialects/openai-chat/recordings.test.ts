import { describe, expect, test } from '@jest/globals';
import { createParser } from 'eventsource-parser';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import type { AnswerContext, EncodeTarget, WireEvent } from '../../../lambdas/core/dialect.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';
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
import { array, chunksOf, meaningOfAnswer, meaningOfChunks, meaningOfRequest, object, usageOfWire } from './meaning.ts';

const all = recordingsOf('openai', 'azure', 'openai-compatible').filter(({ id }) => !id.startsWith('oa-emb'));
const asked = all.filter(({ request }) => request !== null);
const answered = all.filter((recording) => recording.response.status === 200 && !isStreamed(recording));
const streamed = all.filter(isStreamed);
const refused = all.filter(({ response }) => response.status !== 200);

const context: AnswerContext = { requestId: 'req_1', alias: 'assistant', createdAt: 1_765_880_036, streamUsage: true };
const targetFor = (stream: boolean): EncodeTarget => ({
  model: 'vendor-model',
  modelMaxOutputTokens: 4096,
  stream,
  reasoningModel: false,
});

const decodeAll = (events: readonly WireEvent[]) => {
  const decoder = openaiChat.decodeStream();
  return events.flatMap((event) => decoder.push(event));
};

/** Azure's first chunk tells what its filter found, without a choice: that goes on with the next, which clients can read. */
const withFilterResults = (chunks: JsonObject[]): JsonObject[] => {
  const [first, second, ...rest] = chunks;
  const found = first?.['prompt_filter_results'];
  if (found === undefined || array(first?.['choices']).length > 0) return chunks;
  return [{ prompt_filter_results: found, ...second }, ...rest];
};

describeRecordings('recorded OpenAI-dialect traffic', () => {
  test('the recordings cover requests, answers, streams and errors', () => {
    expect([asked.length, answered.length, streamed.length, refused.length].every((count) => count >= 4)).toBe(true);
  });

  for (const recording of asked) {
    test(`${recording.id}: the request means the same after decoding and encoding`, () => {
      const body = recordedRequest(recording);
      const decoded = openaiChat.decodeRequest(body);
      if (!decoded.ok) throw new Error(decoded.problem.message);
      const { body: encoded } = openaiChat.encodeRequest(decoded.value, targetFor(body['stream'] === true));
      expect(meaningOfRequest(encoded)).toEqual(meaningOfRequest(body));
      expect(decoded.value.model).toBe(body['model']);
      expect(decoded.value.costBearing).toEqual([]);
    });

    test(`${recording.id}: the relayed request is the client's own but for model and usage`, () => {
      const body = recordedRequest(recording);
      const relayed = openaiChat.relayRequest(body, targetFor(body['stream'] === true));
      const { stream, stream_options: _, ...rest } = body;
      expect(relayed).toEqual({
        ...rest,
        model: 'vendor-model',
        ...(stream === true && { stream, stream_options: { include_usage: true } }),
      });
    });
  }

  for (const recording of answered) {
    test(`${recording.id}: the answer says what the body says`, () => {
      const body = recordedBody(recording);
      const meaning = meaningOfAnswer(body);
      const answer = openaiChat.decodeAnswer(body);
      if (answer === undefined) throw new Error('not an answer');
      const textOf = (type: 'text' | 'reasoning') =>
        answer.parts.map((part) => (part.type === type ? part.text : '')).join('');
      expect(textOf('text')).toBe(meaning.text);
      expect(textOf('reasoning')).toBe(meaning.reasoning);
      expect(answer.parts.filter(({ type }) => type === 'tool-call')).toEqual(
        meaning.calls.map((call) => ({ type: 'tool-call', ...call })),
      );
      expect(answer.stop.raw).toBe(meaning.finishReason);
      expect(answer.usage).toEqual(usageOfWire(meaning.usage, body['service_tier']));
      expect([answer.id, answer.model]).toEqual([body['id'], body['model']]);
    });

    test(`${recording.id}: the answer written again loses nothing`, () => {
      const body = recordedBody(recording);
      const answer = openaiChat.decodeAnswer(body);
      if (answer === undefined) throw new Error('not an answer');
      const { usage, ...meaning } = meaningOfAnswer(body);
      const { usage: writtenUsage, ...written } = meaningOfAnswer(openaiChat.encodeAnswer(answer, context));
      expect(written).toEqual(meaning);
      expect(usageOfWire(writtenUsage)).toEqual(usageOfWire(usage));
    });

    test(`${recording.id}: the relayed answer differs in the model alone`, () => {
      const body = recordedBody(recording);
      expect(openaiChat.relayAnswer(body, context)).toEqual({ ...body, model: 'assistant' });
    });
  }

  for (const recording of streamed) {
    const text = recordedResponse(recording).toString('utf8');
    const events = sseEventsOf(text);

    test(`${recording.id}: the stream says what its chunks say`, () => {
      const meaning = meaningOfChunks(chunksOf(events));
      const answer = answerOfEvents(decodeAll(events));
      const textOf = (type: 'text' | 'reasoning') =>
        answer.parts.map((part) => (part.type === type ? part.text : '')).join('');
      expect(textOf('text')).toBe(meaning.text);
      expect(textOf('reasoning')).toBe(meaning.reasoning);
      expect(answer.parts.filter(({ type }) => type === 'tool-call')).toEqual(
        meaning.calls.map((call) => ({ type: 'tool-call', ...call })),
      );
      expect(answer.stop.raw).toBe(meaning.finishReason);
      const tier = chunksOf(events).findLast((chunk) => 'service_tier' in chunk)?.['service_tier'];
      expect(answer.usage).toEqual(usageOfWire(meaning.usage, tier));
    });

    test(`${recording.id}: the stream written again loses nothing`, () => {
      const encoder = openaiChat.encodeStream(context);
      const written = decodeAll(events)
        .map((event) => encoder.push(event))
        .join('');
      const { usage, ...meaning } = meaningOfChunks(chunksOf(events));
      const { usage: writtenUsage, ...again } = meaningOfChunks(chunksOf(sseEventsOf(written)));
      expect(again).toEqual(meaning);
      expect(usageOfWire(writtenUsage)).toEqual(usageOfWire(usage));
      expect(written.endsWith('data: [DONE]\n\n')).toBe(true);
    });

    test.each([true, false])(
      `${recording.id}: the relayed chunks differ in the model alone (usage asked for: %s)`,
      (streamUsage) => {
        const relay = openaiChat.relayStream({ ...context, streamUsage });
        const pushed = events.map((event) => relay.push(event));
        const expected = withFilterResults(chunksOf(events))
          .filter(
            ({ choices, usage }) => streamUsage || usage === undefined || usage === null || array(choices).length > 0,
          )
          .map((chunk) => {
            const { usage, ...rest } = chunk;
            return { ...(streamUsage || usage === null ? chunk : rest), model: 'assistant' };
          });
        const client = pushed.map((one) => one.text).join('');
        const compared = REPAIRED.has(recording.id) ? meaningOfChunks : (chunks: readonly JsonObject[]) => chunks;
        expect(compared(chunksOf(sseEventsOf(client)))).toEqual(compared(expected));
        expect(client.endsWith('data: [DONE]\n\n')).toBe(true);
        expect(pushed.flatMap((one) => one.events)).toEqual(decodeAll(events));
      },
    );

    test.each([1, 2, 3, 7, 64, 1000])(`${recording.id}: bytes that come %i at a time mean the same`, (size) => {
      const bytes = recordedResponse(recording).subarray(0, 40_000);
      const whole = sseEventsOf(bytes.toString('utf8').slice(0, bytes.toString('utf8').lastIndexOf('\n\n') + 2));
      const got: WireEvent[] = [];
      const parser = createParser({ onEvent: ({ event, data }) => got.push({ type: event ?? '', data }) });
      const decoder = new TextDecoder();
      for (let at = 0; at < bytes.length; at += size)
        parser.feed(decoder.decode(bytes.subarray(at, at + size), { stream: true }));
      expect(decodeAll(got)).toEqual(decodeAll(whole));
      expect(got.length).toBeGreaterThan(2);
    });

    test(`${recording.id}: a stream cut before its finish has no stop, and never an end`, () => {
      const finish = events.findIndex(
        ({ data }) =>
          data !== '[DONE]' &&
          array(object(JSON.parse(data as string))['choices']).some(
            (choice) => typeof choice['finish_reason'] === 'string',
          ),
      );
      expect(finish).toBeGreaterThan(0);
      const types = decodeAll(events.slice(0, finish)).map(({ type }) => type);
      expect(types).not.toContain('stop');
      expect(decodeAll(events.slice(0, -1)).map(({ type }) => type)).not.toContain('answer-end');
    });
  }

  test.each([
    ['oa-err-404', 404, 'model_not_found', 'The model `gpt-5.2-proo` does not exist'],
    ['cp-groq-404', 404, 'model_not_found', 'The model `non-existent` does not exist'],
    ['oa-doc-401', 401, 'invalid_api_key', 'Incorrect API key provided'],
    [
      'cp-openrouter-429',
      429,
      '',
      'Provider returned error: google/gemini-2.0-flash-exp:free is temporarily rate-limited',
    ],
  ])('%s is read as the error it is', (id, status, type, words) => {
    const recording = recordingOf(id);
    const error = openaiChat.decodeError(recording.response.status, {}, recordedResponse(recording).toString('utf8'));
    expect(error).toMatchObject({ status, type });
    expect(error.message).toContain(words);
  });
});

/** Those that OpenAI's SDKs could not read as they came: no role, and the call's name told again, empty. */
const REPAIRED = new Set(['cp-v-mistral-incr-tool-stream']);

describe('xAI counts reasoning beside the completion', () => {
  test('the output is what the total has beyond the prompt', () => {
    const answer = openaiChat.decodeAnswer({
      choices: [{ message: { content: 'x' }, finish_reason: 'stop' }],
      usage: {
        prompt_tokens: 307,
        completion_tokens: 26,
        total_tokens: 560,
        prompt_tokens_details: { cached_tokens: 306 },
        completion_tokens_details: { reasoning_tokens: 227 },
      },
    });
    expect(answer?.usage).toEqual({
      inputTokens: 1,
      cachedInputTokens: 306,
      cacheWrite5mTokens: 0,
      cacheWrite1hTokens: 0,
      outputTokens: 253,
      reasoningTokens: 227,
    });
  });
});
