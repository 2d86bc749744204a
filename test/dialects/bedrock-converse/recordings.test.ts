import { expect, test } from '@jest/globals';
import type { Answer, Conversation, StreamEvent } from '../../../lambdas/core/conversation.ts';
import type { EncodeTarget, WireEvent } from '../../../lambdas/core/dialect.ts';
import { bedrockConverse } from '../../../lambdas/dialects/bedrock-converse/codec.ts';
import {
  describeRecordings,
  isStreamed,
  recordedBody,
  recordedRequest,
  recordedResponse,
  recordingOf,
  recordingsOf,
} from '../../support/recordings.ts';
import { answerOfEvents } from '../../support/streams.ts';
import { eventsOfFrames, framesOfLines, recordedFrames } from './converse-frames.ts';
import { askedIn, type Said, saidInBody, saidInEvents } from './recorded-meaning.ts';

const decodedRequest = (body: Parameters<typeof bedrockConverse.decodeRequest>[0]): Conversation => {
  const decoded = bedrockConverse.decodeRequest(body);
  if (!decoded.ok) throw new Error(decoded.problem.message);
  return decoded.value;
};

const saidByAnswer = ({ parts, stop, usage }: Answer): Said => ({
  text: parts.map((part) => (part.type === 'text' ? part.text : '')).join(''),
  calls: parts.flatMap((part) =>
    part.type === 'tool-call' ? [{ id: part.id, name: part.name, input: JSON.parse(part.arguments) }] : [],
  ),
  reasoning: parts.flatMap((part) =>
    part.type === 'reasoning' ? [{ text: part.text, signature: part.signature ?? null }] : [],
  ),
  redacted: parts.flatMap((part) => (part.type === 'redacted-reasoning' ? [part.data] : [])),
  stop: stop.raw,
  usage: {
    input: usage?.inputTokens ?? -1,
    output: usage?.outputTokens ?? -1,
    cacheRead: usage?.cachedInputTokens ?? -1,
    cacheWrite: (usage?.cacheWrite5mTokens ?? -1) + (usage?.cacheWrite1hTokens ?? 0),
  },
});

const decodeEvents = (events: WireEvent[]): StreamEvent[] => {
  const decoder = bedrockConverse.decodeStream();
  return events.flatMap((event) => decoder.push(event));
};

const CONTEXT = { requestId: 'r', alias: 'a', createdAt: 0, streamUsage: true };

describeRecordings('recorded Converse traffic', () => {
  const recordings = recordingsOf('bedrock');
  const answered = recordings.filter(({ response }) => response.status === 200);
  const plain = answered.filter((recording) => !isStreamed(recording));
  const streamed = answered.filter(isStreamed);
  const asked = recordings.filter(({ request }) => request !== null);

  test('all eighteen are here', () => {
    expect([recordings.length, plain.length, streamed.length, asked.length]).toEqual([18, 11, 5, 15]);
  });

  test.each(asked.map((recording) => [recording.id, recording] as const))(
    '%s: the request means the same',
    (_, one) => {
      const body = recordedRequest(one);
      const model = decodeURIComponent(one.request?.path.split('/')[2] ?? '');
      const conversation = decodedRequest(body);
      const target: EncodeTarget = {
        model,
        ...(conversation.maxOutputTokens !== undefined && { maxOutputTokens: conversation.maxOutputTokens }),
        modelMaxOutputTokens: 5_000,
        stream: isStreamed(one),
        reasoningModel: false,
      };
      const { body: sent, dropped } = bedrockConverse.encodeRequest(conversation, target);
      expect(askedIn(sent)).toEqual(askedIn(body));
      expect(sent.inferenceConfig).toHaveProperty('maxTokens', conversation.maxOutputTokens ?? 5_000);
      expect(dropped).toEqual('guardrailConfig' in body ? ['guardrailConfig'] : []);
    },
  );

  test.each(plain.map((recording) => [recording.id, recording] as const))('%s: the answer loses nothing', (_, one) => {
    const body = recordedBody(one);
    const answer = bedrockConverse.decodeAnswer(body);
    expect(answer && saidByAnswer(answer)).toEqual(saidInBody(body));
  });

  test.each(plain.map((recording) => [recording.id, recording] as const))(
    '%s: written again, it says the same',
    (_, one) => {
      const answer = bedrockConverse.decodeAnswer(recordedBody(one)) as Answer;
      expect(saidInBody(bedrockConverse.encodeAnswer(answer, CONTEXT))).toEqual(saidInBody(recordedBody(one)));
    },
  );

  test.each(streamed.map((recording) => [recording.id, recording] as const))(
    '%s: the stream loses nothing',
    (_, one) => {
      const events = eventsOfFrames(recordedFrames(one));
      expect(saidByAnswer(answerOfEvents(decodeEvents(events)))).toEqual(saidInEvents(events));
    },
  );

  test.each(streamed.map((recording) => [recording.id, recording] as const))(
    '%s: written again, the stream says the same',
    (_, one) => {
      const events = eventsOfFrames(recordedFrames(one));
      const encoder = bedrockConverse.encodeStream(CONTEXT);
      const lines = decodeEvents(events)
        .map((event) => encoder.push(event))
        .join('');
      expect(saidInEvents(eventsOfFrames(framesOfLines(lines)))).toEqual(saidInEvents(events));
    },
  );

  test.each(streamed.map((recording) => [recording.id, recording] as const))(
    '%s: cut after any event, it never looks finished',
    (_, one) => {
      const events = eventsOfFrames(recordedFrames(one));
      for (let count = 0; count < events.length; count += 1) {
        const seen = decodeEvents(events.slice(0, count)).map(({ type }) => type);
        expect(seen).not.toContain('answer-end');
        expect(seen.includes('stop')).toBe(events.slice(0, count).some(({ type }) => type === 'messageStop'));
      }
    },
  );

  test('reasons to stop are the canonical ones', () => {
    const reasons = Object.fromEntries(
      plain.map((one) => [one.id, bedrockConverse.decodeAnswer(recordedBody(one))?.stop.reason]),
    );
    expect(reasons).toMatchObject({
      'br-basic': 'end',
      'br-max-tokens': 'length',
      'br-tool-named': 'tool-calls',
      'br-guardrail': 'content-filter',
    });
  });

  test('cached tokens are counted outside the input tokens', () => {
    expect(bedrockConverse.decodeAnswer(recordedBody(recordingOf('br-cache')))?.usage).toEqual({
      inputTokens: 2,
      cachedInputTokens: 1322,
      cacheWrite5mTokens: 0,
      cacheWrite1hTokens: 0,
      outputTokens: 5,
      reasoningTokens: 0,
    });
  });

  test('a recorded refusal keeps its status, its type and its words', () => {
    const { response } = recordingOf('br-err-400');
    const body = recordedResponse(recordingOf('br-err-400')).toString('utf8');
    expect(bedrockConverse.decodeError(response.status, response.headers, body)).toEqual({
      status: 400,
      type: 'ValidationException',
      message: 'The provided model identifier is invalid.',
    });
  });
});
