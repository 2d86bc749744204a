import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { holdCeiling } from '../../../lambdas/core/admit/hold-ceiling.ts';
import { attemptFailure } from '../../../lambdas/core/call/attempt-failure.ts';
import type { AttemptRecord } from '../../../lambdas/core/call/call.ts';
import type { Charge, Conversation, Usage } from '../../../lambdas/core/conversation.ts';
import { attemptCost } from '../../../lambdas/core/settle/attempt-cost.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import { makeTarget } from '../call/call-fixture.ts';
import { makeCost } from './priced-scenes.ts';

const MILLION = 1_000_000n;
/** A nano-dollar an input token, ten an output token. */
const price = {
  input: MILLION,
  cachedInput: MILLION,
  cacheWrite5m: MILLION,
  cacheWrite1h: MILLION,
  output: 10n * MILLION,
};
const target = makeTarget('a', { price: { ...price, tiers: [], source: 'test' } });

const INPUT = 100;
const LIMIT = 50;
const admitted = (more: Partial<Conversation> = {}) => {
  const conversation = {
    maxOutputTokens: LIMIT,
    choices: 1,
    turns: [],
    tools: [],
    sameDialectOnly: [],
    costBearing: [],
    ...more,
  };
  return {
    isBudgeted: true,
    asked: { conversation, alias: { defaultOutputTokens: 1_000 } },
    plan: { estimateOf: () => ({ inputTokensLow: 1, inputTokensHigh: INPUT }) },
  } as unknown as Parameters<typeof attemptCost>[1];
};
const ceilingOf = ({ asked }: ReturnType<typeof admitted>) =>
  holdCeiling(target, asked.conversation, INPUT, asked.conversation.maxOutputTokens ?? 0);

const attempt = (more: Partial<AttemptRecord>): AttemptRecord => ({
  target,
  startedAt: 0,
  durationMs: 0,
  seenOutputTokens: 0,
  ...more,
});
const usage = (counts: Partial<Usage>): Usage => ({
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  ...counts,
});
const cut = attemptFailure('cut_off', { message: '' });

describe('what an attempt costs (docs/decisions/005)', () => {
  test('the vendor’s count wins over what was seen', () => {
    const told = usage({ inputTokens: 7, outputTokens: 3 });
    expect(attemptCost(attempt({ usage: told, seenOutputTokens: 40 }), admitted())).toEqual({
      cost: 37n,
      usage: told,
      isEstimated: false,
      billing: { service: 'standard', geo: '' },
      fees: 0n,
    });
  });

  test('a count beyond the ceiling is entered in full', () => {
    const told = usage({ inputTokens: 7_000, outputTokens: 3_000 });
    expect(attemptCost(attempt({ usage: told }), admitted())).toMatchObject({ cost: 37_000n, isEstimated: false });
  });

  test('broken off: the output that was seen, where that is more than the vendor had said', () => {
    const told = usage({ inputTokens: 7, outputTokens: 1 });
    expect(attemptCost(attempt({ usage: told, failure: cut, seenOutputTokens: 20 }), admitted())).toMatchObject({
      cost: 207n,
      isEstimated: true,
    });
    expect(attemptCost(attempt({ usage: told, failure: cut, seenOutputTokens: 1 }), admitted())).toMatchObject({
      cost: 17n,
      isEstimated: false,
    });
  });

  test('what was seen is estimated high: it never makes an overrun of its own', () => {
    const told = usage({ inputTokens: 7, outputTokens: 1 });
    expect(attemptCost(attempt({ usage: told, failure: cut, seenOutputTokens: 80 }), admitted()).cost).toBe(507n);
    expect(attemptCost(attempt({ failure: cut, seenOutputTokens: 80 }), admitted()).cost).toBe(ceilingOf(admitted()));
  });

  test('several choices may use the limit each', () => {
    const three = admitted({ choices: 3 });
    expect(attemptCost(attempt({ seenOutputTokens: 120 }), three)).toMatchObject({
      cost: 100n + 1_200n,
      usage: { outputTokens: 120 },
    });
    expect(attemptCost(attempt({ seenOutputTokens: 200 }), three).cost).toBe(ceilingOf(three));
  });

  test('no word from the vendor, though it may bill: the ceiling', () => {
    expect(attemptCost(attempt({ failure: cut }), admitted())).toEqual({
      cost: ceilingOf(admitted()),
      isEstimated: true,
    });
  });

  test('refused: nothing', () => {
    const refused = attemptFailure('server_error', { message: '' });
    expect(attemptCost(attempt({ failure: refused }), admitted())).toEqual({ cost: 0n, isEstimated: false });
  });

  test('an empty answer without a count costs its input', () => {
    expect(attemptCost(attempt({}), admitted())).toMatchObject({ cost: 100n, isEstimated: true });
  });

  test('content that counts as nothing is not free: one side told is kept, the other made up', () => {
    expect(attemptCost(attempt({ usage: usage({}), seenOutputTokens: 5 }), admitted())).toMatchObject({
      cost: 150n,
      isEstimated: true,
    });
    expect(attemptCost(attempt({ usage: usage({ outputTokens: 4 }) }), admitted())).toMatchObject({
      cost: 140n,
      isEstimated: true,
    });
    expect(
      attemptCost(attempt({ usage: usage({ cachedInputTokens: 9 }), seenOutputTokens: 5 }), admitted()),
    ).toMatchObject({ cost: 59n, isEstimated: true });
  });

  test('nothing generated and nothing counted, as a guardrail does: nothing', () => {
    expect(attemptCost(attempt({ usage: usage({}) }), admitted())).toMatchObject({ cost: 0n, isEstimated: false });
  });

  test('a count that is none (negative, broken, without end) is charged as if there were none: the ceiling', () => {
    const hostile = fc.oneof(
      fc.constantFrom(
        Number.NaN,
        Number.POSITIVE_INFINITY,
        Number.NEGATIVE_INFINITY,
        -1,
        -0.5,
        0.5,
        1e308,
        2 ** 53,
        1e12,
      ),
      fc.double({ max: -1e-9 }),
    );
    const fields = fc.constantFrom<keyof Usage>(
      'inputTokens',
      'cachedInputTokens',
      'cacheWrite1hTokens',
      'outputTokens',
    );
    fc.assert(
      fc.property(fields, hostile, fc.nat(100), (field, value, seenOutputTokens) => {
        const told = usage({ inputTokens: 10, outputTokens: 10, [field]: value });
        expect(attemptCost(attempt({ usage: told, seenOutputTokens }), admitted())).toEqual({
          cost: ceilingOf(admitted()),
          isEstimated: true,
        });
      }),
    );
  });

  test('whatever is told and seen: a cost from nothing up, and never an exception', () => {
    const anything = fc.oneof(fc.double(), fc.integer(), fc.nat(1_000));
    fc.assert(
      fc.property(
        fc.record({
          inputTokens: anything,
          cachedInputTokens: anything,
          cacheWrite5mTokens: anything,
          cacheWrite1hTokens: anything,
          outputTokens: anything,
          reasoningTokens: anything,
        }),
        fc.nat(1_000),
        fc.boolean(),
        (told, seenOutputTokens, isCut) => {
          const { cost, usage: counted } = attemptCost(
            attempt({ usage: told, seenOutputTokens, ...(isCut && { failure: cut }) }),
            admitted(),
          );
          expect(cost).toBeGreaterThanOrEqual(0n);
          for (const count of Object.values(counted ?? {})) expect(Number.isSafeInteger(count)).toBe(true);
        },
      ),
    );
  });
});

describe('what a vendor says it billed by (docs/decisions/016)', () => {
  const told = (billed: Usage['billed']) => usage({ inputTokens: 10, outputTokens: 10, ...(billed && { billed }) });
  const dear = makeTarget('a', {
    price: {
      ...price,
      tiers: [],
      source: 'test',
      services: { priority: { ...price, output: 20n * MILLION, tiers: [] } },
      geos: { us: 2_000 },
      fees: { webSearch: { low: 5n, medium: 6n, high: 7n } },
    },
  });
  const asking = (...charges: Charge[]) =>
    admitted({ costBearing: charges.map((charge) => makeCost('openai-chat', charge)) });
  const costOf = (target: Target, billed: Usage['billed'], asked = admitted(), more: Partial<AttemptRecord> = {}) =>
    attemptCost(attempt({ target, usage: told(billed), ...more }), asked);

  test('the tier that it names, asked for or not', () => {
    expect(costOf(dear, { service: 'priority' }).cost).toBe(210n);
    expect(costOf(dear, { service: 'standard' }, asking({ kind: 'service', service: 'priority' })).cost).toBe(110n);
  });

  test('none named: the dearest that the request allowed', () => {
    expect(costOf(dear, undefined, asking({ kind: 'service', service: 'priority' })).cost).toBe(210n);
    expect(costOf(dear, undefined, asking({ kind: 'service', service: 'auto' })).cost).toBe(210n);
    expect(costOf(dear, undefined).cost).toBe(110n);
  });

  test('a cheaper tier without a price costs the standard rates', () => {
    expect(costOf(dear, { service: 'flex' })).toMatchObject({ cost: 110n, isEstimated: false });
  });

  test('a dearer one without a price: the ceiling, or the count where that is more', () => {
    expect(costOf(dear, { service: 'ultrafast' })).toMatchObject({ cost: ceilingOf(admitted()), isEstimated: true });
    const much = usage({ inputTokens: 10_000, outputTokens: 10, billed: { service: 'ultrafast' } });
    expect(attemptCost(attempt({ target: dear, usage: much }), admitted()).cost).toBe(10_100n);
  });

  test('a place that it names, and one without a price', () => {
    expect(costOf(dear, { geo: 'us' }).cost).toBe(220n);
    expect(costOf(dear, { geo: '' }).cost).toBe(110n);
    expect(costOf(dear, { geo: 'mars' })).toMatchObject({ cost: ceilingOf(admitted()), isEstimated: true });
  });

  test('searches that nobody asked for are charged, at the dearest fee', () => {
    expect(costOf(dear, { webSearches: 2 })).toMatchObject({ cost: 124n, fees: 14n });
    expect(costOf(target, { webSearches: 2 })).toMatchObject({ isEstimated: true, cost: ceilingOf(admitted()) });
  });

  test('Responses tell of every search, Chat Completions of none: there all that were permitted are charged', () => {
    const asking = (dialect: 'openai-chat' | 'openai-responses') => {
      const search = makeCost(dialect, { kind: 'tool', tool: 'web-search', uses: 2, size: 'high' });
      const usage_ = usage({ inputTokens: 100, outputTokens: 1 });
      const record = attempt({ target: { ...dear, dialect }, usage: usage_ });
      return attemptCost(record, admitted({ costBearing: [search] })).fees;
    };
    expect([asking('openai-chat'), asking('openai-responses')]).toEqual([14n, 0n]);
  });

  test('broken off between two rounds of a tool: the ceiling', () => {
    const search = makeCost('openai-chat', { kind: 'tool', tool: 'web-search', uses: 1, size: 'low' });
    const asked = admitted({ costBearing: [search] });
    const { cost, isEstimated } = costOf(dear, undefined, asked, { failure: cut });
    expect(cost).toBe(holdCeiling(dear, asked.asked.conversation, INPUT, LIMIT));
    expect(isEstimated).toBe(true);
    expect(costOf(dear, { webSearches: 1 }, asked)).toMatchObject({ cost: 115n, isEstimated: false });
  });

  test('OpenAI’s writes cost what the life that was asked for does', () => {
    const long = makeTarget('a', { price: { ...price, cacheWrite1h: 3n * MILLION, tiers: [], source: 'test' } });
    const writes = usage({ cacheWrite5mTokens: 10, outputTokens: 1 });
    expect(attemptCost(attempt({ target: long, usage: writes }), admitted()).cost).toBe(20n);
    expect(attemptCost(attempt({ target: long, usage: writes }), asking({ kind: 'long-cache' })).cost).toBe(40n);
  });
});
