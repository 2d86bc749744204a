import { describe, expect, test } from '@jest/globals';
import type { Script } from '../call/scripted-upstream.ts';
import { CONFIG, chatStream, DONE, makeStory, says } from './story-fixture.ts';

const BEAT = ': waiting\n\n';

/** One target, or two, whose clients hear something every second. */
const storyOf = (scripts: Record<string, Script[]>) => {
  const targets = (CONFIG.models['assistant']?.targets ?? []).filter(({ provider }) => provider in scripts);
  const timeouts = { heartbeatMs: 1_000, firstTokenMs: 5_000, idleMs: 8_000 };
  return makeStory(scripts, { ...CONFIG, models: { assistant: { targets, timeouts } } });
};

const ask = async (story: Awaited<ReturnType<typeof makeStory>>, signal?: AbortSignal) =>
  story.ask({ stream: true }, signal === undefined ? {} : { signal });

describe('a client that is kept company', () => {
  test('hears nothing of it while the answer comes in time', async () => {
    const story = await storyOf({ a: [chatStream([says('Hi', 900), says(' there', 900), ...DONE])] });
    const reply = await ask(story);
    expect(reply.headers.get('x-tollgate-model')).toBe('a/m-1');
    const said = await story.read(reply);
    expect(said).toContain('there');
    expect(said).not.toContain(BEAT);
  });

  test('gets its 200 with the first comment, and the answer behind it', async () => {
    const story = await storyOf({ a: [chatStream([says('Hi', 3_500), ...DONE])] });
    const { clock } = story;
    const askedAt = clock.now();
    const reply = await ask(story);
    expect(clock.now() - askedAt).toBe(1_000);
    expect(reply.status).toBe(200);
    expect(reply.headers.get('x-tollgate-model')).toBeNull();
    expect(reply.headers.get('x-request-id')).toMatch(/^req_/);
    const said = await story.read(reply);
    expect(said.split(BEAT)).toHaveLength(3);
    expect(said.trimEnd().endsWith('[DONE]')).toBe(true);
    const [entry] = await story.entries();
    expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'answered', answeredBy: 'a/m-1' } });
  });

  test('hears something in the pauses of an answer as well, between its events', async () => {
    const story = await storyOf({ a: [chatStream([says('Hi'), says(' there', 2_500), ...DONE])] });
    const said = await story.read(await ask(story));
    expect(said.split(BEAT)).toHaveLength(3);
    for (const block of said.split('\n\n')) expect(block).toMatch(/^(data: .*|: waiting|)$/);
  });

  test('is told of a failure inside the stream, by the surface’s own event, and nothing is charged', async () => {
    const story = await storyOf({ a: [{ status: 500, body: '', afterMs: 2_500 }] });
    const reply = await ask(story);
    expect(reply.status).toBe(200);
    const said = await story.read(reply);
    expect(said).toContain('"error"');
    expect(said).not.toContain('[DONE]');
    const [entry] = await story.entries();
    expect(entry).toMatchObject({ state: 'settled', cost: 0n, receipt: { outcome: 'failed' } });
    expect(await story.underWay()).toBe(0);
  });

  test('is answered by the backup of a target that stalls', async () => {
    const story = await storyOf({ a: [{ hang: true }], b: [chatStream([says('from b'), ...DONE])] });
    const said = await story.read(await ask(story));
    expect(said).toContain('from b');
    const [entry] = await story.entries();
    expect(entry?.receipt.attempts.map(({ failure }) => failure)).toEqual(['first_token_timeout', undefined]);
  });

  test.each(['reader', 'signal'] as const)('and leaves (%s) stops the vendor, and is settled', async (how) => {
    const story = await storyOf({ a: [{ hang: true }] });
    const client = new AbortController();
    const reply = await ask(story, client.signal);
    if (how === 'signal') client.abort('client-gone');
    await story.clock.settle(reply.body?.cancel() ?? Promise.resolve());
    await story.clock.flush();
    expect(story.upstream.calls[0]?.isOpen).toBe(false);
    const [entry] = await story.entries();
    expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'client-gone' } });
    expect(story.watches()).toBe(0);
    expect(story.clock.timers()).toBe(0);
  });

  test('can be cancelled before anybody has answered, and is told so', async () => {
    const story = await storyOf({ a: [{ hang: true }] });
    const reply = await ask(story);
    await story.ports.cancellations.request(reply.headers.get('x-request-id') ?? '');
    const said = await story.read(reply);
    expect(said).toContain('cancelled');
    expect((await story.entries())[0]).toMatchObject({ state: 'settled', receipt: { outcome: 'cancelled' } });
    expect(story.watches()).toBe(0);
  });

  test('does not read: no comments are piled up for it', async () => {
    const story = await storyOf({ a: [chatStream([says('Hi', 4_000), ...DONE])] });
    const reply = await ask(story);
    await story.clock.advance(60_000);
    const said = await story.read(reply);
    expect(said.split(BEAT).length).toBeLessThanOrEqual(3);
    expect(story.watches()).toBe(0);
  });
});

test('a plain answer has no comments', async () => {
  const story = await storyOf({ a: [{ status: 500, body: '', afterMs: 2_500 }] });
  expect((await story.ask()).status).toBe(502);
});
