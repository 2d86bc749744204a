import { describe, expect, test } from '@jest/globals';
import type { SecretStore } from '../../../lambdas/core/ports.ts';
import { answers, expectKind, fails, makeScene, makeTarget } from './call-fixture.ts';

const targets = [makeTarget('a', { apiKey: 'secret:vendor/a' }), makeTarget('b')];

/** A store whose value changes when it is read anew. */
const rotating = (cached: string | undefined, fresh: string | undefined): SecretStore & { refreshes: number } => {
  let value = cached;
  return {
    refreshes: 0,
    async read(_, options) {
      if (options?.refresh) {
        this.refreshes += 1;
        value = fresh;
      }
      return value;
    },
  };
};

describe('the provider key', () => {
  test('of a target that is found to hang meanwhile: the next one is asked, and nobody waits for the first', async () => {
    const scene = makeScene({ a: [{ hang: true }], b: [answers()] }, { targets });
    const board = scene.ports.circuitBoard;
    let leave = (): void => {};
    scene.ports.circuitBoard = {
      ...board,
      startWaiting: (target, waiting) => {
        if (target === 'a') leave = waiting.leave;
        return board.startWaiting(target, waiting);
      },
    };
    scene.ports.secrets = {
      read: async () => {
        leave();
        return 'k';
      },
    };
    const from = scene.clock.now();
    expectKind(await scene.call(), 'answered');
    expect(scene.clock.now() - from).toBe(0);
  });

  test('is sent where the provider names one', async () => {
    const { call, upstream } = makeScene(
      { a: [answers()], b: [answers()] },
      { targets, secrets: rotating('k1', 'k1') },
    );
    expectKind(await call(), 'answered');
    expect(upstream.calls[0]?.apiKey).toBe('k1');
  });

  test.each([[undefined], ['']])(
    'that is missing (%j) makes no call, names its reference, and costs no attempt',
    async (value) => {
      const { call, upstream } = makeScene(
        { a: [answers()], b: [answers()] },
        { targets, secrets: rotating(value, value) },
      );
      const result = expectKind(await call({ attempts: 1 }), 'answered');
      expect(upstream.calls.map(({ host }) => host)).toEqual(['b']);
      expect(result.attempts[0]?.failure).toMatchObject({
        reason: 'unauthorized',
        message: expect.stringContaining('secret:vendor/a'),
        mayBeBilled: false,
        countsAgainstCircuit: false,
      });
    },
  );

  test('that takes its time is no part of the vendor’s time', async () => {
    const scene = makeScene({ a: [answers(undefined, 40)] }, { targets: [makeTarget('a', { apiKey: 'env:A' })] });
    scene.ports.secrets = {
      async read() {
        await scene.clock.sleep(300);
        return 'k';
      },
    };
    const { attempts } = expectKind(await scene.call(), 'answered');
    expect(attempts).toMatchObject([{ startedAt: scene.startedAt + 300, durationMs: 40 }]);
  });

  test('of a store that is down fails that target alone, and the log has the error', async () => {
    const down = new Error('store down');
    const read = async () => {
      throw down;
    };
    const { call, log } = makeScene({ a: [answers()], b: [answers()] }, { targets, secrets: { read } });
    expect(expectKind(await call(), 'answered').target.id).toBe('b');
    expect(log.lines).toContainEqual(
      expect.objectContaining({ level: 'error', fields: expect.objectContaining({ error: down }) }),
    );
  });

  test('that the vendor turns down is read anew, and a changed one is tried at once', async () => {
    const secrets = rotating('old', 'new');
    const { call, upstream, clock, startedAt } = makeScene(
      { a: [fails(401), answers()], b: [answers()] },
      { targets, secrets },
    );
    const result = expectKind(await call(), 'answered');
    expect(upstream.calls.map(({ host, apiKey }) => [host, apiKey])).toEqual([
      ['a', 'old'],
      ['a', 'new'],
    ]);
    expect(result.attempts.map(({ failure }) => failure?.reason)).toEqual(['unauthorized', undefined]);
    expect([secrets.refreshes, clock.now()]).toEqual([1, startedAt]);
  });

  test('that is the same when read anew is not tried again', async () => {
    const { call, upstream } = makeScene({ a: [fails(401)], b: [answers()] }, { targets, secrets: rotating('k', 'k') });
    expect(expectKind(await call(), 'answered').target.id).toBe('b');
    expect(upstream.calls.map(({ host }) => host)).toEqual(['a', 'b']);
  });

  test('is read anew once a call, however often it changes', async () => {
    let reads = 0;
    const read = async () => `k${reads++}`;
    const { call, upstream } = makeScene({ a: [fails(401)], b: [answers()] }, { targets, secrets: { read } });
    expectKind(await call(), 'answered');
    expect(upstream.calls.map(({ host }) => host)).toEqual(['a', 'a', 'b']);
  });

  test('tried anew counts as an attempt', async () => {
    const { call, upstream } = makeScene(
      { a: [fails(401), answers()], b: [answers()] },
      { targets, secrets: rotating('old', 'new') },
    );
    expectKind(await call({ attempts: 1 }), 'failed');
    expect(upstream.calls).toHaveLength(1);
  });

  test('never stands in a message, a log line or a result', async () => {
    const key = 'plain words, very-secret';
    const told = fails(401, {}, `Incorrect API key provided: ${key}`);
    const { call, log } = makeScene({ a: [told], b: [fails(401)] }, { targets, secrets: rotating(key, key) });
    const result = expectKind(await call(), 'failed');
    const shown = JSON.stringify([log.lines, result.refusal, result.attempts.map(({ failure }) => failure)]);
    expect(shown).not.toContain('very-secret');
  });
});
