import { describe, expect, test } from '@jest/globals';
import { toSdkInput } from '../../../lambdas/adapters/bedrock/to-sdk-input.ts';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';

const BASE64 = 'AAECAw==';
const BYTES = Buffer.from([0, 1, 2, 3]);

const bodyWith = (...content: JsonObject[]): JsonObject => ({ messages: [{ role: 'user', content }] });

const media = (kind: string): JsonObject => ({ [kind]: { format: 'x', source: { bytes: BASE64 } } });

describe('a body for the SDK', () => {
  test.each(['image', 'document', 'video', 'audio'])('%s bytes become bytes, in results too', (kind) => {
    const converted = { [kind]: { format: 'x', source: { bytes: BYTES } } };
    const inResult = { toolResult: { toolUseId: 'a', content: [media(kind), { text: 't' }] } };
    expect(toSdkInput(bodyWith(media(kind), inResult))).toEqual({
      messages: [
        { role: 'user', content: [converted, { toolResult: { toolUseId: 'a', content: [converted, { text: 't' }] } }] },
      ],
    });
  });

  test('encrypted reasoning becomes bytes, signed reasoning stays', () => {
    const signed = { reasoningContent: { reasoningText: { text: 't', signature: BASE64 } } };
    expect(toSdkInput(bodyWith({ reasoningContent: { redactedContent: BASE64 } }, signed))).toEqual({
      messages: [{ role: 'user', content: [{ reasoningContent: { redactedContent: BYTES } }, signed] }],
    });
  });

  test('guarded images become bytes, also in the system prompt', () => {
    const guarded = { guardContent: { image: { format: 'png', source: { bytes: BASE64 } } } };
    const converted = { guardContent: { image: { format: 'png', source: { bytes: BYTES } } } };
    expect(toSdkInput({ ...bodyWith(guarded), system: [guarded] })).toEqual({
      messages: [{ role: 'user', content: [converted] }],
      system: [converted],
    });
  });

  test('what only looks like a blob stays', () => {
    const body = bodyWith(
      {
        toolUse: {
          toolUseId: 'a',
          name: 'n',
          input: { source: { bytes: BASE64 }, image: { source: { bytes: BASE64 } } },
        },
      },
      { document: { format: 'txt', name: 'd', source: { text: BASE64 } } },
      { toolResult: { toolUseId: 'a', content: [{ json: { image: { source: { bytes: BASE64 } } } }] } },
    );
    expect(toSdkInput(body)).toEqual(body);
  });

  test('the body itself is not changed: another attempt may be made from it', () => {
    const body = bodyWith(media('image'));
    toSdkInput(body);
    expect(body).toEqual(bodyWith(media('image')));
  });
});
