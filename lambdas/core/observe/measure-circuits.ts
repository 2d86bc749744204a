import type { MetricRecord } from '../../contract/metrics.ts';
import { standingOf } from '../call/circuit.ts';
import type { CircuitRecord } from '../call/circuit-store.ts';
import type { Alias, Target } from '../target.ts';
import { modelOf } from './model-of.ts';

/** A canary on trial is there for its share of the conversations and for nobody else. */
const isForAll = ({ canaryOf }: Target): boolean => canaryOf === undefined || canaryOf.share >= 1;

/**
 * How the circuits stand: of every target that has ever had one, 1 while it is not closed and 0 once it is, regions of one
 * model together; and of every alias with such a target, whether all its targets are shut. Hands count: what somebody has
 * opened is open. What never broke is not spoken of, so that it costs nothing.
 */
export const measureCircuits = (
  records: readonly CircuitRecord[],
  aliases: Iterable<Alias>,
  nowMs: number,
): MetricRecord[] => {
  const shut = new Map(records.map((record) => [record.target, standingOf(record, nowMs).kind !== 'closed']));
  const known = [...aliases].filter(({ targets }) => targets.some(({ id }) => shut.has(id)));
  if (known.length === 0) return [];
  const models = new Map<string, MetricRecord & { values: { CircuitOpen: [number] } }>();
  for (const { id } of known.flatMap(({ targets }) => targets)) {
    const isShut = shut.get(id);
    if (isShut === undefined) continue;
    const dimensions = modelOf(id);
    const key = JSON.stringify(dimensions);
    const earlier = models.get(key)?.values.CircuitOpen[0] ?? 0;
    models.set(key, { dimensions, values: { CircuitOpen: [isShut ? 1 : earlier] } });
  }
  const byAlias = known.map(({ name, targets }) => ({
    dimensions: { Alias: name },
    values: { AllCircuitsOpen: [targets.filter(isForAll).every(({ id }) => shut.get(id) === true) ? 1 : 0] },
  }));
  const sumOf = (all: readonly number[]): number => all.reduce((sum, one) => sum + one, 0);
  const whole: MetricRecord = {
    dimensions: {},
    values: {
      CircuitOpen: [sumOf([...models.values()].map(({ values }) => values.CircuitOpen[0]))],
      AllCircuitsOpen: [sumOf(byAlias.flatMap(({ values }) => values.AllCircuitsOpen))],
    },
  };
  return [whole, ...models.values(), ...byAlias];
};
