import { openDeployedLedger } from '../wiring/open-deployed-ledger.ts';
import { type LedgerStreamAnswer, type LedgerStreamEvent, projectEvent } from './project-event.ts';

const opened = openDeployedLedger('ledger-projector', process.env);

/** Brings what was settled from the ledger's stream to the accounts (docs/ledger.md). */
export const handler = (event: LedgerStreamEvent, context: object): Promise<LedgerStreamAnswer> => {
  opened.log.beginInvocation(context);
  return projectEvent(event, opened);
};
