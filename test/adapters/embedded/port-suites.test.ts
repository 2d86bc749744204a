import { describeAccessSuite } from '../../port-suites/access.ts';
import { describeAnswersSuite } from '../../port-suites/answers.ts';
import { describeBudgetsSuite } from '../../port-suites/budgets.ts';
import { describeCancellationsSuite } from '../../port-suites/cancellations.ts';
import { describeCircuitsSuite } from '../../port-suites/circuits.ts';
import { describeFeedbackSuite } from '../../port-suites/feedback.ts';
import { describeLedgerSuite } from '../../port-suites/ledger.ts';
import { describeLimitsSuite } from '../../port-suites/limits.ts';
import { describePinsSuite } from '../../port-suites/pins.ts';
import { describeResponseCacheSuite } from '../../port-suites/response-cache.ts';
import { describeRunsSuite } from '../../port-suites/runs.ts';
import { describeStatisticsSuite } from '../../port-suites/statistics.ts';
import { describeWrongHitsSuite } from '../../port-suites/wrong-hits.ts';
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
  describeAnswersSuite(name, makeStores);
  describeFeedbackSuite(name, makeStores);
  describeBudgetsSuite(name, makeStores);
  describePinsSuite(name, makeStores);
  describeResponseCacheSuite(name, makeStores);
  describeRunsSuite(name, makeStores);
  describeStatisticsSuite(name, makeStores);
  describeWrongHitsSuite(name, makeStores);
}
