import { describe, expect, test } from '@jest/globals';
import { watchForStop } from '../../../lambdas/core/call/watch-for-stop.ts';

const ports = { cancellations: { request: async () => {}, watch: () => () => {} } };

describe("what a stop by the front door's signal means", () => {
  test.each([
    ['a client that hung up', undefined, 'client-gone'],
    ["a server's own error", new Error('socket'), 'client-gone'],
    ["a function's time being up", 'deadline', 'deadline'],
  ])('%s', (_, reason, outcome) => {
    const before = new AbortController();
    before.abort(reason);
    expect(watchForStop(before.signal, ['req_1'], ports).signal.reason).toBe(outcome);

    const during = new AbortController();
    const watch = watchForStop(during.signal, ['req_1'], ports);
    during.abort(reason);
    expect(watch.signal.reason).toBe(outcome);
  });
});
