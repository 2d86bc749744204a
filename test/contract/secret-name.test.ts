import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkConfig } from '../../lambdas/contract/check-config.ts';
import { isSecretName } from '../../lambdas/contract/secret-name.ts';

test('a name that may be put is one that a configuration may refer to, and no other', () => {
  const mayRefer = (name: string): boolean =>
    checkConfig({
      providers: { vendor: { kind: 'openai', apiKey: `secret:${name}` } },
      models: { m: { targets: [{ provider: 'vendor', model: 'gpt-5-2025-08-07' }] } },
    }).ok;
  const likely = fc.string({ unit: fc.constantFrom(...'aZ09/_+=.@- :é\n\\'), maxLength: 12 });
  fc.assert(
    fc.property(
      fc.oneof(
        likely,
        fc.string(),
        likely.map((text) => text.padEnd(257, 'x').slice(0, 256)),
      ),
      (name) => {
        expect(isSecretName(name)).toBe(mayRefer(name));
      },
    ),
  );
  expect([isSecretName('x'.repeat(256)), isSecretName('x'.repeat(257)), isSecretName('')]).toEqual([
    true,
    false,
    false,
  ]);
  expect([mayRefer('x'.repeat(256)), mayRefer('x'.repeat(257)), mayRefer('')]).toEqual([true, false, false]);
});
