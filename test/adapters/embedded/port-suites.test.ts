import { describeAccessSuite } from '../../port-suites/access.ts';
import { describeCancellationsSuite } from '../../port-suites/cancellations.ts';
import { describeCircuitsSuite } from '../../port-suites/circuits.ts';
import { describeLedgerSuite } from '../../port-suites/ledger.ts';
import { describeLimitsSuite } from '../../port-suites/limits.ts';
import { makeFileStores, makeMemoryStores } from './embedded-worlds.ts';

for (const [name, makeStores] of [
  ['embedded, in memory', makeMemoryStores],
  ['embedded, in a file', makeFileStores],
] as const) {
  describeAccessSuite(name, makeStores);
  describeLimitsSuite(name, makeStores);
  describeCircuitsSuite(name, makeStores);
  describeLedgerSuite(name, makeStores);
  describeCancellationsSuite(name, makeStores);
}
