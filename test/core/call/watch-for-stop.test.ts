import { describe, expect, test } from '@jest/globals';
import { makeRunBook } from '../../../lambdas/core/admit/run-book.ts';
import { watchForStop } from '../../../lambdas/core/call/watch-for-stop.ts';
import { makeMemoryLog } from './call-fixture.ts';

const notAsked = () => Promise.reject(new Error('nothing asks the runs here'));
const NO_STORE = { enter: notAsked, leave: notAsked, read: notAsked, kill: notAsked };
const NO_RUNS = { team: 'search', ids: [] };
const ports = {
  runs: makeRunBook(NO_STORE),
  log: makeMemoryLog(),
  cancellations: { request: async () => {}, watch: () => () => {} },
};

describe("what a stop by the front door's signal means", () => {
  test.each([
    ['a client that hung up', undefined, 'client-gone'],
    ["a server's own error", new Error('socket'), 'client-gone'],
    ["a function's time being up", 'deadline', 'deadline'],
  ])('%s', (_, reason, outcome) => {
    const before = new AbortController();
    before.abort(reason);
    expect(watchForStop(before.signal, 'req_1', NO_RUNS, ports).signal.reason).toBe(outcome);

    const during = new AbortController();
    const watch = watchForStop(during.signal, 'req_1', NO_RUNS, ports);
    during.abort(reason);
    expect(watch.signal.reason).toBe(outcome);
  });
});
