import { expect, test } from '@jest/globals';
import type { Answer, Conversation } from '../../../lambdas/core/conversation.ts';
import { gemini } from '../../../lambdas/dialects/gemini/codec.ts';
import { asksOf } from '../../support/asked.ts';
import {
  describeRecordings,
  isStreamed,
  type Recording,
  recordedBody,
  recordedRequest,
  recordedResponse,
  recordingOf,
  recordingsOf,
  sseEventsOf,
} from '../../support/recordings.ts';
import { type Said, saidInGemini } from '../../support/said.ts';
import { answerOfEvents } from '../../support/streams.ts';
import { atClose, CONTEXT, decodeChunks, TARGET } from './encoding.ts';

const decoded = (one: Recording): Conversation => {
  const request = gemini.decodeRequest(recordedRequest(one));
  if (!request.ok) throw new Error(request.problem.message);
  return request.value;
};

const saidByAnswer = ({ parts, stop, usage }: Answer): Said => ({
  text: parts.map((part) => (part.type === 'text' ? part.text : '')).join(''),
  refusal: parts.map((part) => (part.type === 'refusal' ? part.text : '')).join(''),
  reasoning: parts.map((part) => (part.type === 'reasoning' ? part.text : '')).join(''),
  signatures: parts.flatMap((part) => (part.type === 'reasoning' ? (part.signature ?? []) : [])),
  redacted: [],
  calls: parts.flatMap((part) =>
    part.type === 'tool-call' ? [{ id: part.id, name: part.name, input: JSON.parse(part.arguments) }] : [],
  ),
  stop: stop.reason as Said['stop'],
  sequence: null,
  usage:
    usage === undefined
      ? null
      : { input: usage.inputTokens, cached: usage.cachedInputTokens, cacheWrite: 0, output: usage.outputTokens },
});

/** Ids that the recording does not give are the codec's to make up: each of its own. */
const withIdsOf = (expected: Said, said: Said): Said => ({
  ...expected,
  calls: expected.calls.map((call, index) => (call.id === '' ? { ...call, id: said.calls[index]?.id ?? '' } : call)),
});

const chunksOf = (one: Recording) =>
  sseEventsOf(recordedResponse(one).toString('utf8')).map(({ data }) => JSON.parse(data as string));

describeRecordings('recorded Gemini traffic', () => {
  const recordings = recordingsOf('google');
  const answered = recordings.filter(({ response }) => response.status === 200);
  const plain = answered.filter((one) => !isStreamed(one)).map((one) => [one.id, one] as const);
  const streamed = answered.filter(isStreamed).map((one) => [one.id, one] as const);
  const asked = recordings.filter(({ request }) => request !== null).map((one) => [one.id, one] as const);

  test('all thirteen are here', () => {
    expect([recordings.length, plain.length, streamed.length, asked.length]).toEqual([13, 7, 4, 12]);
  });

  test.each(asked)('%s: decoded and encoded again, the request asks for the same', (_, one) => {
    const conversation = decoded(one);
    const model = /models\/([^:]+):/.exec(one.request?.path ?? '')?.[1] ?? '';
    const { body, dropped } = gemini.encodeRequest(conversation, { ...TARGET, model });
    const own = ['cachedContent', 'modelArmorConfig'].filter((name) => name in recordedRequest(one));
    expect({ ...asksOf('gemini', body), guardrail: null }).toEqual({
      ...asksOf('gemini', recordedRequest(one)),
      guardrail: null,
    });
    expect(dropped).toEqual(own);
  });

  test.each(plain)('%s: the answer loses nothing', (_, one) => {
    const said = saidByAnswer(gemini.decodeAnswer(recordedBody(one)) as Answer);
    expect(said).toEqual(withIdsOf(saidInGemini([recordedBody(one)]), said));
  });

  test.each(plain)('%s: written again, it says the same', (_, one) => {
    const answer = gemini.decodeAnswer(recordedBody(one)) as Answer;
    const again = gemini.decodeAnswer(gemini.encodeAnswer(answer, CONTEXT)) as Answer;
    // Written it stands for what a candidate says: who refused is not told there.
    const told = saidByAnswer(answer);
    expect(saidByAnswer(again)).toEqual({ ...told, text: told.text + told.refusal, refusal: '' });
  });

  test.each(streamed)('%s: the stream loses nothing', (_, one) => {
    const said = saidByAnswer(answerOfEvents(atClose(decodeChunks(chunksOf(one)))));
    expect(said).toEqual(withIdsOf(saidInGemini(chunksOf(one)), said));
  });

  test.each(streamed)('%s: written again, the stream says the same', (_, one) => {
    const events = decodeChunks(chunksOf(one));
    const encoder = gemini.encodeStream(CONTEXT);
    const written = sseEventsOf(events.map((event) => encoder.push(event)).join(''));
    const again = decodeChunks(written.map(({ data }) => data as string));
    expect(answerOfEvents(atClose(again))).toEqual(answerOfEvents(atClose(events)));
  });

  test.each(streamed)('%s: cut after any event but the last, it never looks finished', (_, one) => {
    const chunks = chunksOf(one);
    for (let count = 0; count < chunks.length; count += 1)
      expect(decodeChunks(chunks.slice(0, count)).map(({ type }) => type)).not.toContain('stop');
  });

  test('a signature on a call and one on a text are kept, and named as Google’s', () => {
    const [first, second] = ['go-sig-tool-roundtrip.1', 'go-sig-tool-roundtrip.2'].map(
      (id) => gemini.decodeAnswer(recordedBody(recordingOf(id)))?.parts,
    );
    expect(first).toEqual([
      {
        type: 'tool-call',
        id: 'w71i0cbt',
        name: 'get_user_country',
        arguments: '{}',
        signature: expect.stringMatching(/^Es0D/),
        signedBy: 'google',
      },
    ]);
    expect(second).toMatchObject([{ type: 'text', signature: expect.stringMatching(/^EvcB/), signedBy: 'google' }]);
  });

  test('a signature goes back where it came from', () => {
    const { body } = gemini.encodeRequest(decoded(recordingOf('go-sig-tool-roundtrip.2')), {
      ...TARGET,
      model: 'gemini-3-flash-preview',
    });
    const { contents } = recordedRequest(recordingOf('go-sig-tool-roundtrip.2')) as {
      contents: { parts: { thoughtSignature?: string }[] }[];
    };
    const sent = body['contents'] as typeof contents;
    expect(sent[1]?.parts[0]?.thoughtSignature).toBe(contents[1]?.parts[0]?.thoughtSignature);
  });

  test('a turned down prompt is an empty answer that a filter ended, and the vendor’s words say why', () => {
    expect(gemini.decodeAnswer(recordedBody(recordingOf('go-prompt-blocked')))).toEqual({
      id: 'mSEXaseKG-P51PIPwv66qQs',
      model: 'gemini-2.5-flash',
      parts: [{ type: 'refusal', text: 'The prompt violated Prompt Injection and Jailbreak filters.' }],
      stop: { reason: 'content-filter', raw: 'MODEL_ARMOR' },
    });
  });

  test('cached tokens stand outside the input, thoughts inside the output', () => {
    expect(gemini.decodeAnswer(recordedBody(recordingOf('go-cached')))?.usage).toEqual({
      inputTokens: 8,
      cachedInputTokens: 3512,
      cacheWrite5mTokens: 0,
      cacheWrite1hTokens: 0,
      outputTokens: 53,
      reasoningTokens: 51,
      billed: { service: 'standard' },
    });
  });

  test('a recorded 404 and a 429 keep their status, word and message, and the 429 its wait', () => {
    const errorOf = (id: string) => {
      const { response } = recordingOf(id);
      return gemini.decodeError(response.status, response.headers, recordedResponse(recordingOf(id)).toString('utf8'));
    };
    expect(errorOf('go-err-404')).toEqual({
      status: 404,
      type: 'NOT_FOUND',
      message: expect.stringMatching(/^models\/gemini-3\.6-flahs is not found/),
    });
    expect(errorOf('go-v-429-retry-info')).toEqual({
      status: 429,
      type: 'RESOURCE_EXHAUSTED',
      message: 'You exceeded your current quota, please check your plan.',
      retryAfterMs: 34_400,
    });
  });
});
