import { describe, expect, test } from '@jest/globals';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { ENTRY_LIFE_MS } from '../../../lambdas/core/retention.ts';
import { makeApp } from '../../../lambdas/gateway/app.ts';
import { chatAnswer, chatStream, makeStory, type Story, says } from '../story/story-fixture.ts';

const send = async (story: Story, body: unknown, { key = story.key, headers = {} as Record<string, string> } = {}) => {
  const reply = await story.clock.settle(
    Promise.resolve(
      makeApp(story.ports).request('/v1/feedback', {
        method: 'POST',
        headers: { 'x-api-key': key, ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    ),
  );
  return { status: reply.status, body: (await reply.json()) as Record<string, unknown> & { error?: Told } };
};

interface Told {
  message: string;
  tollgate: { code: string };
}

const receiptOf = async (story: Story, id: string | null) =>
  (
    await story.clock.settle(
      Promise.resolve(makeApp(story.ports).request(`/v1/receipts/${id}`, { headers: { 'x-api-key': story.key } })),
    )
  ).json() as Promise<Record<string, unknown>>;

const answered = async () => {
  const story = await makeStory({ a: [chatAnswer('hi')] });
  const id = (await story.ask()).headers.get('x-request-id');
  return { story, id };
};

const linesOf = (story: Story) => story.log.lines.filter(({ message }) => message === 'feedback');

describe('POST /v1/feedback', () => {
  test('is kept, shown in the receipt, and told to CloudWatch by model', async () => {
    const { story, id } = await answered();
    const { status, body } = await send(story, { request_id: id, score: 0.85, label: 'helpful' });
    expect(status).toBe(200);
    const given = { score: 0.85, label: 'helpful', given_at: '2026-11-22T12:00:00.000Z' };
    expect(body).toEqual({ object: 'feedback', request_id: id, ...given });
    expect(await receiptOf(story, id)).toMatchObject({ id, feedback: given });
    expect(linesOf(story)).toMatchObject([
      {
        fields: {
          request_id: id,
          target: 'a/m-1',
          'gen_ai.evaluation.score.value': 0.85,
          metrics: {
            dimensions: { Provider: 'a', Model: 'm-1' },
            values: { QualityScore: 0.85, FeedbackScore: 0.85 },
          },
        },
      },
    ]);
  });

  test('without any, the receipt says nothing of it', async () => {
    const { story, id } = await answered();
    expect(await receiptOf(story, id)).not.toHaveProperty('feedback');
  });

  test('once: the same again is taken as a repeat and counted no second time, another is refused with what is kept', async () => {
    const { story, id } = await answered();
    await send(story, { request_id: id, score: 1 });
    await story.clock.advance(60_000);
    const again = await send(story, { request_id: id, score: 1 });
    expect([again.status, again.body['given_at']]).toEqual([200, '2026-11-22T12:00:00.000Z']);
    for (const more of [{ score: 0 }, { score: 1, label: 'right' }]) {
      const other = await send(story, { request_id: id, ...more });
      expect([other.status, other.body.error?.tollgate.code]).toEqual([409, 'feedback_given']);
      expect(other.body.error?.message).toContain('already: 1.');
    }
    expect(linesOf(story)).toHaveLength(1);
  });

  test("another key's request does not exist, nor does one that nobody made", async () => {
    const { story, id } = await answered();
    const stranger = await story.makeKey();
    expect((await send(story, { request_id: id, score: 1 }, { key: stranger })).status).toBe(404);
    for (const unknown of ['req_', `${id}x`, '', 'req_zzzzzzzzz_15_0000000000000000', `${id}!`])
      expect((await send(story, { request_id: unknown, score: 1 })).status).toBe(404);
    expect(await receiptOf(story, id)).not.toHaveProperty('feedback');
  });

  test('without a key is refused before anything is read', async () => {
    const { story, id } = await answered();
    expect((await send(story, { request_id: id, score: 1 }, { key: 'tg_nobody' })).status).toBe(401);
  });

  test('comes late, as long as the entry is kept', async () => {
    const { story, id } = await answered();
    await story.clock.advance(ENTRY_LIFE_MS - 24 * 60 * 60_000);
    expect((await send(story, { request_id: id, score: 0.5 })).status).toBe(200);
  });

  test('of a request under way, or that nothing answered, is refused', async () => {
    const story = await makeStory({
      a: [{ status: 500, body: '' }, chatStream([says('hi')], 'hang')],
      b: [{ status: 500, body: '' }],
    });
    story.ports.gateway.aliases.get('assistant')?.targets.splice(1);
    const failed = (await story.ask()).headers.get('x-request-id');
    const none = await send(story, { request_id: failed, score: 1 });
    expect([none.status, none.body.error?.message]).toEqual([400, expect.stringContaining('Nothing answered')]);

    const reply = await story.ask({ stream: true });
    const open = await send(story, { request_id: reply.headers.get('x-request-id'), score: 1 });
    expect([open.status, open.body.error?.message]).toEqual([400, expect.stringContaining('under way')]);
    await reply.body?.cancel();
  });

  test('of a stream that was cut is taken: somebody read its beginning', async () => {
    const story = await makeStory({ a: [chatStream([says('hi')], 'close')] });
    const reply = await story.ask({ stream: true });
    await story.read(reply);
    expect((await send(story, { request_id: reply.headers.get('x-request-id'), score: 0 })).status).toBe(200);
  });

  test.each<[string, unknown, string]>([
    ['no JSON', '{"score":', 'JSON'],
    ['no object', [], 'object'],
    ['no id', { score: 1 }, 'request_id'],
    ['an id that is no text', { request_id: 1, score: 1 }, 'request_id'],
    ['no score', { request_id: 'x' }, 'score'],
    ['a score below', { request_id: 'x', score: -0.01 }, 'score'],
    ['a score beyond', { request_id: 'x', score: 1.01 }, 'score'],
    ['a score in words', { request_id: 'x', score: '1' }, 'score'],
    ['an empty label', { request_id: 'x', score: 1, label: '' }, 'label'],
    ['a label of 65', { request_id: 'x', score: 1, label: 'x'.repeat(65) }, 'label'],
    ['a comment for a label', { request_id: 'x', score: 1, label: 'my password is hunter2' }, 'label'],
    ['a control character', { request_id: 'x', score: 1, label: 'a\nb' }, 'label'],
    ['a misspelt field', { request_id: 'x', score: 1, lable: 'good' }, 'lable'],
  ])('%s is refused by name, and not repeated', async (_, body, said) => {
    const { story } = await answered();
    for (const headers of [{}, { 'anthropic-version': '2023-06-01' }]) {
      const reply = await send(story, body, { headers });
      expect([reply.status, reply.body.error?.tollgate.code]).toEqual([400, 'invalid_request']);
      expect(reply.body.error?.message).toContain(said);
      expect(JSON.stringify(reply.body)).not.toContain('hunter2');
    }
  });

  test('a store that is away says so, and nothing is counted', async () => {
    const { story, id } = await answered();
    const { feedback } = story.ports;
    story.ports.feedback = { ...feedback, give: () => Promise.reject(new StoreUnavailable('down')) };
    expect((await send(story, { request_id: id, score: 1 })).status).toBe(503);
    expect(linesOf(story)).toEqual([]);
    story.ports.feedback = feedback;
    expect((await send(story, { request_id: id, score: 1 })).status).toBe(200);
  });

  test('a write whose answer was lost and that was sent again is counted once', async () => {
    const { story, id } = await answered();
    const { feedback } = story.ports;
    // As the store's client does it: the same write twice, the second answer is told.
    story.ports.feedback = {
      ...feedback,
      give: async (one, expires) => {
        await feedback.give(one, expires);
        return feedback.give(one, expires);
      },
    };
    expect((await send(story, { request_id: id, score: 1 })).status).toBe(200);
    expect(linesOf(story)).toHaveLength(1);
  });
});
