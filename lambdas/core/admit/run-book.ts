import { MAX_RUN_DEPTH } from '../../contract/scope-names.ts';
import type { Budgets } from '../budget/budgets.ts';
import { present } from '../read-json.ts';
import { escapeId, runKey } from './account-keys.ts';
import { runBudgetOf } from './accounts.ts';
import type { RunEntry, RunLimits, RunOutcome, RunStore } from './run-store.ts';

/** The run that a request names, and what it says has started it. */
export interface NamedRun {
  id: string;
  /** Nearest first. What started the last of them is not said. */
  parents: readonly string[];
}

/** `problem`: why there can be no such run, for whoever named it. */
export type RunChain = { ok: true; ids: string[] } | { ok: false; problem: string };

/** The runs as requests meet them. */
export interface RunBook extends RunStore {
  /** The run and everything that has started it, as far as the request says and this process knows. */
  chainOf(team: string, named: NamedRun): RunChain;
  /** Reads upwards what started these runs, so that the next `chainOf` knows it. */
  learn(team: string, outcome: Extract<RunOutcome, { kind: 'other-parent' }>): Promise<void>;
}

const MOST_KNOWN = 50_000;

/**
 * Remembers which run started which: it is set by a run's first call and never changes, so what was read once holds. A
 * request of a run that this process does not know assumes that nothing started it; the store, which is asked anyway, says
 * so where that is wrong, and the request starts again with what is true (docs/decisions/018).
 */
export const makeRunBook = (store: RunStore): RunBook => {
  const parents = new Map<string, string | null>();

  const remember = (team: string, id: string, parent: string | null): void => {
    const key = runKey(team, id);
    parents.delete(key);
    parents.set(key, parent);
    for (const oldest of parents.keys()) {
      if (parents.size <= MOST_KNOWN) break;
      parents.delete(oldest);
    }
  };

  return {
    ...store,

    chainOf(team, { id, parents: said }) {
      const ids = [id, ...said];
      for (const [i, run] of ids.entries()) {
        const known = parents.get(runKey(team, run));
        const next = ids[i + 1];
        if (known === undefined || known === next) continue;
        if (next !== undefined) return { ok: false, problem: otherParent(run, known) };
        if (known !== null) ids.push(known);
        // The chain grows while it is walked: what follows from one run may end in itself.
        if (hasTwice(ids) || ids.length > MAX_RUN_DEPTH) break;
      }
      if (hasTwice(ids)) return { ok: false, problem: `a run can't have started itself: ${pathText(ids)}` };
      if (ids.length > MAX_RUN_DEPTH)
        return {
          ok: false,
          problem: `at most ${MAX_RUN_DEPTH} runs may stand one below the other, and ${pathText(ids)} are more`,
        };
      return { ok: true, ids };
    },

    async enter(entry) {
      const outcome = await store.enter(entry);
      if (outcome.kind === 'entered')
        for (const [i, { id }] of entry.runs.entries()) remember(entry.team, id, entry.runs[i + 1]?.id ?? null);
      return outcome;
    },

    async learn(team, { run, parent }) {
      remember(team, run, parent);
      for (let above = parent, steps = 0; above !== null && steps < MAX_RUN_DEPTH; steps++) {
        const [record] = await store.read(team, [above]);
        // Not known, or killed before it began: what is next asked of the store says so.
        if (record === undefined || record.startedAt === null) return;
        remember(team, above, record.parent);
        above = record.parent;
      }
    },
  };
};

const hasTwice = (ids: readonly string[]): boolean => new Set(ids).size !== ids.length;

/** From the top down, as the header has it. */
const pathText = (ids: readonly string[]): string => ids.toReversed().join('/');

const otherParent = (run: string, parent: string | null): string =>
  parent === null
    ? `the run ${run} has begun without a parent, and keeps none`
    : `the run ${run} was started by the run ${parent}, and belongs to it`;

/** What all requests of a run are watched under, so that they can be stopped together (`Cancellations`). */
export const runCancellation = (team: string, id: string): string => `run#${escapeId(runKey(team, id))}`;

/** One call's entry into its runs, with what each of them may do. */
export const runEntryOf = (team: string, ids: readonly string[], budgets: Budgets): RunEntry => ({
  team,
  runs: ids.map((id) => runLimitsOf(team, id, budgets)),
});

export const runLimitsOf = (team: string, id: string, budgets: Budgets): RunLimits => {
  const { calls, lastsMs } = runBudgetOf(runKey(team, id), budgets) ?? {};
  return { id, ...present('calls', calls), ...present('lastsMs', lastsMs) };
};
