import type { DeployedProjector } from '../wiring/open-deployed-projector.ts';
import { measureBatch } from './measure-batch.ts';

/** What Lambda sends for a batch of the ledger's stream. */
export interface LedgerStreamEvent {
  Records?: Parameters<DeployedProjector['projectBatch']>[0]['records'];
  /** There only for an event source with a tumbling window. */
  shardId?: string;
}

/** What Lambda wants to hear. */
export interface LedgerStreamAnswer {
  /** Kept by Lambda for the window; without it the call counts as failed. Nothing is kept here. */
  state: Record<string, never>;
  /** The first record that must come again, with all after it. */
  batchItemFailures: { itemIdentifier: string }[];
}

/** Marks of every shard, where Lambda does not name them. What one shard's mark then hides of another waits for the close. */
const NAMELESS_SHARD = 'stream';

/** Never rejects for what the batch holds: what could not be taken in is named. */
export const projectEvent = async (
  { Records: records = [], shardId }: LedgerStreamEvent,
  { projectBatch, emitMetrics, clock, log }: Pick<DeployedProjector, 'projectBatch' | 'emitMetrics' | 'clock' | 'log'>,
): Promise<LedgerStreamAnswer> => {
  if (shardId === undefined) log.debug('the event names no shard: its source has no tumbling window');
  const projected = await projectBatch({ shard: shardId ?? NAMELESS_SHARD, records });
  try {
    emitMetrics(measureBatch(projected, clock.now()));
  } catch (error) {
    // The accounts have the batch: it must not come again for the sake of a picture.
    log.error('metrics of a batch lost', { records: records.length, error });
  }
  const { failed } = projected;
  return { state: {}, batchItemFailures: failed === undefined ? [] : [{ itemIdentifier: failed }] };
};
