import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { findFloatingMoney } from '../support/find-floating-money.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Where an exact number may become a floating-point one in what decides, prices and settles: none of these comes back as an amount. */
const MAY: Record<string, string> = {
  'lambdas/core/admit/gcra.ts': 'microseconds, not money',
  'lambdas/core/admit/admit-refusals.ts': 'the share of a cap, in thousandths; the share that a person wrote',
  'lambdas/core/budget/burn-rate.ts': 'a time',
  'lambdas/core/budget/make-notice.ts': 'the share of a cap, in thousandths',
  'lambdas/core/lookups/usage.ts': 'dollars as JSON numbers, for people',
  'lambdas/core/pins/compare-models.ts': 'the ratio of two prices, in thousandths, for people',
  'lambdas/core/observe/measure-entries.ts': 'CloudWatch knows doubles alone; the ledger has the figure',
  'lambdas/core/observe/metric-book.ts': 'CloudWatch knows doubles alone; the ledger has the figure',
  'lambdas/core/quote/quote-costs.ts': 'dollars as JSON numbers, for people',
};

const fileOf = ({ at }: { at: string }): string => at.slice(0, at.lastIndexOf(':'));

describe('money', () => {
  test('never passes through floating point where it is decided, priced or settled', () => {
    const files = globSync('lambdas/{contract,catalogue,core}/**/*.ts', { cwd: ROOT })
      .filter((file) => !file.endsWith('/refresh.ts'))
      .map((file) => join(ROOT, file));
    expect(files.length).toBeGreaterThan(100);
    const found = findFloatingMoney(ROOT, files);
    expect(found.filter((one) => MAY[fileOf(one)] === undefined)).toEqual([]);
    // What is allowed and not there any more is not allowed for ever.
    expect(Object.keys(MAY).filter((file) => !found.some((one) => fileOf(one) === file))).toEqual([]);
  }, 120_000);

  const SEEN = [
    'Number(cost)',
    'Number(cost * 2n)',
    'Number(cost.toString())',
    'parseFloat(String(cost))',
    'Number(optional ?? 0n)',
    'BigInt(Math.round(usd * 1e9))',
    'BigInt(usd / 2)',
  ];
  const NOT_SEEN = ['BigInt(Math.ceil(usd))', 'Number(text)', 'cost * BigInt(usd)'];

  test('is seen where it does, and not where it does not', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tollgate-money-'));
    try {
      const file = join(folder, 'money.ts');
      const lines = [...SEEN, ...NOT_SEEN].map(
        (expression, index) =>
          `export const f${index} = (cost: bigint, usd: number, text: string, optional?: bigint): unknown => ${expression};`,
      );
      writeFileSync(file, lines.join('\n'));
      expect(findFloatingMoney(folder, [file]).map(({ at }) => at)).toEqual(
        SEEN.map((_, index) => `money.ts:${index + 1}`),
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);
});
