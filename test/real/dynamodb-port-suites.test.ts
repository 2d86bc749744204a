import { afterAll, beforeAll } from '@jest/globals';
import { describeAccessSuite } from '../port-suites/access.ts';
import { describeAnswersSuite } from '../port-suites/answers.ts';
import { describeBudgetsSuite } from '../port-suites/budgets.ts';
import { describeCancellationsSuite } from '../port-suites/cancellations.ts';
import { describeCircuitsSuite } from '../port-suites/circuits.ts';
import { describeFeedbackSuite } from '../port-suites/feedback.ts';
import { describeLedgerSuite } from '../port-suites/ledger.ts';
import { describeLimitsSuite } from '../port-suites/limits.ts';
import { describePinsSuite } from '../port-suites/pins.ts';
import { describeRunsSuite } from '../port-suites/runs.ts';
import { describeStatisticsSuite } from '../port-suites/statistics.ts';
import { withDynamoDb } from './support/dynamo-world.ts';

const makeStores = withDynamoDb({ beforeAll, afterAll });
const NAME = 'DynamoDB';

describeAccessSuite(NAME, makeStores);
describeLimitsSuite(NAME, makeStores);
describeCircuitsSuite(NAME, makeStores);
describeLedgerSuite(NAME, makeStores);
describeCancellationsSuite(NAME, makeStores);
describeAnswersSuite(NAME, makeStores);
describeFeedbackSuite(NAME, makeStores);
describeBudgetsSuite(NAME, makeStores);
describePinsSuite(NAME, makeStores);
describeRunsSuite(NAME, makeStores);
describeStatisticsSuite(NAME, makeStores);
