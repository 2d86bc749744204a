import { openDeployedLedger } from '../wiring/open-deployed-ledger.ts';

const { ledger, log } = openDeployedLedger('ledger-closer', process.env);

/** Closes every epoch that is due from its entries (docs/ledger.md). Should it fail or run out of time, the next run goes on where it stopped. */
export const handler = async (_event: unknown, context: object): Promise<{ closed: number[] }> => {
  log.beginInvocation(context);
  const closed = await ledger.closeDueEpochs();
  if (closed.length > 0) log.info('epochs closed', { epochs: closed });
  return { closed };
};
