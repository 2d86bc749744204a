import { describe, expect, test } from '@jest/globals';
import { readBody } from '../../../lambdas/core/decode/read-body.ts';

const post = (body: ConstructorParameters<typeof Response>[0]) =>
  new Request('http://gateway.invalid/', { method: 'POST', body, duplex: 'half' } as RequestInit);

const refusalOf = async (body: ConstructorParameters<typeof Response>[0]) => {
  const read = await readBody(post(body));
  return read.ok ? undefined : read.refusal;
};

describe('reading a body', () => {
  test('JSON comes back as it was sent', async () => {
    expect(await readBody(post('{"a":[1,"ü"]}'))).toEqual({ ok: true, body: { a: [1, 'ü'] } });
  });

  test('malformed JSON is told by position, and none of the prompt travels into the message', async () => {
    const refusal = await refusalOf('{"messages": "my secret diary" oops}');
    expect(refusal?.code).toBe('invalid_request');
    expect(refusal?.message).toMatch(/position \d+/);
    expect(refusal?.message).not.toContain('diary');
  });

  test('an empty body and a body of half a JSON are invalid requests', async () => {
    expect((await refusalOf(''))?.code).toBe('invalid_request');
    expect((await refusalOf('{"model":'))?.code).toBe('invalid_request');
  });

  test('bytes that are not UTF-8 are refused, not repaired', async () => {
    const refusal = await refusalOf(Uint8Array.of(0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d));
    expect(refusal?.message).toContain('UTF-8');
  });

  test('a body over the bound is refused while it comes in, without a declared length', async () => {
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 65_536;
        controller.enqueue(new Uint8Array(65_536).fill(0x20));
      },
    });
    expect((await refusalOf(endless))?.code).toBe('request_too_large');
    expect(pulled).toBeLessThan(7 * 1024 * 1024);
  });

  test('escaping counts: 4 MB of quotes would be 8 MB inside the event', async () => {
    const quotes = JSON.stringify('"'.repeat(2_000_000));
    expect((await refusalOf(quotes))?.code).toBe('request_too_large');
    const letters = JSON.stringify('a'.repeat(4_000_000));
    expect(await refusalOf(letters)).toBeUndefined();
  });

  test('JSON nested beyond any sense is refused, however deep, and names the bound', async () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    expect(await refusalOf(nested(200))).toBeUndefined();
    for (const levels of [202, 100_000, 3_000_000])
      expect(await refusalOf(nested(levels))).toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining('deeper than 200 levels'),
      });
  });

  test('a body that breaks off is its sender’s fault, not the gateway’s', async () => {
    const broken = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(new Error('aborted'));
      },
    });
    expect(await refusalOf(broken)).toMatchObject({ code: 'invalid_request', shouldRetry: false });
  });
});
