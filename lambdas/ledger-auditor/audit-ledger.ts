import { epochOf } from '../contract/timing.ts';
import { formatHead } from '../core/audit/epoch-seal.ts';
import { type ProblemKind, verifyLedger } from '../core/audit/verify-ledger.ts';
import type { DeployedAuditor } from '../wiring/open-deployed-auditor.ts';

/** What a night's audit came to; JSON-ready. */
export interface AuditResult {
  /** Accounts that were compared with their entries, and those that differed; they have been put right. */
  accounts: number;
  different: number;
  /** Not compared: they were being closed. */
  skipped: number;
  /** Seals and entries that were checked against each other. */
  seals: number;
  entries: number;
  problems: { kind: ProblemKind; epoch: number; detail: string }[];
  /** The chain's last seal. Whoever keeps it elsewhere can show later that nothing before it was changed. */
  head: string | null;
}

/** Accounts or entries that are not what they must be. The message counts them; the log has each. */
export class AuditFailed extends Error {
  override readonly name = 'AuditFailed';
}

/** Every epoch is looked at in two nights: what one night's run was too short for, the next one's sees. */
const LOOK_BACK_MS = 49 * 60 * 60_000;
const MOST_TOLD = 100;

/**
 * Compares every account with its entries and puts right what differs; then checks the seals of the last two days against
 * theirs. The whole chain is `tollgate ledger verify`'s to check: it takes longer than a function may run.
 *
 * @throws {AuditFailed} when anything did not hold, after it has been logged and counted
 */
export const auditLedger = async ({
  audit,
  clock,
  log,
  emitMetrics,
}: Pick<DeployedAuditor, 'audit' | 'clock' | 'log' | 'emitMetrics'>): Promise<AuditResult> => {
  const rebuilt = await audit.rebuild();
  const standing = await audit.standing();
  const from = Math.max(epochOf(clock.now() - LOOK_BACK_MS), standing?.sealedFrom ?? 0);
  const verified = await verifyLedger(audit, { from });
  const result: AuditResult = {
    accounts: rebuilt.accounts,
    different: rebuilt.different,
    skipped: rebuilt.skipped,
    seals: verified.seals,
    entries: verified.entries,
    problems: verified.problems.slice(0, MOST_TOLD).map(({ kind, epoch, detail }) => ({ kind, epoch, detail })),
    head: verified.head === null ? null : formatHead(verified.head),
  };
  for (const problem of result.problems) log.error('the ledger does not hold', { ...problem });
  const { problems: _, ...facts } = result;
  log.info('ledger audited', facts);
  const problems = verified.problems.length + verified.moreProblems;
  emitMetrics([{ dimensions: {}, values: { AuditDifferences: [rebuilt.different + problems] } }]);
  if (rebuilt.different + problems > 0)
    throw new AuditFailed(
      `${rebuilt.different} accounts were not the sum of their entries (put right), ${problems} seals or entries do not hold`,
    );
  return result;
};
