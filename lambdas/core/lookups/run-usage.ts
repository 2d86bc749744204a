import { runLimitsOf } from '../admit/run-book.ts';
import { refusalOf } from '../admit/run-refusals.ts';
import type { RunRecord } from '../admit/run-store.ts';
import type { Caller } from '../authenticate/authenticate.ts';
import { readRun } from '../decode/request-headers.ts';
import type { Refusal } from '../failures.ts';
import type { Ports } from '../ports.ts';

/** How one run stands, beside its money. */
export interface RunUsage {
  id: string;
  /** It takes no more calls. */
  isOver: boolean;
  limits: { what: 'calls' | 'seconds'; limit: number; remaining: number; reset_seconds: null }[];
}

export type FoundRuns = { ok: true; runs: RunUsage[] } | { ok: false; refusal: Refusal };

/** The run that `x-tollgate-run` names, of the caller's team, and what started it, nearest first; none where none is named. */
export const findRuns = async (headers: Headers, caller: Caller, ports: Ports): Promise<FoundRuns> => {
  const named = readRun(headers, { keyId: caller.keyId, rights: new Set() });
  if (!named.ok) return named;
  if (named.run === undefined) return { ok: true, runs: [] };
  const { runs: book, gateway, clock } = ports;
  const known = new Map<string, RunRecord>();
  for (let id: string | null = named.run.id; id !== null && !known.has(id); ) {
    const [record]: RunRecord[] = await book.read(caller.team, [id]);
    known.set(id, record ?? { team: caller.team, id, parent: null, startedAt: null, calls: 0, killed: null });
    id = record?.parent ?? null;
  }
  return {
    ok: true,
    runs: [...known.values()].map((record) => {
      const may = runLimitsOf(caller.team, record.id, gateway.budgets);
      const { calls, lastsMs } = may;
      const now = clock.now();
      const lasted = record.startedAt === null ? 0 : now - record.startedAt;
      return {
        id: record.id,
        isOver: refusalOf(record, may, now) !== undefined,
        limits: [
          ...(calls === undefined ? [] : [limitOf('calls', calls, calls - record.calls)]),
          ...(lastsMs === undefined ? [] : [limitOf('seconds', lastsMs / 1000, Math.floor((lastsMs - lasted) / 1000))]),
        ],
      };
    }),
  };
};

const limitOf = (what: 'calls' | 'seconds', limit: number, remaining: number): RunUsage['limits'][number] => ({
  what,
  limit,
  remaining: Math.max(0, remaining),
  // Nothing brings a run back.
  reset_seconds: null,
});
