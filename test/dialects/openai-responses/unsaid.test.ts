import { describe, expect, test } from '@jest/globals';
import { collectAnswer } from '../../../lambdas/core/collect-answer.ts';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import { openaiResponses } from '../../../lambdas/dialects/openai-responses/codec.ts';

const response = (...output: JsonObject[]): JsonObject => ({ id: 'resp_1', model: 'm', status: 'completed', output });

const whole = (...output: JsonObject[]) => openaiResponses.decodeAnswer(response(...output))?.unsaid;

const read = (...events: JsonObject[]) => {
  const decoder = openaiResponses.decodeStream();
  const relay = openaiResponses.relayStream({ requestId: 'r', alias: 'a', createdAt: 0, streamUsage: true });
  const [told, passed] = [collectAnswer(), collectAnswer()];
  for (const event of events) {
    const wire = { type: String(event['type']), data: JSON.stringify(event) };
    for (const one of decoder.push(wire)) told.see(one);
    for (const one of relay.push(wire).events) passed.see(one);
  }
  expect(passed.answer).toEqual(told.answer);
  expect(told.hasEnded).toBe(true);
  return told.answer.unsaid;
};

const streamed = (...output: JsonObject[]) =>
  read(
    ...output.flatMap((item, output_index) => [
      { type: 'response.output_item.added', output_index, item: { ...item, content: [] } },
      { type: 'response.output_item.done', output_index, item },
    ]),
    { type: 'response.completed', response: response(...output) },
  );

/** All that some servers tell. */
const atTheEnd = (...output: JsonObject[]) => read({ type: 'response.completed', response: response(...output) });

const said = { type: 'output_text', text: 'Hi', annotations: [] as JsonObject[] };
const message = (content: JsonObject = said, more: JsonObject = {}) => ({
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  status: 'completed',
  content: [content],
  ...more,
});
const call = (more: JsonObject = {}) => ({
  type: 'function_call',
  id: 'fc_1',
  call_id: 'c1',
  name: 'f',
  arguments: '{}',
  ...more,
});
const web = { type: 'url_citation', url: 'https://a.example', title: 'A', start_index: 0, end_index: 2 };

describe.each([
  ['whole', whole],
  ['streamed', streamed],
  ['told at the end of a stream', atTheEnd],
] as const)('%s', (_, unsaidOf) => {
  test.each([
    ['image_generation_call', [{ type: 'image_generation_call', id: 'ig', result: 'AAAA' }, message()]],
    ['quite_new', [message(), { type: 'quite_new' }]],
    ['output_audio', [message({ type: 'output_audio', data: 'AAAA', transcript: 'Hi' })]],
    ['annotations (file_path)', [message({ ...said, annotations: [web, { type: 'file_path', file_id: 'f' }] })]],
    ['phase (commentary)', [message(said, { phase: 'commentary' })]],
    ['namespace', [call({ namespace: 'crm' })]],
    ['caller', [call({ caller: { type: 'program', caller_id: 'x' } })]],
  ] as [string, JsonObject[]][])('%s is said by no part, and named once', (name, output) => {
    expect(unsaidOf(...output)).toEqual([name]);
  });

  test('a message, a call and a thought as usual are all said', () => {
    const thought = {
      type: 'reasoning',
      id: 'rs_1',
      summary: [{ type: 'summary_text', text: 'hm' }],
      encrypted_content: 'e',
    };
    const output = [
      thought,
      message({ ...said, annotations: [web] }, { phase: 'final_answer' }),
      call({ caller: { type: 'direct' }, namespace: null }),
    ];
    expect(unsaidOf(...output)).toBeUndefined();
    expect(unsaidOf(message({ type: 'refusal', refusal: 'No.' }, { phase: null }))).toBeUndefined();
  });
});

test('an annotation of an unknown kind that is told on its way alone is named', () => {
  const annotation = { type: 'quite_new', x: 1 };
  expect(
    read(
      { type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: 'Hi' },
      { type: 'response.output_text.annotation.added', output_index: 0, content_index: 0, annotation },
      { type: 'response.completed', response: response(message()) },
    ),
  ).toEqual(['annotations (quite_new)']);
});
