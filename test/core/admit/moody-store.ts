import type { LimitFigures, LimitOutcome, LimitStore, LimitTake } from '../../../lambdas/core/admit/limit-store.ts';
import { makeRunBook } from '../../../lambdas/core/admit/run-book.ts';
import type { RunEntry, RunOutcome, RunRecord, RunStore } from '../../../lambdas/core/admit/run-store.ts';
import type { AnswerStore } from '../../../lambdas/core/idempotency/answer-store.ts';
import type { AccountFigures, AccountRef, HoldOutcome, HoldRequest, Ledger } from '../../../lambdas/core/ledger.ts';
import type { Ports } from '../../../lambdas/core/ports.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { makeMemoryLog } from '../call/call-fixture.ts';

export type What = 'limits' | 'quota' | 'hold' | 'run' | 'claim';

/** A store that says yes, says no or falls silent as the choices have it, and keeps book of what it surely gave out. */
export interface MoodyStore {
  ports: Pick<Ports, 'clock' | 'limits' | 'ledger' | 'runs' | 'answers' | 'log' | 'circuitBoard'>;
  /** What was surely taken and has not been given back. */
  standing(what: What): string[];
  /** What must never happen: giving back what nobody surely took, or an entry before every scope has said yes. */
  wrongs: string[];
  /** Requests whose entry is surely open. */
  opened: string[];
  /** Every call, as it was made, and what was said to it. */
  told: string[];
  /** Answers what is asked, a few at a time, until the promise settles. @returns how many trips it took */
  run(work: Promise<unknown>): Promise<number>;
}

interface Pending {
  answer: () => void;
}

/**
 * @param choices consumed one a decision; when none is left, everything goes well
 * @param needs what an entry needs
 */
export const makeMoodyStore = (
  choices: readonly number[],
  { needs, startMs, isHasty }: { needs: readonly What[]; startMs: number; isHasty: boolean },
): MoodyStore => {
  const left = [...choices];
  /** 0 is what goes well. */
  const draw = (below: number): number => (left.shift() ?? 0) % below;
  /** The first three times out of four. */
  const mood = <T extends string>(well: T, ...ill: T[]): T => {
    const drawn = draw(4 * Math.max(1, ill.length));
    return (drawn < 3 * ill.length ? well : ill[drawn % ill.length]) ?? well;
  };

  let now = startMs;
  /** The store's clock runs wild from here on, and somebody else's request under the same key never ends. */
  let isWild = false;
  let isStuck = false;
  const told: string[] = [];
  const wrongs: string[] = [];
  const pending: Pending[] = [];
  const sure: Record<What, string[]> = { limits: [], quota: [], hold: [], run: [], claim: [] };
  const opened: string[] = [];
  /** Holds under entries that may live. */
  const underEntries = new Map<string, string>();

  const took = (what: What, id: string): void => void sure[what].push(id);
  const gaveBack = (what: What, id: string): void => {
    const at = sure[what].indexOf(id);
    if (at === -1) wrongs.push(`gave back ${what} ${id}, which was not surely taken`);
    else sure[what].splice(at, 1);
  };

  /** The call is on its way from here on; it is answered when its turn comes. */
  const trip = <T>(name: string, answer: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      pending.push({
        answer: () => {
          try {
            resolve(answer());
          } catch (error) {
            reject(error);
          }
        },
      });
      told.push(name);
    });
  const unanswered = (name: string): never => {
    told.push(`${name}: no answer`);
    throw new StoreUnavailable('no answer');
  };
  const giveBack = (what: What, id: string): Promise<void> => {
    // Sent once, whatever is said to it.
    gaveBack(what, id);
    return trip(`give back ${what}`, () => {
      if (mood('done', 'no answer') === 'no answer') unanswered(`give back ${what}`);
    });
  };

  const figuresOf = (takes: readonly LimitTake[], remaining: (limit: number) => number): LimitFigures[] =>
    takes.flatMap(({ scope, limit: { requestsPerMinute, tokensPerMinute, concurrent } }) =>
      (
        [
          ['requests', requestsPerMinute],
          ['tokens', tokensPerMinute],
          ['concurrent', concurrent],
        ] as const
      ).flatMap(([what, limit]) =>
        limit === undefined ? [] : [{ scope, what, limit, remaining: remaining(limit), resetMs: 1_000 }],
      ),
    );

  const whatOf = (takes: readonly LimitTake[]): What =>
    takes.some(({ scope }) => scope.startsWith('target#')) ? 'quota' : 'limits';
  const takeId = (takes: readonly LimitTake[], epoch: number): string =>
    `${epoch} ${takes.map(({ scope, tokens }) => `${scope}=${tokens}`).join(' ')}`;
  const limits: LimitStore = {
    take: (takes, epoch) =>
      trip(`take ${whatOf(takes)}`, (): LimitOutcome => {
        const outcome = mood('taken', 'refused', 'no answer');
        if (outcome === 'no answer') return unanswered(`take ${whatOf(takes)}`);
        told.push(`take ${whatOf(takes)}: ${outcome}`);
        if (outcome === 'taken') {
          took(whatOf(takes), takeId(takes, epoch));
          return { kind: 'taken', figures: figuresOf(takes, (limit) => limit) };
        }
        const figures = figuresOf(takes, (limit) => Math.floor((limit * draw(4)) / 4));
        const [by] = figures;
        if (by === undefined) throw new Error('nothing can refuse');
        return { kind: 'refused', by, retryAfterMs: 500, never: draw(2) === 1, figures };
      }),
    giveBack: (takes, epoch) => giveBack(whatOf(takes), takeId(takes, epoch)),
    settle: () => trip('settle', () => undefined),
    read: async () => [],
  };

  const holdId = ({ accounts, epoch, amount, capVersion }: HoldRequest): string =>
    `${epoch} ${capVersion} ${amount} ${accounts.map(({ key }) => key).join(' ')}`;
  const committedOf = (cap: bigint, amount: bigint): bigint =>
    [0n, cap / 2n, (cap * 95n) / 100n, cap - amount / 3n, cap][draw(5)] ?? 0n;
  const standingOf = ({ key, cap }: AccountRef, capVersion: number, committed: bigint): AccountFigures => ({
    ...{ key, cap, capVersion, committed, spent: 0n, held: committed },
    ...{ requests: 0, inputTokens: 0, outputTokens: 0 },
  });
  const ledger: Ledger = {
    hold: (request) =>
      trip('hold', (): HoldOutcome => {
        const { accounts, amount, capVersion } = request;
        const outcome = isWild ? 'wild' : mood('held', 'refused', 'refused', 'wrong-epoch', 'wild', 'no answer');
        if (outcome === 'no answer') return unanswered('hold');
        told.push(`hold: ${outcome}`);
        isWild = outcome === 'wild';
        if (outcome === 'wild' || outcome === 'wrong-epoch')
          return { kind: 'wrong-epoch', storeNow: now + ([1_000, -400_000, 400_000][draw(3)] ?? 0) };
        const capped = accounts.filter(({ cap }) => cap !== null);
        const account = capped[draw(capped.length)];
        if (account === undefined) throw new Error('nothing can refuse');
        const areAllNear = draw(2) === 1;
        const all = accounts.map((one) =>
          standingOf(one, capVersion, areAllNear || one === account ? committedOf(one.cap ?? amount, amount) : amount),
        );
        if (outcome === 'refused')
          return { kind: 'refused', account, figures: all.find(({ key }) => key === account.key), standing: all };
        took('hold', holdId(request));
        return { kind: 'held', figures: all };
      }),
    giveBack: (request) => giveBack('hold', holdId(request)),
    open: ({ requestId, epoch, hold, accounts }) => {
      const missing = needs.filter((what) => what !== 'quota' && sure[what].length !== 1);
      if (missing.length > 0) wrongs.push(`an entry without ${missing.join(', ')}`);
      // From here on it may exist, and nobody but the store can say when it does not.
      const held = sure.hold[0] ?? '';
      if (!held.startsWith(`${epoch} `) || !held.endsWith(` ${hold} ${accounts.join(' ')}`))
        wrongs.push(`the entry does not say what is held: ${held}`);
      gaveBack('hold', held);
      underEntries.set(requestId, held);
      return trip('open', () => {
        const outcome = mood('open', 'too late', 'no answer');
        if (outcome === 'no answer') return unanswered('open');
        told.push(`open: ${outcome}`);
        if (outcome === 'open') opened.push(requestId);
        return outcome === 'open';
      });
    },
    refuse: (requestId) =>
      trip('refuse', () => {
        const outcome = mood('dead', 'no answer', 'settled');
        if (outcome === 'no answer') return unanswered('refuse');
        told.push(`refuse: ${outcome}`);
        if (outcome === 'settled') throw new Error('the entry has been settled');
        const held = underEntries.get(requestId);
        if (held === undefined) wrongs.push(`there is no entry ${requestId}`);
        else took('hold', held);
        underEntries.delete(requestId);
      }),
    topUp: () => Promise.reject(new Error('not at the door')),
    settle: () => Promise.reject(new Error('not at the door')),
    read: async () => undefined,
    figures: async () => [],
    tail: async () => [],
    closeDueEpochs: async () => [],
  };

  const runId = ({ team, runs }: RunEntry): string => `${team} ${runs.map(({ id }) => id).join('<')}`;
  const recordOf = (team: string, id: string): RunRecord => ({
    ...{ team, id, parent: [null, 'boss', 'job'][draw(3)] ?? null },
    ...{ startedAt: startMs - 1_000, calls: 9, killed: null },
  });
  const runStore: RunStore = {
    enter: (entry) =>
      trip('enter', (): RunOutcome => {
        const [by] = entry.runs;
        if (by === undefined) throw new Error('an entry has runs');
        const outcome = mood('entered', 'refused', 'other-parent', 'no answer');
        if (outcome === 'no answer') return unanswered('enter');
        told.push(`enter: ${outcome}`);
        if (outcome === 'entered') {
          took('run', runId(entry));
          return { kind: 'entered', endsAt: draw(2) === 1 ? now + 60_000 : null };
        }
        const record = recordOf(entry.team, by.id);
        if (outcome === 'other-parent') return { kind: 'other-parent', run: by.id, parent: record.parent };
        return { kind: 'refused', by, because: 'calls', record };
      }),
    leave: (entry) => giveBack('run', runId(entry)),
    read: (team, ids) =>
      trip('read runs', () => {
        const outcome = mood('known', 'unknown', 'no answer');
        if (outcome === 'no answer') return unanswered('read runs');
        return outcome === 'known' ? ids.map((id) => ({ ...recordOf(team, id), parent: null })) : [];
      }),
    kill: () => Promise.reject(new Error('not at the door')),
  };

  const answers: AnswerStore = {
    claim: ({ owner }) =>
      trip('claim', () => {
        const outcome = isStuck
          ? 'stuck'
          : mood('claimed', 'in-progress', 'stuck', 'answered', 'mismatch', 'too-large', 'no answer');
        if (outcome === 'no answer') return unanswered('claim');
        told.push(`claim: ${outcome}`);
        isStuck = outcome === 'stuck';
        if (outcome === 'stuck' || outcome === 'in-progress') return { kind: 'in-progress', leaseUntil: now + 60_000 };
        if (outcome === 'claimed') took('claim', owner);
        if (outcome === 'answered') return { kind: outcome, answer: { requestId: 'req', headers: {}, body: '' } };
        if (outcome === 'too-large') return { kind: outcome, requestId: 'req' };
        return { kind: outcome };
      }),
    keep: async () => true,
    release: ({ owner }) => giveBack('claim', owner),
  };

  /** Hasty stores answer all that is under way at once: one trip. Others let some wait, so that answers come in any order. */
  const answerSome = (): void => {
    const under = pending.splice(0);
    const chosen = isHasty ? under : under.filter(() => draw(2) === 0);
    const answered = chosen.length > 0 ? chosen : under.slice(0, 1);
    pending.unshift(...under.filter((call) => !answered.includes(call)));
    for (const { answer } of answered) answer();
  };

  return {
    ports: {
      clock: {
        now: () => now,
        sleep: (ms) =>
          trip('sleep', () => {
            now += ms;
          }),
        after: () => () => undefined,
      },
      limits,
      ledger,
      runs: makeRunBook(runStore),
      answers,
      log: makeMemoryLog(),
      circuitBoard: {
        tryEnter: async () => ({ kind: 'go' }),
        peek: () => (draw(8) === 7 ? { kind: 'wait', until: now + 1_000, because: 'circuit' } : { kind: 'go' }),
        report: () => undefined,
        shareOf: () => 1,
        leastBad: () => undefined,
        refresh: async () => undefined,
        catchUp: async () => undefined,
        settled: async () => undefined,
        startWaiting: () => () => undefined,
        heard: () => undefined,
      },
    },
    standing: (what) => [...sure[what], ...(what === 'hold' ? underEntries.values() : [])],
    wrongs,
    opened,
    told,
    async run(work) {
      let isSettled = false;
      const end = () => {
        isSettled = true;
      };
      work.then(end, end);
      for (let trips = 0; trips < 1_000; trips++) {
        // What the last answers lead to runs dry before the next are given.
        await new Promise<void>((resolve) => setImmediate(resolve));
        if (isSettled) return trips;
        if (pending.length === 0) throw new Error(`it waits for nothing: ${told.join(', ')}`);
        answerSome();
      }
      throw new Error(`it does not end: ${told.slice(-20).join(', ')}`);
    },
  };
};
