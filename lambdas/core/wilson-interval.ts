/** 95 % of such intervals hold the true share. */
const Z = 1.96;

export interface Interval {
  low: number;
  high: number;
}

/** Wilson's interval of a share: `count` of `of`. Of nothing it may be anything. */
export const wilsonInterval = (count: number, of: number, z = Z): Interval => {
  if (!(of > 0)) return { low: 0, high: 1 };
  const share = count / of;
  const center = share + z ** 2 / (2 * of);
  const margin = z * Math.sqrt((share * (1 - share)) / of + z ** 2 / (4 * of ** 2));
  const scale = 1 + z ** 2 / of;
  return { low: Math.max(0, (center - margin) / scale), high: Math.min(1, (center + margin) / scale) };
};
