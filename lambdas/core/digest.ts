import { createHash } from 'node:crypto';

/** Letters and digits that stand for a text: the same for the same text, another for another. `length` up to 30. */
export const digestOf = (text: string, length: number): string =>
  createHash('sha256')
    .update(text)
    .digest('base64')
    .replace(/[^A-Za-z0-9]/g, '')
    .slice(0, length);
