import type { SourceChange } from '../../support/load-changed.ts';
import type { BrokenOrder } from './simulation/client.ts';
import type { ScenarioName } from './simulation/scenarios.ts';

/** A rule of docs/ledger.md or of its decisions, broken once in the code that keeps it. */
export type BrokenRule = {
  name: string;
  changes?: SourceChange[];
  /** A rule that core keeps, broken in the simulation's clients. */
  order?: BrokenOrder;
} & (
  | { foundBy: ScenarioName; harmless?: undefined }
  /** Why no scenario can show harm: another rule makes up for it. */
  | { foundBy?: undefined; harmless: string }
);

export const change = (name: string, from: string, to: string): SourceChange => ({
  file: `lambdas/adapters/dynamodb/${name}`,
  from,
  to,
});
