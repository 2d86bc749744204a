import { createHash } from 'node:crypto';

/** A text's place between 0 and 1, neither included: the same for the same text in every process, and even over many. */
export const hashFraction = (text: string): number => {
  // 48 bits, which a number holds exactly, and the half keeps both ends out.
  return (createHash('sha256').update(text).digest().readUIntBE(0, 6) + 0.5) / 2 ** 48;
};
