import { createHash, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Random } from '../ports.ts';

/**
 * A key is `tg_<id>_<secret><checksum>`: an id to look it up by (public, in logs), a secret of 32 base-62 characters
 * (190 bits) of which only the SHA-256 is stored, and a CRC-32 over all before it, so that a mistyped or cut key is told
 * from a wrong one without asking the store.
 */
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 12;
const SECRET_LENGTH = 32;
const CHECKSUM_LENGTH = 6;
const KEY = new RegExp(
  `^tg_([0-9A-Za-z]{${ID_LENGTH}})_([0-9A-Za-z]{${SECRET_LENGTH}})([0-9A-Za-z]{${CHECKSUM_LENGTH}})$`,
);

export interface ApiKey {
  /** The whole key, shown once and never stored. */
  key: string;
  id: string;
  /** SHA-256 of the secret, hex. */
  hash: string;
}

export const makeApiKey = (random: Random): ApiKey => {
  const id = randomText(random, ID_LENGTH);
  const secret = randomText(random, SECRET_LENGTH);
  return { key: `tg_${id}_${secret}${checksum(id, secret)}`, id, hash: hashSecret(secret) };
};

/** @returns undefined when the text is not a well-formed key: wrong shape or wrong checksum. */
export const parseApiKey = (text: string): { id: string; secret: string } | undefined => {
  const [, id, secret, sum] = KEY.exec(text) ?? [];
  if (id === undefined || secret === undefined || sum !== checksum(id, secret)) return undefined;
  return { id, secret };
};

export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Compares a presented secret with the stored hash, in time that does not depend on where they differ. */
export const secretMatches = (secret: string, hash: string): boolean => {
  const expected = Buffer.from(hash, 'hex');
  const presented = createHash('sha256').update(secret).digest();
  return expected.length === presented.length && timingSafeEqual(expected, presented);
};

/** Base-62 text without bias: bytes past the last whole multiple of 62 are thrown away. */
export const randomText = (random: Random, length: number): string => {
  const fair = 256 - (256 % ALPHABET.length);
  let text = '';
  while (text.length < length) {
    for (const byte of random.bytes(length * 2)) {
      if (byte < fair && text.length < length) text += ALPHABET[byte % ALPHABET.length];
    }
  }
  return text;
};

const checksum = (id: string, secret: string): string => {
  let rest = crc32(`tg_${id}_${secret}`);
  let text = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    text = ALPHABET[rest % ALPHABET.length] + text;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return text;
};
