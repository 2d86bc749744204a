import { type Refusal, refuse } from '../failures.ts';
import type { RunLimits, RunOutcome, RunRecord } from './run-store.ts';

type Refused = Extract<RunOutcome, { kind: 'refused' }>;

/** Why a run takes no more calls at `nowMs`; undefined where it does. */
export const refusalOf = (
  { killed, startedAt, calls }: RunRecord,
  limits: RunLimits,
  nowMs: number,
): Refused['because'] | undefined => {
  if (killed !== null) return 'killed';
  if (limits.lastsMs !== undefined && startedAt !== null && nowMs >= startedAt + limits.lastsMs) return 'time';
  if (limits.calls !== undefined && calls >= limits.calls) return 'calls';
  return undefined;
};

/** Names the run that says no, and why. Nothing brings a run back, so no wait is named. */
export const runRefusal = ({ by, because, record }: Refused): Refusal => {
  const scope = `run ${by.id}`;
  return refuse('budget_exceeded', `${sentence(by, because, record)} Start another run, or ask for a raise.`, {
    scope,
    shouldRetry: false,
  });
};

/** A call under way that its agent run has ended: which run, and why. */
export interface RunStop {
  /** `run job` */
  scope: string;
  why: string;
}

/** @param reason undefined where the store did not say it in time */
export const stopByKill = (id: string, reason: string | undefined): RunStop => ({
  scope: `run ${id}`,
  why: reason === undefined ? `The run ${id} was stopped.` : `The run ${id} was stopped: ${reason}.`,
});

export const stopByTime = ({ id, lastsMs }: RunLimits, endsAt: number): RunStop => ({
  scope: `run ${id}`,
  why: `The run ${id} may last ${(lastsMs ?? 0) / 60_000} minutes, which were up at ${isoDate(endsAt)}.`,
});

const sentence = ({ id, calls, lastsMs }: RunLimits, because: Refused['because'], record: RunRecord): string => {
  switch (because) {
    case 'killed':
      return `The run ${id} was stopped at ${isoDate(record.killed?.at)}: ${record.killed?.reason}.`;
    case 'time':
      return `The run ${id} began at ${isoDate(record.startedAt)} and may last ${(lastsMs ?? 0) / 60_000} minutes.`;
    case 'calls':
      return `The run ${id} has made ${record.calls} of the ${calls} calls that it may make, those of the runs it started included.`;
  }
};

const isoDate = (timeMs: number | null | undefined): string => new Date(timeMs ?? 0).toISOString();

/** A request that names its run in a way that can't be. */
export const badRun = (param: 'x-tollgate-run' | 'x-tollgate-parent-run', problem: string): Refusal =>
  refuse('invalid_request', `${param}: ${problem}.`, { param, shouldRetry: false });
