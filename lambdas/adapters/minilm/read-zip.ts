import { inflateRawSync } from 'node:zlib';

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const LONGEST_COMMENT = 65_535;

/**
 * One file out of a zip archive (a jar is one), by its own directory. Stored and deflated entries, no zip64.
 *
 * @throws {Error} where it has no such file, or is no such archive.
 */
export const readZipEntry = (zip: Buffer, name: string, mostBytes: number): Buffer => {
  let end = zip.length - END_BYTES;
  while (end >= 0 && zip.length - end <= END_BYTES + LONGEST_COMMENT && zip.readUInt32LE(end) !== END) end -= 1;
  if (end < 0 || zip.readUInt32LE(end) !== END) throw new Error('this is no zip archive');
  const count = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  for (let i = 0; i < count; i++) {
    if (zip.readUInt32LE(at) !== ENTRY) throw new Error('the archive’s directory is damaged');
    const nameLength = zip.readUInt16LE(at + 28);
    if (zip.toString('utf8', at + 46, at + 46 + nameLength) === name) return readEntry(zip, at, mostBytes);
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  throw new Error(`the archive has no ${name}`);
};

const readEntry = (zip: Buffer, at: number, mostBytes: number): Buffer => {
  const method = zip.readUInt16LE(at + 10);
  const packed = zip.readUInt32LE(at + 20);
  const local = zip.readUInt32LE(at + 42);
  if (zip.readUInt32LE(local) !== LOCAL) throw new Error('the archive’s entry is damaged');
  const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const bytes = zip.subarray(from, from + packed);
  if (method === 0) return bytes;
  if (method !== 8) throw new Error(`the archive packs in a way (${method}) that is not read here`);
  return inflateRawSync(bytes, { maxOutputLength: mostBytes });
};
