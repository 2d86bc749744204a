import { describe, expect, test } from '@jest/globals';
import type { Target } from '../../../lambdas/core/target.ts';
import { simulator } from '../../../lambdas/providers/simulator/simulator.ts';

const target = (seed?: number) =>
  ({
    model: 'slow-5',
    provider: { name: 'demo', kind: 'simulator', baseUrl: '', ...(seed === undefined ? {} : { seed }) },
  }) as Target;

describe('the simulator as a provider', () => {
  test('calls the model by its name with the seed of the configuration', () => {
    const body = { messages: [] };
    expect(simulator.call({ target: target(7), body, stream: true, requestId: 'req_1' })).toEqual({
      transport: 'simulator',
      model: 'slow-5',
      body,
      stream: true,
      seed: 7,
      requestId: 'req_1',
    });
    expect(simulator.call({ target: target(), body, stream: false, requestId: 'req_1' })).toMatchObject({ seed: 0 });
  });

  test.each([
    [429, 'rate_limited', 5000],
    [503, 'overloaded', 5000],
    [500, 'server_error', 5000],
    [401, 'unauthorized', 5000],
    [404, 'not_found', 5000],
    [400, 'bad_request', 5000],
  ])('%d means %s, and its retry-after is kept', (status, reason, retryAfterMs) => {
    expect(simulator.mapError({ status, type: '', message: 'm' }, { 'retry-after': '5' })).toMatchObject({
      reason,
      status,
      message: 'm',
      retryAfterMs,
    });
  });
});
