import { openDeployedAuditor } from '../wiring/open-deployed-auditor.ts';
import { type AuditResult, auditLedger } from './audit-ledger.ts';

const opened = openDeployedAuditor(process.env);

/** The nightly audit (docs/ledger.md). It fails where anything does not hold, so that its failure queue and alarm tell. */
export const handler = async (_event: unknown, context: object): Promise<AuditResult> => {
  opened.log.beginInvocation(context);
  return auditLedger(opened);
};
