import { expect, test } from '@jest/globals';
import { LONGEST_SILENCE_MS } from '../../../lambdas/core/call/call-policy.ts';
import { CONFIG, chatStream, DONE, makeStory, says } from './story-fixture.ts';

const TOTAL_MS = 600_000;
const [target] = CONFIG.models['assistant']?.targets ?? [];
if (target === undefined) throw new Error('the fixture has no target');
const SLOW = {
  ...CONFIG,
  models: {
    assistant: { targets: [target], timeouts: { firstTokenMs: TOTAL_MS, idleMs: TOTAL_MS, totalMs: TOTAL_MS } },
  },
};

test('a plain answer ends before the front door cuts a silent connection, whatever the alias allows', async () => {
  const story = await makeStory({ a: [{ hang: true }] }, SLOW);
  const startedAt = story.clock.now();
  const reply = await story.ask();
  expect(reply.status).toBe(504);
  expect(story.clock.now() - startedAt).toBe(LONGEST_SILENCE_MS);
});

test('a stream may take the whole time of its alias', async () => {
  const story = await makeStory({ a: [chatStream([says('hi'), says(' there', LONGEST_SILENCE_MS), ...DONE])] }, SLOW);
  const startedAt = story.clock.now();
  const reply = await story.ask({ stream: true });
  expect(await story.read(reply)).toContain('[DONE]');
  expect(story.clock.now() - startedAt).toBeGreaterThanOrEqual(LONGEST_SILENCE_MS);
});
