import type { MetricName, MetricRecord } from '../../contract/metrics.ts';
import { formatUsd, type NanoUsd } from '../../contract/money.ts';

/** Metrics that are amounts of money. */
type AmountName = 'CostUsd' | 'SavedUsd';

interface Page {
  record: MetricRecord;
  amounts: Map<AmountName, NanoUsd>;
}

export type MetricBook = ReturnType<typeof openBook>;

/** Gathers metrics, one page a combination of dimensions. */
export const openBook = () => {
  const pages = new Map<string, Page>();
  return {
    under(dimensions: Record<string, string>) {
      const key = JSON.stringify(dimensions);
      const page: Page = pages.get(key) ?? { record: { dimensions, values: {} }, amounts: new Map() };
      pages.set(key, page);
      const { amounts } = page;
      const { values } = page.record;
      return {
        /** Summed exactly, and told in dollars at the end. */
        spend: (name: AmountName, amount: NanoUsd): void => {
          amounts.set(name, (amounts.get(name) ?? 0n) + amount);
        },
        sum: (name: MetricName, value: number): void => {
          values[name] = [(values[name]?.[0] ?? 0) + value];
        },
        most: (name: MetricName, value: number): void => {
          values[name] = [Math.max(values[name]?.[0] ?? 0, value)];
        },
        add: (name: MetricName, value: number): void => {
          values[name] ??= [];
          values[name].push(value);
        },
      };
    },
    records: (): MetricRecord[] =>
      [...pages.values()].map(({ record: { dimensions, values }, amounts }) => ({
        dimensions,
        values: {
          ...values,
          // Figures to look at: the ledger has the exact ones.
          ...Object.fromEntries([...amounts].map(([name, amount]) => [name, [Number(formatUsd(amount))]])),
        },
      })),
  };
};
