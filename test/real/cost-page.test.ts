import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readResults } from '../../bench/pages/cost-page.ts';
import { type Counted, countUnits, type Sizes } from '../../bench/pages/count-units.ts';
import { openReferenceDeployment, type ReferenceDeployment } from '../../bench/pages/reference-deployment.ts';

/** docs/cost.md reckons with what was counted (bench/pages/cost-results.json): here it is counted again. */

let deployment: ReferenceDeployment;
let counted: Counted;
let sizes: Sizes;

beforeAll(async () => {
  deployment = await openReferenceDeployment();
  ({ counted, sizes } = await countUnits(deployment));
}, 600_000);
afterAll(async () => {
  await deployment?.stop();
}, 60_000);

describe('what docs/cost.md counts', () => {
  test('units, accounts, reads of secrets and metrics are still what they are (npm run docs:cost)', () => {
    process.stdout.write(`${JSON.stringify({ counted, sizes })}\n`);
    expect(counted).toEqual(readResults().counted);
  });

  test.each(Object.entries(readResults().sizes) as [keyof Sizes, number][])(
    'bytes of %s are within a tenth of what it says (npm run docs:cost)',
    (name, bytes) => {
      expect(Math.abs(sizes[name] - bytes)).toBeLessThanOrEqual(bytes / 10);
    },
  );

  test('a warm request reads nothing that it has to wait for again, and writes an account each', () => {
    expect(counted.gateway.warm.reads).toBe(0);
    expect(counted.gateway.warm.writes).toBeGreaterThan(counted.accounts);
    // Each account, and the statistics of the one target.
    expect(counted.projector.batchOf100.writes).toBe(counted.accounts + 1);
  });
});
