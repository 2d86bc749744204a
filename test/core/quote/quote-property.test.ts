import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import type { AnswerCache } from '../../../lambdas/core/cache/answer-cache.ts';
import { quoteRequest } from '../../../lambdas/core/quote/quote-request.ts';
import type { Receipt } from '../../../lambdas/core/receipt.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';
import { CONFIG, chatAnswer, makeStory, type Story } from '../story/story-fixture.ts';

interface World {
  monthly: string | undefined;
  downgradeAt: number | undefined;
  withoutStandIn: 'allow' | 'reject';
  daily: string | undefined;
  clamps: boolean;
  tokensPerMinute: number | undefined;
  requestsPerMinute: number;
  calls: number | undefined;
  model: 'assistant' | 'small';
  /** Output limits of what was asked before, and tokens that each was answered with. */
  before: { maxTokens: number; answered: number }[];
  maxTokens: number;
  /** What the vector of its question may cost, nano-USD. */
  vector: bigint;
}

const targetAt = (model: string, input: string, output: string) => ({
  ...{ provider: 'a' as const, model, price: { inputPerMTok: input, outputPerMTok: output } },
  ...{ contextTokens: 100_000, maxOutputTokens: 8_000 },
});

const configOf = (world: World): GatewayConfig => ({
  ...CONFIG,
  models: {
    assistant: {
      targets: [targetAt('dear', '10', '100')],
      downgradeTo: 'small',
      output: { default: 2_000, floor: 50 },
      cache: { exact: '1h' },
    },
    small: { targets: [targetAt('small', '1', '10')], cache: { exact: '1h' } },
  },
  budgets: {
    ...(world.monthly !== undefined && {
      org: {
        monthly: world.monthly,
        ...(world.downgradeAt !== undefined && {
          downgradeAt: world.downgradeAt,
          withoutStandIn: world.withoutStandIn,
        }),
      },
    }),
    ...(world.daily !== undefined && {
      perUser: { daily: world.daily, ...(world.clamps && { backPressure: 'clamp' as const }) },
    }),
    ...(world.tokensPerMinute !== undefined && {
      perKey: { tokensPerMinute: world.tokensPerMinute, ...(world.clamps && { backPressure: 'clamp' as const }) },
    }),
    ...(world.calls !== undefined && { perRun: { calls: world.calls } }),
  },
  limits: { perKey: { requestsPerMinute: world.requestsPerMinute } },
});

const worlds = fc.record<World>({
  monthly: fc.constantFrom(undefined, '$0.1', '$0.1', '$0.2', '$1'),
  downgradeAt: fc.constantFrom(undefined, 0.85, 0.95),
  withoutStandIn: fc.constantFrom('allow', 'reject'),
  daily: fc.constantFrom(undefined, '$0.03', '$0.1', '$0.2'),
  clamps: fc.boolean(),
  tokensPerMinute: fc.constantFrom(undefined, 1_000, 3_000, 100_000),
  requestsPerMinute: fc.constantFrom(2, 600),
  calls: fc.constantFrom(undefined, 1, 2, 100),
  model: fc.constantFrom('assistant', 'small'),
  before: fc.array(
    fc.record({
      maxTokens: fc.integer({ min: 1, max: 2_000 }),
      answered: fc.constantFrom(0, 10, 400, 850, 880, 920, 1_900),
    }),
    {
      maxLength: 4,
    },
  ),
  maxTokens: fc.integer({ min: 1, max: 2_500 }),
  vector: fc.constantFrom(0n, 5_000_000n, 60_000_000n),
});

/** A cache that keeps nothing, and notes what is held for the vectors that it would buy. */
const cacheOf = (ceiling: bigint, held: (besides: bigint) => void): AnswerCache => ({
  consult: () => ({
    ok: true,
    consultation: {
      ceiling,
      start: () => undefined,
      answerOr: (request, { asked }, call) => {
        held(asked.besides ?? 0n);
        return call(request);
      },
      kept: async () => undefined,
    },
  }),
  settled: async () => undefined,
});

const headersOf = ({ calls }: World): Record<string, string> =>
  calls === undefined ? {} : { 'x-tollgate-run': 'job' };

/** What one is told, in the words of a quote. */
interface Told {
  admitted: boolean;
  route: string[];
  output_limit: { tokens: number; set_by: string };
  budget: Receipt['budget'] | null;
  refusal: { code: string; scope: string | null; retry_at: string | null } | null;
}

const quoteIn = async (story: Story, world: World): Promise<Told & { max_cost_usd: number }> => {
  const request = new Request('http://gateway/v1/quote', {
    method: 'POST',
    headers: { authorization: `Bearer ${story.key}`, ...headersOf(world) },
    body: JSON.stringify({
      model: world.model,
      max_tokens: world.maxTokens,
      messages: [{ role: 'user', content: 'hello' }],
    }),
  });
  const reply = await story.clock.settle(quoteRequest(request, openaiChat, story.ports));
  expect(reply.status).toBe(200);
  return (await reply.json()) as Told & { max_cost_usd: number };
};

const usage = (output: number) => ({ prompt_tokens: 10, completion_tokens: output, total_tokens: 10 + output });

describe('a quote', () => {
  test('says what becomes of the same request a moment later', async () => {
    const endings = new Set<string>();
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        const answers = [...world.before, { answered: 1 }].map(({ answered }) => chatAnswer('hi', usage(answered)));
        const story = await makeStory({ a: answers }, configOf(world));
        let besides = 0n;
        story.ports.cache = cacheOf(world.vector, (held) => {
          besides = held;
        });
        for (const { maxTokens } of world.before)
          await story.ask({ model: world.model, max_tokens: maxTokens }, { headers: headersOf(world) });

        const said = await quoteIn(story, world);
        const entriesBefore = (await story.entries()).length;
        const reply = await story.ask(
          { model: world.model, max_tokens: world.maxTokens },
          { headers: headersOf(world) },
        );
        const entries = await story.entries();

        if (reply.status === 200) {
          const [entry] = entries;
          if (entry === undefined) throw new Error('an answer has an entry');
          const { plan, outputLimit, budget } = entry.receipt;
          expect(said).toMatchObject({
            admitted: true,
            route: plan.targets,
            output_limit: { tokens: outputLimit?.tokens, set_by: outputLimit?.setBy },
            budget,
            refusal: null,
          });
          expect(said.max_cost_usd).toBeCloseTo(Number(entry.hold) / 1e9, 9);
          endings.add(`${budget.state} ${outputLimit?.setBy} ${plan.targets}`);
          expect([0n, world.vector]).toContain(besides);
          if (besides < world.vector) endings.add(`no vector: ${world.model} ${outputLimit?.setBy} ${plan.targets}`);
          return;
        }
        const { error } = (await reply.json()) as { error: { tollgate: NonNullable<Told['refusal']> } };
        const { code, scope, retry_at = null } = error.tollgate;
        expect(said).toMatchObject({ admitted: false, budget: null, refusal: { code, scope, retry_at } });
        expect(entries).toHaveLength(entriesBefore);
        endings.add(`${code} ${scope?.split(' ')[0]}`);
      }),
      { numRuns: 250, seed: 20_261_122 },
    );
    // It has been everywhere.
    expect([...endings].toSorted()).toEqual(
      expect.arrayContaining([
        'budget_exceeded org',
        'budget_exceeded run',
        'budget_exceeded user',
        'downgrade client a/small',
        'no vector: assistant client a/dear',
        'no vector: assistant client a/small',
        'no vector: assistant clamp a/dear',
        'ok clamp a/dear',
        'ok client a/dear',
        'rate_limit_exceeded key',
        'warn clamp a/dear',
        'warn client a/dear',
      ]),
    );
  }, 60_000);
});
