import fc from 'fast-check';
import type { CachedAnswer } from '../../lambdas/core/cache/cache-stores.ts';
import type { Answer, AssistantPart, JsonValue, Stop } from '../../lambdas/core/conversation.ts';

const HOUR_MS = 60 * 60_000;

export const answerOf = (text: string): Answer => ({
  id: 'msg_1',
  model: 'claude-sonnet-4-5-20250929',
  parts: [{ type: 'text', text }],
  stop: { reason: 'end', raw: 'end_turn' },
});

export const cachedOf = (key: string, nowMs: number, more: Partial<CachedAnswer> = {}): CachedAnswer => ({
  tenant: '["team","acme","search"]',
  key,
  answer: answerOf(`answer to ${key}`),
  dropped: [],
  target: 'anthropic/claude-sonnet-4-5@eu',
  requestId: `req_${key}`,
  team: 'search',
  user: 'ada',
  alias: 'assistant',
  createdAt: nowMs,
  expiresAt: nowMs + HOUR_MS,
  ...more,
});

/** Whole UTF-16, lone halves of pairs included, as a model may write them. */
const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.constant('\ud83d'));
/** JSON knows no −0. */
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const part: fc.Arbitrary<AssistantPart> = fc.oneof(
  fc.record(
    {
      type: fc.constant('text' as const),
      text,
      signature: text,
      signedBy: fc.constantFrom('anthropic', 'google', 'openai'),
      citations: fc.array(
        fc.record(
          {
            span: fc.record({ start: fc.nat(), end: fc.nat() }),
            source: fc.record({ type: fc.constant('url' as const), url: fc.webUrl() }),
            title: text,
          },
          { requiredKeys: ['source'] },
        ),
      ),
      logprobs: fc.array(
        fc.record({ token: text, logprob: number, top: fc.array(fc.record({ token: text, logprob: number })) }),
      ),
    },
    { requiredKeys: ['type', 'text'] },
  ),
  fc.record({ type: fc.constant('tool-call' as const), id: text, name: text, arguments: fc.json() }),
  fc.record({ type: fc.constant('reasoning' as const), text, id: text }, { requiredKeys: ['type', 'text'] }),
  fc.record({ type: fc.constant('redacted-reasoning' as const), data: fc.base64String() }),
  fc.record({ type: fc.constant('refusal' as const), text }),
);
const stop: fc.Arbitrary<Stop> = fc.record(
  {
    reason: fc.constantFrom('end', 'length', 'stop-sequence', 'tool-calls', 'error', 'other'),
    raw: text,
    sequence: text,
    error: fc.record({
      status: fc.nat(),
      type: text,
      message: text,
      // Without −0, and with `__proto__` among its names.
      fields: fc.dictionary(fc.oneof(text, fc.constant('__proto__')), fc.jsonValue().map(plain)),
    }),
  },
  { requiredKeys: ['reason', 'raw'] },
);

function plain(value: unknown): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}

/** Any answer: all kinds of parts, with all that may or may not stand in them. */
export const anyAnswer: fc.Arbitrary<Answer> = fc
  .record(
    {
      id: text,
      model: text,
      parts: fc.array(part, { maxLength: 6 }),
      stop,
      alternatives: fc.array(fc.record({ parts: fc.array(part, { maxLength: 2 }), stop }), { maxLength: 2 }),
      usage: fc.record({
        inputTokens: fc.nat(),
        cachedInputTokens: fc.nat(),
        cacheWrite5mTokens: fc.nat(),
        cacheWrite1hTokens: fc.nat(),
        outputTokens: fc.nat(),
        reasoningTokens: fc.nat(),
      }),
      unsaid: fc.array(text),
    },
    { requiredKeys: ['id', 'model', 'parts', 'stop'] },
  )
  // Plain objects, as a decoder makes them.
  .map((answer) => structuredClone(answer));
