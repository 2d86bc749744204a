/** Two answers whose vectors are as alike as this say the same, unless a guard sets them apart. */
export const SAME_ANSWER_COSINE = 0.9;

/** What formatting does not change: spaces, markdown's signs, case, punctuation at the end. */
export const normaliseAnswer = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[*_`#>]/g, '')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[.!。！]$/, '');

/**
 * Whether an audited hit was right: what was kept and what the model says now are one text, or alike enough.
 *
 * @param cosine of the two answers' vectors; undefined where they could not be read: then nothing is known
 */
export const compareAnswers = (kept: string, now: string, cosine: number | undefined): 'same' | 'wrong' | 'unknown' => {
  if (normaliseAnswer(kept) === normaliseAnswer(now)) return 'same';
  if (cosine === undefined || !Number.isFinite(cosine)) return 'unknown';
  return cosine >= SAME_ANSWER_COSINE ? 'same' : 'wrong';
};
