import { openDeployedCloser } from '../wiring/open-deployed-closer.ts';
import { closeLedger } from './close-ledger.ts';

const opened = openDeployedCloser(process.env);

/** Closes every epoch that is due from its entries (docs/ledger.md). Should it fail or run out of time, the next run goes on where it stopped. */
export const handler = async (_event: unknown, context: object): Promise<{ closed: number[] }> => {
  opened.log.beginInvocation(context);
  return closeLedger(opened);
};
