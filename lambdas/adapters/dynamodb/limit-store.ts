import { epochOf } from '../../contract/timing.ts';
import { type Rate, ratesOf } from '../../core/admit/limit-figures.ts';
import type { LimitFigures, LimitStore, LimitTake } from '../../core/admit/limit-store.ts';
import { type LimitWait, longestOf } from '../../core/admit/limit-waits.ts';
import { StoreUnavailable } from '../../core/ports.ts';
import { type Item, textOf } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { toStoreUnavailable } from './faults.ts';
import { figuresOf, isNever, makeGuesses, refusalsOf } from './limit-item.ts';
import { leaveWrite, limitKey, rebaseWrite, takeWrite } from './limit-writes.ts';

type Taken =
  | { kind: 'taken'; item: Item }
  | { kind: 'refused'; item: Item; refusals: LimitWait[] }
  | { kind: 'unanswered'; error: unknown };

interface When {
  epoch: number;
  nowMs: number;
}

/** Under contention a write meets another's; each try has seen a later state. */
const TRIES = 24;

/** Rate limits by GCRA and requests under way, one item a scope and one conditional write a scope and request. */
export const makeDynamoLimitStore = (dynamo: Dynamo): LimitStore => {
  const table = dynamo.names.limits;
  const guesses = makeGuesses();

  const readItem = async (scope: string): Promise<Item> => (await dynamo.get(table, limitKey(scope))).item ?? {};

  /** Sent once, and once more after no answer: what the first may have taken drains by itself. */
  const takeScope = async (take: LimitTake, { epoch, nowMs }: When): Promise<Taken> => {
    let seen: Item | undefined = isNever(take) ? await readItem(take.scope) : undefined;
    let isLeaked = false;
    for (let i = 0; i < TRIES; i++) {
      const refusals = seen === undefined ? [] : refusalsOf(take, seen, epoch, nowMs);
      if (seen !== undefined && refusals.length > 0) {
        const rebase = rebaseWrite(table, take, { nowMs, seen });
        if (rebase !== undefined) await dynamo.update(rebase);
        return { kind: 'refused', item: seen, refusals };
      }
      const written = await dynamo.updateOnce(takeWrite(table, take, { epoch, nowMs, seen, guesses }));
      if (written.kind === 'done') {
        const item = written.item ?? {};
        guesses.learn(take.scope, item, nowMs, false);
        return { kind: 'taken', item };
      }
      if (written.kind === 'failed') {
        seen = written.item ?? {};
        guesses.learn(take.scope, seen, nowMs, true);
      } else if (isLeaked) return { kind: 'unanswered', error: written.error };
      else isLeaked = true;
    }
    return { kind: 'unanswered', error: new StoreUnavailable(`${take.scope} is written to too often`) };
  };

  /** Sent once; what is not answered drains by itself, or ages out. @returns the item afterwards, where it is known */
  const leave = async (take: LimitTake, { epoch, nowMs }: When, changes: Rate[]): Promise<Item | undefined> => {
    let seen: Item | undefined;
    for (let i = 0; i < TRIES; i++) {
      const write = leaveWrite(table, take, { epoch, nowMs, changes, seen, guesses });
      if (write === undefined) return seen;
      const written = await dynamo.updateOnce(write);
      if (written.kind === 'done') {
        guesses.learn(take.scope, written.item ?? {}, nowMs, false);
        return written.item;
      }
      if (written.kind === 'unanswered') throw toStoreUnavailable(written.error);
      seen = written.item ?? {};
      guesses.learn(take.scope, seen, nowMs, true);
    }
    throw new StoreUnavailable(`${take.scope} is written to too often`);
  };

  const giveBack = async (take: LimitTake, when: When): Promise<Item | undefined> => {
    try {
      return await leave(
        take,
        when,
        ratesOf(take).map((rate) => ({ ...rate, units: -rate.units })),
      );
    } catch (error) {
      dynamo.log.warn('limit not given back: it drains by itself', { scope: take.scope, error });
      return undefined;
    }
  };

  return {
    take: async (takes, epoch, nowMs) => {
      const when = { epoch, nowMs };
      const limited = takes.filter(isLimited);
      const settled = await Promise.allSettled(limited.map((take) => takeScope(take, when)));
      const outcomes = settled.map(
        (one): Taken => (one.status === 'fulfilled' ? one.value : { kind: 'unanswered', error: one.reason }),
      );
      if (outcomes.every((one) => one.kind === 'taken')) {
        const figures = limited.flatMap((take, i) => figuresOf(take, outcomes[i]?.item ?? {}, epoch, nowMs));
        return { kind: 'taken', figures };
      }

      // What others have is theirs; what this request took goes back, so that a refusal leaves no trace.
      const items = await Promise.all(
        limited.map(async (take, i) => {
          const one = outcomes[i];
          if (one?.kind === 'taken') return (await giveBack(take, when)) ?? one.item;
          return one?.kind === 'refused' ? one.item : {};
        }),
      );
      const worst = longestOf(outcomes.flatMap((one) => (one.kind === 'refused' ? one.refusals : [])));
      const unanswered = outcomes.find((one) => one.kind === 'unanswered');
      if (worst === undefined || unanswered !== undefined) throw toStoreUnavailable(unanswered?.error);
      const figures = limited.flatMap((take, i) => figuresOf(take, items[i] ?? {}, epoch, nowMs));
      return { kind: 'refused', ...worst, figures };
    },

    giveBack: async (takes, epoch, nowMs) => {
      await Promise.all(takes.filter(isLimited).map((take) => giveBack(take, { epoch, nowMs })));
    },

    settle: async (takes, epoch, usedTokens, nowMs) => {
      await Promise.all(
        takes.filter(isLimited).map((take) => {
          const tokens = ratesOf(take).filter(({ what }) => what === 'tokens');
          const changes = tokens.map((rate) => ({ ...rate, units: usedTokens - rate.units }));
          return leave(take, { epoch, nowMs }, changes);
        }),
      );
    },

    read: async (takes, nowMs): Promise<LimitFigures[]> => {
      const limited = takes.filter(isLimited);
      const items = await dynamo.getMany(
        table,
        limited.map(({ scope }) => limitKey(scope)),
      );
      const byKey = new Map(items.map((item) => [textOf(item, 'pk'), item]));
      return limited.flatMap((take) =>
        figuresOf(take, byKey.get(limitKey(take.scope)['pk']?.S) ?? {}, epochOf(nowMs), nowMs),
      );
    },
  };
};

const isLimited = (take: LimitTake): boolean => ratesOf(take).length > 0 || take.limit.concurrent !== undefined;
