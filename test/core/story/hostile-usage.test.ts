import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CONFIG, chatAnswer, makeStory } from './story-fixture.ts';

/** What a broken or hostile provider may write where a count belongs, as JSON text: not everything fits into a number. */
const count = fc.oneof(
  fc.constantFrom(
    '-1',
    '1e308',
    '1e999',
    '9007199254740991',
    '9007199254740993',
    '0',
    '0.5',
    'null',
    '"12"',
    '{}',
    '[]',
    'true',
  ),
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
);

const usage = fc
  .record({
    prompt_tokens: count,
    completion_tokens: count,
    total_tokens: count,
    prompt_tokens_details: fc.record({ cached_tokens: count, cache_write_tokens: count }),
    completion_tokens_details: fc.record({ reasoning_tokens: count }),
  })
  .map((fields) =>
    JSON.stringify(fields).replaceAll(
      /"((?:\\.|[^"\\])*)":"((?:\\.|[^"\\])*)"/g,
      (_, name, text) => `"${name}":${JSON.parse(`"${text}"`)}`,
    ),
  );

describe('a provider that counts nonsense', () => {
  test('every request is settled, never below nothing, and its accounts say what its entry says', async () => {
    await fc.assert(
      fc.asyncProperty(usage, async (told) => {
        const answer = chatAnswer('hello there', 'USAGE') as { status: number; body: string };
        const story = await makeStory({ a: [{ ...answer, body: answer.body.replace('"USAGE"', told) }] });
        expect((await story.ask()).status).toBe(200);
        const [entry] = await story.entries();
        expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'answered' } });
        expect(entry?.cost).toBeGreaterThan(0n);
        expect(await story.org()).toEqual(expect.objectContaining({ spent: entry?.cost, held: 0n }));
        expect(story.queue.size).toBe(0);
        expect(await story.underWay()).toBe(0);
        expect(story.log.lines.filter(({ level, message }) => level === 'warn' || /settlement/.test(message))).toEqual(
          [],
        );
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test('one that bills more than was held is entered in full, logged, and named in the receipt', async () => {
    const story = await makeStory({
      a: [chatAnswer('hi', { prompt_tokens: 10, completion_tokens: 5_000, total_tokens: 5_010 })],
    });
    await story.ask();
    const [entry] = await story.entries();
    const overrun = (entry?.cost ?? 0n) - (entry?.hold ?? 0n);
    expect(entry?.cost).toBe(500_100_000n);
    expect(entry?.receipt.overrun).toBe(String(overrun));
    expect(story.log.lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        fields: expect.objectContaining({ overrun_nano_usd: overrun, request_id: entry?.requestId }),
      }),
    );
    expect(await story.org()).toMatchObject({ spent: entry?.cost, committed: entry?.cost });
  });

  test('several choices are held and charged each', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] }, CONFIG);
    await story.ask({ n: 3, max_tokens: 100 });
    const [three] = await story.entries();
    await story.ask({ max_tokens: 100 });
    const [one] = await story.entries();
    // Input is held once, output three times: 2 × 100 tokens at $100 a million more.
    expect((three?.hold ?? 0n) - (one?.hold ?? 0n)).toBe(20_000_000n);
  });
});
