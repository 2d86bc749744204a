import { openDeployedProjector } from '../wiring/open-deployed-projector.ts';
import { type LedgerStreamAnswer, type LedgerStreamEvent, projectEvent } from './project-event.ts';

const opened = openDeployedProjector(process.env);

/** Brings what was settled from the ledger's stream to the accounts (docs/ledger.md), and to the metrics. */
export const handler = (event: LedgerStreamEvent, context: object): Promise<LedgerStreamAnswer> => {
  opened.log.beginInvocation(context);
  return projectEvent(event, opened);
};
