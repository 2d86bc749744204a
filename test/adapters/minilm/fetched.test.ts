import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { MODEL } from '../../../lambdas/adapters/minilm/artefacts.ts';
import { openMiniLm } from '../../../lambdas/adapters/minilm/make-minilm-embedder.ts';
import { readZipEntry } from '../../../lambdas/adapters/minilm/read-zip.ts';

const inFolder = async (run: (folder: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-models-'));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

test('without the model the embedder is off and says what to do', () =>
  inFolder(async (folder) => {
    expect(await openMiniLm(folder)).toEqual({ kind: 'off', why: expect.stringContaining('npm run fetch-model') });
  }));

test('a model that is not the pinned one is refused, not used', () =>
  inFolder(async (folder) => {
    writeFileSync(join(folder, MODEL.name), 'another');
    await expect(openMiniLm(folder)).rejects.toThrow(/checksum/);
  }));

/** An archive as zip writes it, with one entry of each way of packing. */
const archive = (entries: [string, string, 0 | 8][], comment = ''): Buffer => {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, text, method] of entries) {
    const data = method === 8 ? deflateRawSync(text) : Buffer.from(text);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    local.writeUInt16LE(4, 28);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(method, 10);
    entry.writeUInt32LE(data.length, 20);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(at, 42);
    const whole = Buffer.concat([local, Buffer.from(name), Buffer.alloc(4), data]);
    locals.push(whole);
    directory.push(entry, Buffer.from(name));
    at += whole.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(at, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...locals, ...directory, end, Buffer.from(comment)]);
};

test('a file comes out of an archive by its name, packed or not, whatever comment follows', () => {
  const zip = archive(
    [
      ['a.txt', 'stored', 0],
      ['b.txt', 'deflated '.repeat(50), 8],
    ],
    'a comment',
  );
  expect(readZipEntry(zip, 'a.txt', 1_000).toString()).toBe('stored');
  expect(readZipEntry(zip, 'b.txt', 1_000).toString()).toBe('deflated '.repeat(50));
});

test('what is no archive, has no such file, packs otherwise or unpacks to too much is refused', () => {
  const zip = archive([['b.txt', 'deflated '.repeat(50), 8]]);
  expect(() => readZipEntry(Buffer.from('hello'), 'a', 10)).toThrow(/no zip/);
  expect(() => readZipEntry(zip, 'c.txt', 10)).toThrow(/no c.txt/);
  expect(() => readZipEntry(zip, 'b.txt', 100)).toThrow();
  expect(() => readZipEntry(archive([['a', 'x', 9 as 0]]), 'a', 10)).toThrow(/packs/);
});
