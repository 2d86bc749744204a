import { EPOCH_MS, GRACE_MS } from '../../contract/timing.ts';
import type { LedgerAudit, LedgerStanding } from '../../core/audit/ledger-audit.ts';
import { ENTRY_LIFE_MS } from '../../core/retention.ts';
import { readRecords, sumEpoch } from './audit-entries.ts';
import { makeCloser } from './closer-item.ts';
import type { Dynamo } from './dynamo.ts';
import { readActiveEpochs } from './epoch-entries.ts';
import { rebuildAccounts } from './rebuild-accounts.ts';
import { recountSums } from './recount.ts';
import { readDisputes, readSeals } from './seal-item.ts';

/** The deployed ledger as an auditor uses it. It reads consistently where what it reads decides something. */
export const makeDynamoAudit = (dynamo: Dynamo): LedgerAudit => {
  const closer = makeCloser(dynamo);

  /** Entries of earlier epochs may have expired: none is opened more than a grace before its epoch. */
  const keptFrom = (): number => Math.floor((dynamo.time.now() - ENTRY_LIFE_MS + GRACE_MS) / EPOCH_MS) + 1;

  const standing = async (): Promise<LedgerStanding | undefined> => {
    const progress = await closer.read();
    if (progress === undefined) return undefined;
    const { closedThrough, head, sealedFrom = closedThrough + 1 } = progress;
    return { closedThrough, head, sealedFrom, keptFrom: keptFrom() };
  };

  const records: LedgerAudit['records'] = (from, to) => readRecords(dynamo, activeEpochs(dynamo, closer, from, to));

  return {
    standing,
    seals: (from, to) => readSeals(dynamo, from, to),
    disputes: (from, to) => readDisputes(dynamo, from, to),
    // Every one, whatever is noted of them: an entry may have been put where there were none.
    async *epochs(from, to) {
      for (let epoch = from; epoch <= to; epoch++) yield epoch;
    },
    sumEpoch: (epoch) => sumEpoch(dynamo, epoch, keptFrom()),
    records,
    rebuild: (options) => rebuildAccounts(dynamo, closer, options),
    recount: () => recountSums(dynamo, closer, { records, standing }),
  };
};

/** Of the closed epochs those that have entries, of the others all: nobody has noted them yet. */
async function* activeEpochs(
  dynamo: Dynamo,
  closer: ReturnType<typeof makeCloser>,
  from: number,
  to: number,
): AsyncGenerator<number> {
  const progress = await closer.read();
  if (progress === undefined) return;
  const { closedThrough } = progress;
  const closed: number[] = [];
  for await (const epoch of readActiveEpochs(dynamo, Math.min(to, closedThrough))) {
    if (epoch < from) break;
    closed.push(epoch);
  }
  yield* closed.sort((a, b) => a - b);
  const last = Math.min(to, Math.floor(dynamo.time.now() / EPOCH_MS) + 1);
  for (let epoch = Math.max(from, closedThrough + 1); epoch <= last; epoch++) yield epoch;
}
