import { formatUsd } from '../../contract/money.ts';
import { digestSeal, type EpochSeal, formatHead, type LaneSeal, type SealHead, totalOf } from './epoch-seal.ts';
import type { EpochSum, LedgerAudit } from './ledger-audit.ts';

export type ProblemKind =
  /** There are fewer entries than were sealed, more, or others. */
  | 'entries-missing'
  | 'entries-added'
  | 'entries-changed'
  /** Entries in an epoch that has no seal. */
  | 'unsealed'
  /** The seal is not the one that was written. */
  | 'seal-changed'
  /** The seal before this one, as this one names it, is not there. */
  | 'seal-missing'
  /** The seal is no part of the chain: what comes before it is not what it says, or the ledger ends elsewhere. */
  | 'chain-broken'
  /** At the close an account's figures said that an entry had been removed or changed. */
  | 'disputed'
  /** A lost entry and its correction do not say the same. */
  | 'correction-differs'
  /** The seal that was expected is not in the chain. */
  | 'not-as-expected';

export interface Problem {
  kind: ProblemKind;
  epoch: number;
  lane?: number;
  /** A sentence for people. */
  detail: string;
}

export interface VerifyReport {
  /** Epochs looked at, inclusive; undefined where there are none. */
  range: { from: number; to: number } | undefined;
  /** The last seal of the range: kept outside, it proves later that nothing before it was changed. */
  head: SealHead | null;
  seals: number;
  entries: number;
  cost: bigint;
  /** Seals whose entries may have expired: only the chain was checked. */
  expired: number;
  /** Entries of epochs before the chain began: nothing vouches for them. */
  beforeChain: number;
  /** Entries of closed epochs that are still open: nothing was called, and nothing is counted. */
  leftOpen: number;
  problems: Problem[];
  /** There were more. */
  moreProblems: number;
}

export interface VerifyOptions {
  /** Epochs, inclusive; default: all that are closed and kept. */
  from?: number;
  to?: number;
  /** A seal kept from an earlier run. */
  expect?: SealHead;
  onProgress?(epoch: number): void;
}

const EPOCHS_AT_ONCE = 12;
const MOST_PROBLEMS = 1_000;

/**
 * Checks every seal of the range against its neighbours and against the entries as they are now. What happens by itself is
 * no problem: entries that expire, corrections after a close, epochs not closed yet. Whoever may write both tables can make
 * a whole chain anew; only a head that was kept elsewhere shows that (docs/decisions/015).
 */
export const verifyLedger = async (audit: LedgerAudit, options: VerifyOptions = {}): Promise<VerifyReport> => {
  const report: VerifyReport = {
    range: undefined,
    head: null,
    seals: 0,
    entries: 0,
    cost: 0n,
    expired: 0,
    beforeChain: 0,
    leftOpen: 0,
    problems: [],
    moreProblems: 0,
  };
  const tell = (problem: Problem): void => {
    if (report.problems.length < MOST_PROBLEMS) report.problems.push(problem);
    else report.moreProblems += 1;
  };
  const { expect } = options;
  const standing = await audit.standing();
  if (standing === undefined) {
    if (expect !== undefined) tell(missedExpectation(expect));
    return report;
  }
  const { closedThrough, head, keptFrom, sealedFrom } = standing;
  const from = Math.min(options.from ?? Math.max(sealedFrom, keptFrom), expect?.epoch ?? Number.POSITIVE_INFINITY);
  const to = Math.min(options.to ?? closedThrough, closedThrough);
  if (to < from) {
    if (expect !== undefined) tell(missedExpectation(expect));
    return report;
  }
  report.range = { from, to };

  let last: EpochSeal | undefined;
  let isExpectedSeen = expect === undefined;

  const checkChain = async (seal: EpochSeal): Promise<void> => {
    const { epoch, previous, since } = seal;
    if (digestSeal(seal) !== seal.digest)
      tell({ kind: 'seal-changed', epoch, detail: 'the seal is not its own digest' });
    if (previous === null) {
      if (last !== undefined) tell(broken(epoch, `it begins a chain, though there is the seal of ${last.epoch}`));
      else if (since !== sealedFrom) tell(broken(epoch, `it begins at ${since}, the ledger at ${sealedFrom}`));
      return;
    }
    const before = last ?? (await audit.seals(previous.epoch, previous.epoch))[0];
    if (before === undefined) {
      // Seals outlive their entries, and then expire too.
      if (previous.epoch >= keptFrom)
        tell({ kind: 'seal-missing', epoch, detail: `the seal of ${previous.epoch} is gone` });
    } else if (before.epoch < previous.epoch)
      tell({ kind: 'seal-missing', epoch, detail: `the seal of ${previous.epoch} is gone` });
    else if (before.epoch !== previous.epoch || before.digest !== previous.digest)
      tell(broken(epoch, `it follows ${formatHead(previous)}, but before it is ${formatHead(before)}`));
  };

  const checkEntries = (epoch: number, seal: EpochSeal | undefined, sum: EpochSum): void => {
    const found = totalOf(sum.lanes);
    report.leftOpen += sum.open;
    if (seal === undefined) {
      if (found.entries === 0) return;
      if (epoch < sealedFrom) report.beforeChain += found.entries;
      else
        tell({
          kind: 'unsealed',
          epoch,
          detail: `${found.entries} entries of $${formatUsd(found.cost)}, and no seal: added later, or the seal was removed`,
        });
      return;
    }
    if (epoch < keptFrom) {
      report.expired += 1;
      return;
    }
    report.entries += found.entries;
    report.cost += found.cost;
    for (const lane of new Set([...seal.lanes.keys(), ...sum.lanes.keys()])) {
      const problem = compareLanes(seal.lanes.get(lane), sum.lanes.get(lane));
      if (problem !== undefined) tell({ ...problem, epoch, lane });
    }
    for (const id of sum.uncorrected)
      tell({ kind: 'correction-differs', epoch, detail: `${id}: the lost entry and its correction do not fit` });
  };

  const checkEpochs = async (epochs: readonly number[]): Promise<void> => {
    const first = epochs[0];
    const end = epochs.at(-1);
    if (first === undefined || end === undefined) return;
    const [seals, disputes, sums] = await Promise.all([
      audit.seals(first, end),
      audit.disputes(first, end),
      Promise.all(epochs.map((epoch) => audit.sumEpoch(epoch))),
    ]);
    const byEpoch = new Map(seals.map((seal) => [seal.epoch, seal]));
    for (const { epoch, account } of disputes)
      tell({ kind: 'disputed', epoch, detail: `${account}: an entry had gone or changed before the close` });
    for (const [i, epoch] of epochs.entries()) {
      const seal = byEpoch.get(epoch);
      const sum = sums[i] as EpochSum;
      if (seal !== undefined) {
        await checkChain(seal);
        last = seal;
        report.seals += 1;
        if (expect?.epoch === epoch && expect.digest === seal.digest) isExpectedSeen = true;
      }
      checkEntries(epoch, seal, sum);
    }
    options.onProgress?.(end);
  };

  let block: number[] = [];
  for await (const epoch of audit.epochs(from, to)) {
    block.push(epoch);
    if (block.length < EPOCHS_AT_ONCE) continue;
    await checkEpochs(block);
    block = [];
  }
  await checkEpochs(block);

  report.head = last === undefined ? null : { epoch: last.epoch, digest: last.digest };
  const isWhole = to === closedThrough && (head === null || head.epoch >= from);
  if (isWhole && formatOptional(head) !== formatOptional(report.head))
    tell(broken(to, `the ledger ends with ${formatOptional(head)}, the chain with ${formatOptional(report.head)}`));
  if (expect !== undefined && !isExpectedSeen) tell(missedExpectation(expect));
  return report;
};

const formatOptional = (head: SealHead | null): string => (head === null ? 'no seal' : formatHead(head));

const broken = (epoch: number, detail: string): Problem => ({ kind: 'chain-broken', epoch, detail });

const missedExpectation = (expect: SealHead): Problem => ({
  kind: 'not-as-expected',
  epoch: expect.epoch,
  detail: `${formatHead(expect)} is no seal of this ledger`,
});

const compareLanes = (
  sealed: LaneSeal | undefined,
  found: LaneSeal | undefined,
): Pick<Problem, 'kind' | 'detail'> | undefined => {
  if (sealed?.digest === found?.digest) return undefined;
  const kind = kindOf(sealed?.entries ?? 0, found?.entries ?? 0);
  return { kind, detail: `sealed ${describeLane(sealed)}, now ${describeLane(found)}` };
};

const kindOf = (sealed: number, found: number): ProblemKind => {
  if (sealed === found) return 'entries-changed';
  return found < sealed ? 'entries-missing' : 'entries-added';
};

const describeLane = (lane: LaneSeal | undefined): string =>
  lane === undefined ? 'nothing' : `${lane.entries} entries of $${formatUsd(lane.cost)}`;
