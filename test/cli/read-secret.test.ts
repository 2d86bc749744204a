import { PassThrough } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { CommandFailed } from '../../lambdas/cli/output.ts';
import { readSecret, type SecretInput } from '../../lambdas/cli/read-secret.ts';

const KEY = 'sk-Example_0123456789';

/** What stands in a pipe, or is typed at a terminal, and what is to be seen there then. */
const read = async (bytes: (string | Buffer)[], { isTTY = false } = {}) => {
  const input = Object.assign(new PassThrough(), { isTTY }) as SecretInput & PassThrough;
  const prompt = new PassThrough();
  const value = readSecret('Value? ', { input, prompt });
  for (const part of bytes) input.write(part);
  if (!isTTY) input.end();
  try {
    return { value: await value, seen: String(prompt.read() ?? '') };
  } catch (error) {
    return { error: error as Error, seen: String(prompt.read() ?? '') };
  }
};

describe('a secret from a pipe', () => {
  test.each([
    [[KEY]],
    [[`${KEY}\n`]],
    [[`${KEY}\r\n`]],
    [[' ', KEY.slice(0, 5), `${KEY.slice(5)} \n\n`]],
    [[`\uFEFF${KEY}`]],
  ])('%j is the key alone, and nothing is asked', async (parts) => {
    expect(await read(parts)).toEqual({ value: KEY, seen: '' });
  });

  test.each([[''], ['\n'], [' \r\n\t ']])('%j is refused as empty', async (text) => {
    expect((await read([text])).error?.message).toContain('is empty');
  });

  test.each([
    ['two lines', `${KEY}\n${KEY}`],
    ['UTF-16, as some shells write it', Buffer.from(`\uFEFF${KEY}\n`, 'utf16le')],
    ['a typographic dash', KEY.replace('-', '–')],
    ['bytes that are no text', Buffer.from([0x73, 0xff, 0xfe])],
  ])('%s are refused, without a word of what they were', async (_, bytes) => {
    const { error } = await read([bytes]);
    expect(error).toBeInstanceOf(CommandFailed);
    expect(error?.message).not.toContain('Example');
  });

  test('of more than Secrets Manager takes is refused before it is all read', async () => {
    expect((await read(['x'.repeat(65_536), 'x'])).error?.message).toContain('65536 bytes');
    expect((await read(['x'.repeat(65_536)])).value).toHaveLength(65_536);
  });
});

describe('a secret at a terminal', () => {
  test('is asked for and not shown, and can be mended while it is typed', async () => {
    const { value, seen } = await read(['wrong', '\u0015', KEY, 'x\u007f', '\r'], { isTTY: true });
    expect(value).toBe(KEY);
    expect(seen).toBe('Value? \n');
  });

  test('that is pasted ends with its line', async () => {
    expect(await read([`${KEY}\n`], { isTTY: true })).toEqual({ value: KEY, seen: 'Value? \n' });
  });

  test.each([
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('is none after %s', async (_, typed) => {
    expect((await read([typed], { isTTY: true })).error?.message).toBe('Nothing was put.');
  });
});
