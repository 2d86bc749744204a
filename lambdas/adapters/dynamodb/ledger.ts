import type { Ledger } from '../../core/ledger.ts';
import { checkCount } from './amounts.ts';
import { closeDueEpochs } from './close-epochs.ts';
import { makeCloser } from './closer-item.ts';
import type { Dynamo } from './dynamo.ts';
import { makeDynamoRequestLedger } from './request-ledger.ts';
import { tailEntries } from './tail-entries.ts';

/** The whole ledger in DynamoDB (docs/ledger): beside what requests ask, epochs are closed from entries. */
export const makeDynamoLedger = (dynamo: Dynamo): Ledger => {
  const closer = makeCloser(dynamo);
  return {
    ...makeDynamoRequestLedger(dynamo, closer),
    tail: (options) => {
      checkCount('limit', options.limit);
      return tailEntries(dynamo, closer, options);
    },
    closeDueEpochs: () => closeDueEpochs(dynamo, closer),
  };
};
