import { expect, test } from '@jest/globals';
import { readOptions } from '../../bench/options.ts';

test('by default the peers are left out and five rounds are run', () => {
  expect(readOptions([])).toMatchObject({ targets: ['direct', 'bare', 'tollgate'], rounds: 5, cellMs: 2000 });
});

test('--peers adds both, --quick shortens, and a number given wins', () => {
  const options = readOptions(['--peers', '--quick', '--rounds', '7']);
  expect(options).toMatchObject({
    targets: ['direct', 'bare', 'tollgate', 'portkey', 'litellm'],
    rounds: 7,
    cellMs: 400,
  });
});

test('--only keeps the direct call, which latencies are compared with', () => {
  expect(readOptions(['--only', 'portkey,bare'])?.targets).toEqual(['direct', 'bare', 'portkey']);
});

test.each([
  [['--only', 'kong'], /got "kong".*allowed are direct, bare/],
  [['--rounds', '0'], /--rounds: got "0"/],
  [['--seconds', ''], /--seconds: got ""/],
  [['--fast'], /--fast/],
])('%j is refused', (args, message) => {
  expect(() => readOptions(args)).toThrow(message);
});
