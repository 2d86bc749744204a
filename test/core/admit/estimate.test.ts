import { describe, expect, test } from '@jest/globals';
import { estimateConversation, estimateTokensHigh, estimateTokensLow } from '../../../lambdas/core/admit/estimate.ts';
import type { Conversation, Turn } from '../../../lambdas/core/conversation.ts';
import type { Surface } from '../../../lambdas/core/dialect.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';
import {
  describeRecordings,
  isStreamed,
  type Recording,
  recordedBody,
  recordedRequest,
  recordedResponse,
  recordingsOf,
  sseEventsOf,
} from '../../support/recordings.ts';

const conversation = (turns: Turn[], more: Partial<Conversation> = {}): Conversation => ({
  model: 'assistant',
  turns,
  tools: [],
  choices: 1,
  stream: false,
  streamUsage: false,
  sameDialectOnly: [],
  costBearing: [],
  ...more,
});

const user = (text: string): Turn => ({ role: 'user', parts: [{ type: 'text', text }] });

const gpt = {
  model: 'gpt-5.4-2026-03-05',
  dialect: 'openai-chat',
  contextTokens: 400_000,
  maxImageTokens: 1_500,
  maxDocumentTokens: 400_000,
} as const;
const claude = { ...gpt, model: 'claude-sonnet-5', dialect: 'anthropic-messages' } as const;

const high = (asked: Conversation, target: Parameters<typeof estimateConversation>[1] = gpt): number =>
  estimateConversation(asked, target).inputTokensHigh;

const LONG = 'All happy families are alike; each unhappy family is unhappy in its own way. '.repeat(20);

describe('estimateConversation', () => {
  const plain = high(conversation([user('Hello')]));

  test.each<[string, Conversation]>([
    ['text', conversation([user(`Hello ${LONG}`)])],
    ['a system prompt', conversation([{ role: 'system', parts: [{ type: 'text', text: LONG }] }, user('Hello')])],
    [
      "a tool call's arguments",
      conversation([
        user('Hello'),
        { role: 'assistant', parts: [{ type: 'tool-call', id: '1', name: 'f', arguments: JSON.stringify(LONG) }] },
      ]),
    ],
    [
      'text in a tool result',
      conversation([
        user('Hello'),
        { role: 'user', parts: [{ type: 'tool-result', callId: '1', content: [{ type: 'text', text: LONG }] }] },
      ]),
    ],
    ["a tool's schema", conversation([user('Hello')], { tools: [{ name: 'f', parameters: { description: LONG } }] })],
    ["a tool's description", conversation([user('Hello')], { tools: [{ name: 'f', description: LONG }] })],
    [
      "an answer's schema",
      conversation([user('Hello')], { format: { type: 'json-schema', name: 'a', schema: { description: LONG } } }),
    ],
    ['a refusal', conversation([user('Hello'), { role: 'assistant', parts: [{ type: 'refusal', text: LONG }] }])],
    ['reasoning', conversation([user('Hello'), { role: 'assistant', parts: [{ type: 'reasoning', text: LONG }] }])],
    [
      'a document of text',
      conversation([{ role: 'user', parts: [{ type: 'document', source: { type: 'text', text: LONG } }] }]),
    ],
  ])('%s counts', (_, asked) => {
    expect(high(asked) - plain).toBeGreaterThanOrEqual(estimateTokensHigh(LONG, gpt) * 0.95);
  });

  const image = { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } } as const;

  test('each image counts as much as the target makes of one at most, also inside a tool result', () => {
    const images = conversation([
      { role: 'user', parts: [image, image, { type: 'tool-result', callId: '1', content: [image] }] },
    ]);
    expect(high(images)).toBeGreaterThanOrEqual(4_500);
    expect(high(images, { ...gpt, maxImageTokens: 10 })).toBeLessThan(500);
  });

  test('the data of an image is not read as text', () => {
    const data = 'QUJD'.repeat(100_000);
    const asked = conversation([
      { role: 'user', parts: [{ type: 'image', source: { type: 'base64', mediaType: 'image/png', data } }] },
    ]);
    expect(high(asked)).toBeLessThan(2_000);
  });

  test('images and documents together count no more than the context, since the vendor takes no more', () => {
    const document = { type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } } as const;
    const asked = conversation([{ role: 'user', parts: [document, document, image] }]);
    expect(high(asked)).toBeGreaterThanOrEqual(400_000);
    expect(high(asked)).toBeLessThan(401_000);
  });

  test('a text file in base64 counts as its bytes, not as a document with pages', () => {
    const data = Buffer.from(LONG).toString('base64');
    const asked = conversation([
      { role: 'user', parts: [{ type: 'document', source: { type: 'base64', mediaType: 'text/csv', data } }] },
    ]);
    expect(high(asked)).toBeGreaterThanOrEqual(LONG.length);
    expect(high(asked)).toBeLessThan(LONG.length + 200);
  });

  test('signatures, and what is said of documents and of citations, are held', () => {
    const bare: Turn[] = [
      { role: 'user', parts: [{ type: 'document', source: { type: 'text', text: 'x' } }] },
      {
        role: 'assistant',
        parts: [
          { type: 'text', text: 'x' },
          { type: 'tool-call', id: 'a', name: 'f', arguments: '{}' },
        ],
      },
    ];
    const high = (turns: Turn[]) => estimateConversation(conversation(turns), claude).inputTokensHigh;
    const holding = (more: object, turn: number, part: number): Turn[] =>
      bare.map((one, t) => ({
        ...one,
        parts: one.parts.map((each, p) => (t === turn && p === part ? { ...each, ...more } : each)),
      })) as Turn[];
    expect(high(holding({ context: 'word '.repeat(500) }, 0, 0)) - high(bare)).toBeGreaterThan(500);
    for (const part of [0, 1])
      expect(high(holding({ signature: 'x'.repeat(4_000) }, 1, part)) - high(bare)).toBeGreaterThan(1_000);
    const citations = [{ source: { type: 'url', url: 'https://example.com/'.repeat(100) } }];
    expect(high(holding({ citations }, 1, 0)) - high(bare)).toBeGreaterThan(300);
  });

  test('encrypted reasoning counts, since the vendor puts its full text back in', () => {
    const asked = conversation([
      { role: 'assistant', parts: [{ type: 'redacted-reasoning', data: 'x'.repeat(8_000) }] },
    ]);
    expect(high(asked, claude)).toBeGreaterThanOrEqual(4_000);
  });

  test('the system prompt that Claude gets with tools counts', () => {
    const asked = conversation([user('Hello')], { tools: [{ name: 'f' }] });
    expect(high(asked, claude) - high(conversation([user('Hello')]), claude)).toBeGreaterThanOrEqual(804);
  });

  test('another tokenizer than OpenAI’s is given more room, but no more than a token a byte', () => {
    expect(high(conversation([user(LONG)]), claude)).toBeGreaterThan(high(conversation([user(LONG)])));
    const bytes = '\u0001'.repeat(1_000);
    expect(estimateTokensHigh(bytes, claude)).toBe(1_000);
  });

  test('a second target gets an estimate of its own', () => {
    const asked = conversation([{ role: 'user', parts: [image] }]);
    expect(high(asked, { ...gpt, maxImageTokens: 70_000 }) - high(asked)).toBe(68_500);
  });

  test('low is below high and counts the words of all turns', () => {
    const { inputTokensLow, inputTokensHigh } = estimateConversation(conversation([user(LONG), user(LONG)]), gpt);
    expect(inputTokensLow).toBeGreaterThanOrEqual(2 * estimateTokensLow(LONG));
    expect(inputTokensLow).toBeGreaterThan(400);
    expect(inputTokensLow).toBeLessThan(inputTokensHigh);
  });
});

/** Input tokens as the vendor counted them, cached ones included; undefined where it told none. */
const recordedInput = (recording: Recording): number | undefined => {
  const bodies = isStreamed(recording)
    ? sseEventsOf(recordedResponse(recording).toString('utf8')).flatMap(({ data }) =>
        typeof data === 'string' && data.startsWith('{') ? [JSON.parse(data)] : [],
      )
    : [recordedBody(recording)];
  const counts = bodies.flatMap((body) => {
    const usage = body?.usage ?? body?.message?.usage;
    if (usage === null || usage === undefined) return [];
    const exclusive = [usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens];
    return [usage.prompt_tokens ?? exclusive.reduce((sum: number, count?: number) => sum + (count ?? 0), 0)];
  });
  const most = Math.max(0, ...counts);
  return most === 0 ? undefined : most;
};

describeRecordings('estimateConversation on recorded traffic', () => {
  const surfaces: Record<string, Surface> = {
    openai: openaiChat,
    'openai-compatible': openaiChat,
    azure: openaiChat,
    anthropic: anthropicMessages,
  };
  const known = recordingsOf('openai', 'openai-compatible', 'azure', 'anthropic').flatMap((recording) => {
    const input =
      recording.request === null || recording.request.path.includes('embeddings')
        ? undefined
        : recordedInput(recording);
    return input === undefined ? [] : [{ id: recording.id, recording, input }];
  });

  test('there are enough of them to mean something', () => {
    expect(known.length).toBeGreaterThanOrEqual(25);
  });

  test.each(known)('$id: $input tokens lie between low and high', ({ recording, input }) => {
    const body = recordedRequest(recording);
    const surface = surfaces[recording.provider] ?? openaiChat;
    const decoded = surface.decodeRequest(body);
    if (!decoded.ok) throw new Error(decoded.problem.message);
    const estimate = estimateConversation(decoded.value, {
      model: String(body.model),
      dialect: surface.name,
      contextTokens: 200_000,
      maxImageTokens: 1_800,
      maxDocumentTokens: 200_000,
    });
    expect(estimate.inputTokensHigh).toBeGreaterThanOrEqual(input);
    expect(estimate.inputTokensLow).toBeLessThanOrEqual(input);
  });
});
