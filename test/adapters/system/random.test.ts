import { expect, test } from '@jest/globals';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';

test('no bytes are handed out twice, over many refills of the pool', () => {
  const seen = new Set<string>();
  for (let i = 0; i < 5_000; i++) seen.add(Buffer.from(systemRandom.bytes(16)).toString('hex'));
  expect(seen.size).toBe(5_000);
});

test('what was handed out stays as it is', () => {
  const first = systemRandom.bytes(32);
  const copy = Uint8Array.from(first);
  for (let i = 0; i < 1_000; i++) systemRandom.bytes(32);
  expect(first).toEqual(copy);
});

test.each([0, 1, 4_095, 4_096, 4_097, 100_000])('%i bytes are as many', (count) => {
  const bytes = systemRandom.bytes(count);
  expect(bytes.length).toBe(count);
  if (count > 64) expect(new Set(bytes).size).toBeGreaterThan(16);
});
