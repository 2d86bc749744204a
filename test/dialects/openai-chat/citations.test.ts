import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Answer, Citation, JsonObject } from '../../../lambdas/core/conversation.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';
import { sseEventsOf } from '../../support/recordings.ts';
import { answerOfEvents, streamsOf } from '../../support/streams.ts';

const context = { requestId: 'r', alias: 'a', createdAt: 1, streamUsage: false };
const page: Citation = { source: { type: 'url', url: 'https://example.com/a', token: 't' }, title: 'A' };
const placed: Citation = { ...page, span: { start: 1, end: 3 } };
const file: Citation = {
  source: { type: 'document', index: 2, unit: 'page', start: 4, end: 5 },
  title: 'Report',
  quote: 'so it is',
};

const answer: Answer = {
  id: 'i',
  model: 'm',
  parts: [
    { type: 'text', text: 'One. ' },
    { type: 'text', text: 'Two 😄.', citations: [page, placed, file] },
    { type: 'text', text: ' Three.', citations: [page] },
  ],
  stop: { reason: 'end', raw: 'end' },
};

const url = (start: number, end: number) => ({
  type: 'url_citation',
  url_citation: { start_index: start, end_index: end, title: 'A', url: 'https://example.com/a' },
});
// One. Two 😄. Three.
const ANNOTATIONS = [url(5, 12), url(6, 8), url(12, 19)];
const CITATIONS = [
  {
    type: 'document',
    index: 2,
    unit: 'page',
    start: 4,
    end: 5,
    start_index: 5,
    end_index: 12,
    title: 'Report',
    quote: 'so it is',
  },
];

const deltasOf = (text: string): JsonObject[] =>
  sseEventsOf(text).flatMap(({ data }) => (data === '[DONE]' ? [] : [JSON.parse(data as string).choices[0].delta]));

describe('what an answer rests on', () => {
  test('pages are annotations of the whole text, counted in it; documents stand beside them', () => {
    const { choices } = openaiChat.encodeAnswer(answer, context) as { choices: [{ message: JsonObject }] };
    expect(choices[0].message).toMatchObject({
      content: 'One. Two 😄. Three.',
      annotations: ANNOTATIONS,
      citations: CITATIONS,
    });
  });

  test('streamed it is the same, however the text is cut', () => {
    const byPlace = (list: JsonObject[]) => list.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
    fc.assert(
      fc.property(streamsOf(answer), (events) => {
        const encoder = openaiChat.encodeStream(context);
        const deltas = deltasOf(events.map((event) => encoder.push(event)).join(''));
        const told = (field: string) => byPlace(deltas.flatMap((delta) => (delta[field] as JsonObject[]) ?? []));
        expect(told('annotations')).toEqual(byPlace(ANNOTATIONS));
        expect(told('citations')).toEqual(CITATIONS);
      }),
      { numRuns: 30 },
    );
  });

  test('annotations of a vendor are read, plain and streamed; what is no page is left out', () => {
    const annotations = [url(0, 2), { type: 'file_citation', file_citation: { file_id: 'f' } }];
    const citations = [
      { span: { start: 0, end: 2 }, source: { type: 'url', url: 'https://example.com/a' }, title: 'A' },
    ];
    const plain = openaiChat.decodeAnswer({
      choices: [{ message: { content: 'Hi', annotations }, finish_reason: 'stop' }],
    });
    expect(plain?.parts).toEqual([{ type: 'text', text: 'Hi', citations }]);
    const decoder = openaiChat.decodeStream();
    const chunks = [{ content: 'Hi' }, { annotations }].map((delta) => ({ choices: [{ index: 0, delta }] }));
    const streamed = answerOfEvents(
      [...chunks, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }]
        .map((chunk) => JSON.stringify(chunk))
        .concat('[DONE]')
        .flatMap((data) => decoder.push({ type: '', data })),
    );
    expect(streamed.parts).toEqual(plain?.parts);
  });
});
