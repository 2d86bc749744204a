const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Ten years. */
const LONGEST_MS = 3_650 * UNITS.d;

/**
 * Reads a duration as people write it: `90s`, `10m`, `24h`, `30d`, `0s`.
 *
 * @returns milliseconds; undefined where the text is no duration or one of more than ten years
 */
export const parseDuration = (text: string): number | undefined => {
  const [, digits, unit] = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text.trim()) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const ms = Number(digits) * UNITS[unit as keyof typeof UNITS];
  return ms <= LONGEST_MS ? ms : undefined;
};
