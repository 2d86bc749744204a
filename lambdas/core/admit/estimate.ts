/** The most tokens this text can count as. */
export const estimateTokensHigh = (text: string): number => text.length;
