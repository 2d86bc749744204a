import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type {
  Alternative,
  Answer,
  AssistantPart,
  Conversation,
  Stop,
  Turn,
} from '../../../lambdas/core/conversation.ts';
import type { AnswerContext } from '../../../lambdas/core/dialect.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';
import { answers, conversations } from '../../support/conversations.ts';
import type { Feature } from '../../support/parts.ts';
import { sseEventsOf } from '../../support/recordings.ts';
import { answerOfEvents, streamsOf } from '../../support/streams.ts';
import { chunksOf, meaningOfAnswer, meaningOfChunks } from './meaning.ts';

/** What the dialect has no words for; each has a test of its own in encode-request.test.ts. */
const FOREIGN: Feature[] = [
  'cache',
  'document-urls',
  'document-texts',
  'tool-result-images',
  'tool-result-documents',
  'tool-result-errors',
  'reasoning',
  'redacted-reasoning',
  'top-k',
  'reasoning-budget',
];

/** The dialect keeps no borders between texts of one answer or result, and has results in messages of their own. */
const normalTurns = (turns: readonly Turn[]): Turn[] =>
  turns.flatMap((turn): Turn[] => {
    if (turn.role === 'system') return [turn];
    if (turn.role === 'assistant') return [{ role: 'assistant', parts: normalParts(turn.parts) }];
    const results = turn.parts.flatMap((part) => {
      if (part.type !== 'tool-result') return [];
      const text = part.content.map((inner) => (inner.type === 'text' ? inner.text : '')).join('\n');
      return [{ ...part, content: text === '' ? [] : [{ type: 'text' as const, text }] }];
    });
    const rest = turn.parts
      .filter((part) => part.type !== 'tool-result')
      .map((part) => (part.type === 'document' ? { ...part, name: part.name ?? 'document.pdf' } : part));
    return [
      ...(results.length === 0 ? [] : [{ role: 'user' as const, parts: results }]),
      ...(rest.length === 0 ? [] : [{ role: 'user' as const, parts: rest }]),
    ];
  });

const normalParts = (parts: readonly AssistantPart[]): AssistantPart[] => {
  const joined = (type: 'reasoning' | 'text' | 'refusal'): AssistantPart[] => {
    const texts = parts.flatMap((part) => (part.type === type ? [part.text] : []));
    const logprobs = parts.flatMap((part) => (part.type === type && part.type === 'text' ? (part.logprobs ?? []) : []));
    return texts.length === 0 ? [] : [{ type, text: texts.join(''), ...(logprobs.length > 0 && { logprobs }) }];
  };
  return [
    ...joined('reasoning'),
    ...joined('text'),
    ...joined('refusal'),
    ...parts.filter(({ type }) => type === 'tool-call'),
  ];
};

const normal = (conversation: Conversation): Conversation => {
  const { turns, streamUsage: _, ...rest } = conversation;
  return { ...rest, turns: normalTurns(turns), streamUsage: conversation.stream };
};

const target = (conversation: Conversation, reasoningModel: boolean) => ({
  model: conversation.model,
  modelMaxOutputTokens: 100_000,
  stream: conversation.stream,
  reasoningModel,
  ...(conversation.maxOutputTokens !== undefined && { maxOutputTokens: conversation.maxOutputTokens }),
});

describe('requests', () => {
  test('what was encoded is decoded to the same conversation', () => {
    const plain = conversations({ without: [...FOREIGN, 'reasoning-effort'] });
    fc.assert(
      fc.property(plain, (conversation) => {
        const { body, dropped } = openaiChat.encodeRequest(conversation, target(conversation, false));
        const decoded = openaiChat.decodeRequest(JSON.parse(JSON.stringify(body)));
        expect(decoded).toEqual({ ok: true, value: normal(conversation) });
        expect(dropped).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });

  test('the same for reasoning models, whose sampling is fixed', () => {
    const plain = conversations({ without: [...FOREIGN, 'temperature', 'top-p', 'penalties', 'stop-sequences'] });
    fc.assert(
      fc.property(plain, (conversation) => {
        const { body, dropped } = openaiChat.encodeRequest(conversation, target(conversation, true));
        const decoded = openaiChat.decodeRequest(JSON.parse(JSON.stringify(body)));
        expect(decoded).toEqual({ ok: true, value: normal(conversation) });
        expect(dropped).toEqual([]);
        expect(body).not.toHaveProperty('max_tokens');
      }),
      { numRuns: 200 },
    );
  });

  test('any conversation gives a body that this dialect takes, and every call keeps its result', () => {
    fc.assert(
      fc.property(conversations(), fc.boolean(), (conversation, reasoningModel) => {
        const { body } = openaiChat.encodeRequest(conversation, target(conversation, reasoningModel));
        const decoded = openaiChat.decodeRequest(JSON.parse(JSON.stringify(body)));
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
/** What is signed has a test of its own, with the client in it (signatures.test.ts). */
const spoken = answers({ without: ['redacted-reasoning', 'reasoning-signatures'], with: ['logprobs', 'alternatives'] });

/** An answer as this dialect can say it, under the names that the surface gives. */
const normalAnswer = (answer: Answer): Answer => ({
  id: 'chatcmpl-r',
  model: 'a',
  ...normalChoice(answer),
  ...(answer.alternatives !== undefined && { alternatives: answer.alternatives.map(normalChoice) }),
  ...(answer.usage !== undefined && { usage: answer.usage }),
});

const normalChoice = (choice: Alternative): Alternative => {
  const parts = normalParts(choice.parts);
  const { reason } = choice.stop;
  const raw = { end: 'stop', length: 'length', 'content-filter': 'content_filter', 'tool-calls': 'tool_calls' }[
    reason as 'end'
  ];
  const isRefused = reason === 'end' && parts.some(({ type }) => type === 'refusal');
  return { parts, stop: { reason: isRefused ? 'refusal' : reason, raw } };
};

describe('answers', () => {
  test('what was encoded is decoded to the same answer', () => {
    fc.assert(
      fc.property(spoken, (answer) => {
        const body = JSON.parse(JSON.stringify(openaiChat.encodeAnswer(answer, context)));
        expect(openaiChat.decodeAnswer(body)).toEqual(normalAnswer(answer));
      }),
      { numRuns: 300 },
    );
  });

  test.each<[AssistantPart, Stop['reason'], string]>([
    [{ type: 'refusal', text: 'no' }, 'refusal', 'stop'],
    [{ type: 'text', text: 'no' }, 'refusal', 'content_filter'],
    [{ type: 'text', text: 'x' }, 'stop-sequence', 'stop'],
    [{ type: 'text', text: 'x' }, 'pause', 'stop'],
    [{ type: 'text', text: 'x' }, 'other', 'stop'],
  ])('%j that ends by %s finishes with %s, streamed too', (part, reason, finish) => {
    const answer: Answer = { id: 'i', model: 'm', parts: [part], stop: { reason, raw: 'x' } };
    expect(meaningOfAnswer(openaiChat.encodeAnswer(answer, context)).finishReason).toBe(finish);
    const encoder = openaiChat.encodeStream(context);
    const [events = []] = fc.sample(streamsOf(answer), 1);
    const wire = sseEventsOf(events.map((event) => encoder.push(event)).join(''));
    expect(meaningOfChunks(chunksOf(wire)).finishReason).toBe(finish);
  });

  test('streamed and whole say the same', () => {
    const streamed = spoken.chain((answer) => streamsOf(answer).map((events) => ({ answer, events })));
    fc.assert(
      fc.property(streamed, ({ answer, events }) => {
        const encoder = openaiChat.encodeStream(context);
        const wire = sseEventsOf(events.map((event) => encoder.push(event)).join(''));
        const whole = meaningOfAnswer(JSON.parse(JSON.stringify(openaiChat.encodeAnswer(answer, context))));
        if (answer.alternatives === undefined) expect(meaningOfChunks(chunksOf(wire))).toEqual(whole);
        const decoder = openaiChat.decodeStream();
        const again = answerOfEvents(wire.flatMap((event) => decoder.push(event)));
        const { alternatives = [] } = again;
        expect({
          ...again,
          parts: normalParts(again.parts),
          ...(alternatives.length > 0 && {
            alternatives: alternatives.map((one) => ({ ...one, parts: normalParts(one.parts) })),
          }),
        }).toEqual(normalAnswer(answer));
      }),
      { numRuns: 300 },
    );
  });

  test('a stream whose client did not ask for usage holds none', () => {
    fc.assert(
      fc.property(spoken.chain(streamsOf), (events) => {
        const encoder = openaiChat.encodeStream({ ...context, streamUsage: false });
        const text = events.map((event) => encoder.push(event)).join('');
        expect(text).not.toContain('"usage"');
        expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});
