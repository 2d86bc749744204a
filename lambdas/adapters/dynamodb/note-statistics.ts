import { samplesOf } from '../../core/route/sample-call.ts';
import { readStatistics, writeStatistics } from '../../core/route/statistics-text.ts';
import { type CallSample, NO_STATISTICS, noteCall } from '../../core/route/target-statistics.ts';
import { countOf, type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { inParallel } from './in-parallel.ts';
import type { Projected } from './project-batch.ts';
import { statisticsKey } from './statistics-store.ts';

const WRITES_AT_ONCE = 8;
const TRIES = 20;
const NONCE_BYTES = 9;

/**
 * Takes the calls of a batch into their targets' statistics, as the projector's second work: one write a target and batch, on
 * condition that the statistics are still what this process knows them to be. What it knows it has from its last write, so
 * while one projector is at work nothing is read.
 *
 * Never rejects: the accounts have the batch by now, and it must not come again for the sake of an estimate. For the same
 * reason what was brought to the accounts before is left out here. So statistics never grow by a batch that comes again, and
 * lose one whose projector dies between the two.
 */
export const makeStatisticsNoter = (dynamo: Dynamo): ((projected: Projected) => Promise<void>) => {
  const seen = new Map<string, Item | undefined>();
  return async (projected) => {
    const byTarget = new Map<string, CallSample[]>();
    for (const [target, sample] of newSamples(projected, dynamo)) {
      const some = byTarget.get(target);
      if (some === undefined) byTarget.set(target, [sample]);
      else some.push(sample);
    }
    await inParallel([...byTarget], WRITES_AT_ONCE, async ([target, samples]) => {
      try {
        await noteSamples(dynamo, seen, target, samples);
      } catch (error) {
        seen.delete(target);
        dynamo.log.warn('statistics of a batch lost', { target, calls: samples.length, error });
      }
    });
  };
};

/** Nothing of a batch that comes again: those of it that the accounts have by now are known as repeats then. */
const newSamples = ({ failed, ended }: Projected, { log }: Dynamo): [string, CallSample][] => {
  if (failed !== undefined) return [];
  return ended.flatMap(({ isRepeat, isCorrection, requestId, readReceipt }) => {
    if (isRepeat || isCorrection) return [];
    try {
      return samplesOf(readReceipt());
    } catch (error) {
      log.error('receipt unreadable', { request_id: requestId, error });
      return [];
    }
  });
};

const noteSamples = async (
  dynamo: Dynamo,
  seen: Map<string, Item | undefined>,
  target: string,
  samples: readonly CallSample[],
): Promise<void> => {
  const nonce = Buffer.from(dynamo.random.bytes(NONCE_BYTES)).toString('base64');
  for (let i = 0; i < TRIES; i++) {
    if (!seen.has(target))
      seen.set(target, (await dynamo.get(dynamo.names.targets, statisticsKey(target), { isConsistent: false })).item);
    const before = seen.get(target);
    const version = before === undefined ? 0 : countOf(before, 'version');
    const nowMs = dynamo.time.now();
    const known = before === undefined ? NO_STATISTICS : readStatistics(textOf(before, 'statistics') ?? '');
    const statistics = samples.reduce((sum, sample) => noteCall(sum, sample, nowMs), known);
    const next = toItem({ version: version + 1, nonce, statistics: writeStatistics(statistics) });
    const written = await dynamo.update({
      TableName: dynamo.names.targets,
      Key: statisticsKey(target),
      UpdateExpression: 'SET version = :next, nonce = :nonce, statistics = :statistics',
      ConditionExpression: before === undefined ? 'attribute_not_exists(pk)' : 'version = :seen',
      ExpressionAttributeValues: {
        ...toItem({ ':next': version + 1, ':nonce': nonce, ':seen': before === undefined ? undefined : version }),
        ':statistics': next['statistics'] as Item[string],
      },
    });
    // The nonce tells this very write, whose first answer was lost, from another projector's.
    if (written.kind === 'done' || (written.item !== undefined && textOf(written.item, 'nonce') === nonce)) {
      seen.set(target, written.kind === 'done' ? next : written.item);
      return;
    }
    seen.set(target, written.item);
  }
  throw new Error(`${target}'s statistics are written to too often`);
};
