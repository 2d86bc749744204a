import { afterEach, describe, expect, test } from '@jest/globals';
import { type ChaosUpstream, startChaosUpstream } from './chaos-upstream.ts';
import { faultAt, HEALTHY, type Phase } from './faults.ts';

const BROKEN: Phase['fault'] = { kind: 'status', status: 500 };
const kinds = (timeline: Phase[], calls: [number, number][]) =>
  calls.map(([call, sinceMs]) => faultAt(timeline, call, sinceMs).kind);

describe('a timeline', () => {
  test('goes by the time since it was planned, by the number of the call, or both', () => {
    expect(
      kinds(
        [{ fault: BROKEN, fromMs: 100, toMs: 200 }],
        [
          [1, 99],
          [1, 100],
          [9, 200],
          [9, 201],
        ],
      ),
    ).toEqual(['healthy', 'status', 'status', 'healthy']);
    expect(
      kinds(
        [{ fault: BROKEN, fromCall: 2, toCall: 3 }],
        [
          [1, 0],
          [2, 0],
          [3, 9_999],
          [4, 0],
        ],
      ),
    ).toEqual(['healthy', 'status', 'status', 'healthy']);
    expect(
      kinds(
        [{ fault: BROKEN, fromCall: 2, toMs: 10 }],
        [
          [1, 5],
          [2, 5],
          [2, 11],
        ],
      ),
    ).toEqual(['healthy', 'status', 'healthy']);
  });

  test('is healthy where nothing is planned, and the first phase that holds counts', () => {
    expect(faultAt([], 1, 0)).toBe(HEALTHY);
    expect(
      kinds(
        [{ fault: { kind: 'hang' }, toCall: 1 }, { fault: BROKEN }],
        [
          [1, 0],
          [2, 0],
        ],
      ),
    ).toEqual(['hang', 'status']);
  });
});

describe('the upstream', () => {
  let upstream: ChaosUpstream | undefined;
  afterEach(() => upstream?.stop());
  const ask = ({ origin }: ChaosUpstream, target: string, signal?: AbortSignal) =>
    fetch(`${origin}/${target}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ stream: true, messages: [{ role: 'user', content: 'client 7' }] }),
      ...(signal && { signal }),
    });

  test('fails a target on its own timeline, and logs who asked and how it ended', async () => {
    upstream = await startChaosUpstream();
    upstream.plan('a', [{ fault: BROKEN, toCall: 1 }]);
    expect((await ask(upstream, 'a')).status).toBe(500);
    expect(await (await ask(upstream, 'a')).text()).toContain('[DONE]');
    expect((await ask(upstream, 'b')).status).toBe(200);
    await upstream.whenQuiet();
    expect(upstream.callsOf('a').map(({ number, client, fault, end }) => [number, client, fault, end])).toEqual([
      [1, 7, 'status', 'completed'],
      [2, 7, 'healthy', 'completed'],
    ]);
  });

  test('logs a client that leaves as one that left, with what it was given', async () => {
    upstream = await startChaosUpstream({ piecesFor: () => ['one ', 'two ', 'three'] });
    upstream.plan('a', [{ fault: { kind: 'healthy', gapMs: 30 } }]);
    const leave = new AbortController();
    const reply = await ask(upstream, 'a', leave.signal);
    const reader = reply.body?.getReader();
    for (let text = ''; !text.includes('one '); ) text += Buffer.from((await reader?.read())?.value ?? []).toString();
    leave.abort();
    await upstream.whenQuiet();
    const [call] = upstream.calls;
    expect(call?.end).toBe('left');
    expect(call?.outputTokens).toBeGreaterThanOrEqual(1);
    expect(call?.outputTokens).toBeLessThan(3);
  });

  test('is lost and comes back at the same address', async () => {
    upstream = await startChaosUpstream();
    await upstream.goDown();
    await expect(ask(upstream, 'a')).rejects.toThrow();
    await upstream.comeBack();
    expect((await ask(upstream, 'a')).status).toBe(200);
  });

  test('speaks TLS that nobody trusts', async () => {
    upstream = await startChaosUpstream({ isUntrusted: true });
    await expect(ask(upstream, 'a')).rejects.toMatchObject({ cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' } });
    expect(upstream.calls).toEqual([]);
  });
});
