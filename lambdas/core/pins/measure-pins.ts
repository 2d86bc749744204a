import type { MetricRecord } from '../../contract/metrics.ts';
import type { Pin } from './list-pins.ts';

/** `DaysToSunset` of every alias with a version whose end is known, the nearest of them, and the nearest of all. Of others nothing is said. */
export const measurePins = (pins: readonly Pin[]): MetricRecord[] => {
  const byAlias = new Map<string, number>();
  for (const { aliases, standing } of pins) {
    const { daysLeft } = standing;
    if (daysLeft === null) continue;
    for (const alias of aliases) byAlias.set(alias, Math.min(daysLeft, byAlias.get(alias) ?? daysLeft));
  }
  if (byAlias.size === 0) return [];
  return [
    { dimensions: {}, values: { DaysToSunset: [Math.min(...byAlias.values())] } },
    ...[...byAlias].map(([alias, days]) => ({ dimensions: { Alias: alias }, values: { DaysToSunset: [days] } })),
  ];
};
