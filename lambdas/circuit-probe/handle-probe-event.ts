import type { DeployedProber } from '../wiring/open-deployed-prober.ts';

/** A batch of the stream of circuits, which its event source lets through for open ones only; or the schedule's tick, whatever it holds. */
export interface ProbeEvent {
  Records?: { dynamodb?: { Keys?: { pk?: { S?: string } } } }[];
}

/** Rejects where its work could not be done: Lambda then sends the batch again, and the tick at most once more. */
export const handleProbeEvent = async (
  { Records: records }: ProbeEvent,
  { schedule, tick, measure, log }: DeployedProber,
): Promise<object> => {
  if (records === undefined) {
    await measure();
    const round = await tick();
    // The last round says that all is well: nobody speaks of it afterwards.
    if (!round.goesOn) await measure();
    return round;
  }
  await schedule.start();
  await measure();
  const opened = [...new Set(records.flatMap(({ dynamodb }) => dynamodb?.Keys?.pk?.S ?? []))];
  log.info('circuits are open: probing is on', { opened });
  return { opened };
};
