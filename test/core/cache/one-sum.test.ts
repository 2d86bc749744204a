import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { catalogue } from '../../../lambdas/catalogue/catalogue.ts';
import { FOCUS_HEADING, focusRows } from '../../../lambdas/cli/export/focus.ts';
import { parseUsd } from '../../../lambdas/contract/money.ts';
import { authenticate } from '../../../lambdas/core/authenticate/authenticate.ts';
import { type Embedded, EmbedderUnavailable } from '../../../lambdas/core/cache/embedder.ts';
import { embeddingCost } from '../../../lambdas/core/cache/embedding-cost.ts';
import { showUsage } from '../../../lambdas/core/lookups/usage.ts';
import { resolveGateway } from '../../../lambdas/core/route/resolve-gateway.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import type { Script } from '../call/scripted-upstream.ts';
import { AGAIN, ASKED, cachedConfig, KEPT, makeCachedStory, OTHER, SAME, VECTORS } from '../story/cached-story.ts';
import { CONFIG, chatAnswer } from '../story/story-fixture.ts';

/** $1.3 a million tokens, and a fee for every call. */
const embedderTarget = (): Target => {
  const resolved = resolveGateway(CONFIG, catalogue, 1, { available: () => true });
  const target = resolved.ok ? resolved.gateway.aliases.get('assistant')?.targets[0] : undefined;
  if (target === undefined) throw new Error('no target');
  const price = { ...target.price, input: 1_300_000_000n, fees: { ...target.price.fees, call: 7n } };
  return { ...target, id: 'v/m', contextTokens: 1_000, price };
};

const ANSWERS: Script[] = [
  chatAnswer(KEPT),
  chatAnswer(SAME),
  chatAnswer(OTHER, { prompt_tokens: 17, completion_tokens: 3, total_tokens: 20 }),
  { status: 500, body: '' },
  { broken: 'reset' },
  { status: 429, headers: { 'retry-after': '1' }, body: '{}' },
];

const steps = fc.record({
  words: fc.constantFrom(ASKED, AGAIN, 'Another question', 'A third one'),
  cache: fc.constantFrom(undefined, 'refresh', 'only', 'off'),
  stream: fc.boolean(),
  maxTokens: fc.constantFrom(1_000, 1_000, 60),
});

test('whatever is asked, kept, audited or broken: entries, accounts, usage, metrics and the export come to one sum', async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.array(steps, { minLength: 1, maxLength: 8 }),
      fc.array(fc.constantFrom(...ANSWERS), { minLength: 1, maxLength: 8 }),
      // What becomes of each vector in turn.
      fc.array(fc.constantFrom('well', 'well', 'well', 'breaks'), { minLength: 1, maxLength: 8 }),
      async (asked, answers, moods) => {
        const target = embedderTarget();
        let vectors = 0;
        /** What its maker bills for vectors. */
        let embedded = 0n;
        const embed = async (text: string): Promise<Embedded> => {
          const inputTokens = 1 + text.length;
          embedded += embeddingCost(target, inputTokens);
          if (moods[vectors++ % moods.length] === 'breaks') throw new EmbedderUnavailable('broken', { inputTokens });
          return { kind: 'vector', vector: Float32Array.from(VECTORS.get(text) ?? [0.6, 0.8, 0]), inputTokens };
        };
        const scene = await makeCachedStory(answers, {
          config: cachedConfig({ auditShare: 1 }),
          embedder: { target, embed },
        });
        try {
          for (const { words, cache, stream, maxTokens } of asked) {
            const headers: Record<string, string> = cache === undefined ? {} : { 'x-tollgate-cache': cache };
            await scene.say(words, { stream, max_tokens: maxTokens }, headers);
            await scene.clock.settle(scene.cache.settled());
            await scene.clock.advance(11_000);
          }
          const entries = await scene.entries();
          for (const { state, receipt } of entries) {
            expect(state).toBe('settled');
            const kind = receipt.cacheAudit === undefined ? (receipt.cache?.result ?? 'none') : 'audit';
            seen.add(`${kind}${receipt.cache?.embedding === undefined ? '' : ' with vector'}`);
          }
          const sum = entries.reduce((total, { cost }) => total + cost, 0n);
          const called = entries
            .flatMap(({ receipt }) => receipt.attempts)
            .reduce((total, { cost }) => total + BigInt(cost), 0n);
          expect(sum).toBe(called + embedded);

          expect(await scene.org()).toEqual(expect.objectContaining({ committed: sum, spent: sum, held: 0n }));

          const caller = await authenticate(new Headers({ authorization: `Bearer ${scene.key}` }), scene.ports);
          if (!caller.ok) throw new Error(caller.refusal.message);
          const usage = await showUsage(caller.caller, scene.ports, false, new Headers());
          if (!usage.ok) throw new Error('no usage');
          expect(usage.body).toMatchObject({ totals: { held_usd: 0, requests: entries.length } });
          const { totals } = usage.body as { totals: { spent_usd: number } };
          expect(parseUsd(totals.spent_usd)).toBe(sum);

          const metrics = await scene.metrics();
          const costBy = (dimension: string | undefined): bigint =>
            metrics
              .filter(({ dimensions }) => Object.keys(dimensions)[0] === dimension)
              .reduce((total, { values }) => total + BigInt(Math.round((values.CostUsd?.[0] ?? 0) * 1e9)), 0n);
          expect([undefined, 'Provider', 'Team', 'Alias'].map(costBy)).toEqual([sum, sum, sum, sum]);

          const at = FOCUS_HEADING.indexOf('BilledCost');
          const billed = entries
            .flatMap((entry) => focusRows({ ...entry, isCorrection: false }))
            .map((cells) => {
              const cell = cells[at];
              if (cell === null || cell === undefined || !('number' in cell)) throw new Error('a charge has no cost');
              return parseUsd(cell.number);
            });
          expect(billed.reduce((total, cost) => total + cost, 0n)).toBe(sum);
        } finally {
          scene.stores.close();
        }
      },
    ),
    { numRuns: 60 },
  );
  // It has been everywhere.
  expect([...seen]).toEqual(
    expect.arrayContaining(['audit with vector', 'audit', 'hit-semantic with vector', 'miss with vector', 'off']),
  );
}, 120_000);
