import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { redactFields } from '../../../lambdas/core/call/redact-secrets.ts';
import type { JsonObject, JsonValue } from '../../../lambdas/core/conversation.ts';

const depthOf = (value: JsonValue): number =>
  typeof value === 'object' && value !== null
    ? 1 + Object.values(value).reduce<number>((most, one) => Math.max(most, depthOf(one)), 0)
    : 0;

describe('an error’s own fields', () => {
  test('any JSON comes out small and shallow, without the key, wherever it stood', () => {
    const key = 'provider/key';
    const text = fc.oneof(fc.string(), fc.constant(`see ${key}!`));
    const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'large' },
        text,
        fc.integer(),
        fc.constant(null),
        fc.array(tie('value')),
        fc.dictionary(text, tie('value')),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(text, value), (fields) => {
        const kept = redactFields(fields as JsonObject, key);
        if (kept === undefined) return;
        expect(JSON.stringify(kept)).not.toContain(key);
        expect(JSON.stringify(kept).length).toBeLessThanOrEqual(8_000);
        expect(depthOf(kept)).toBeLessThanOrEqual(9);
        expect(kept).not.toHaveProperty('message');
      }),
    );
  });

  test('what nests without end, or goes on without end, breaks nothing and hides no code', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as JsonValue;
    expect(redactFields({ deep, code: 'odd' })).toMatchObject({ code: 'odd' });
    const wide = Array.from({ length: 100_000 }, () => 'x');
    expect(redactFields({ wide, code: 'odd', param: 'p' })).toMatchObject({ code: 'odd', param: 'p' });
  });

  test('what is not the vendor’s to tell stays out, and nothing is not told', () => {
    expect(redactFields({ message: 'm', tollgate: { code: 'x' }, param: null })).toBeUndefined();
  });
});
