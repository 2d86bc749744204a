import type { NanoUsd } from '../../contract/money.ts';
import type { AttemptRecord } from '../call/call.ts';
import { type Refusal, refuse } from '../failures.ts';
import type { AccountFigures, AccountRef, HoldOutcome } from '../ledger.ts';
import { type Ports, StoreUnavailable } from '../ports.ts';
import { attemptCost } from '../settle/attempt-cost.ts';
import type { Target } from '../target.ts';
import { roomsOf } from './account-rooms.ts';
import { type Admission, holdRequestOf } from './admission.ts';
import { budgetRefusal, isSpentSomewhere } from './admit-refusals.ts';
import { ceilingAt } from './at-target.ts';
import { largestWithin } from './clamp.ts';
import { leastOutputTokens, outputLimitOf } from './output-limit.ts';
import { reserveBeside, targetBehind } from './pass-over-canaries.ts';

/** Others take what was left meanwhile. */
const MOST_CLAMPS = 3;

/**
 * Makes the hold cover one more attempt: what the earlier ones may be billed, and this target's own ceiling. A hop that
 * the hold already covers costs no trip. The dearer call may be made only when every account has said yes; where those that
 * said no have back-pressure, its output limit is lowered to what they have left.
 */
export const topUp = async (
  target: Target,
  earlier: readonly AttemptRecord[],
  admission: Admission,
  ports: Pick<Ports, 'ledger' | 'clock' | 'log'>,
): Promise<Refusal | undefined> => {
  const { lowered } = admission;
  const billed = earlier.reduce((sum, attempt) => sum + attemptCost(attempt, admission).cost, 0n);
  const from = admission.hold;
  // What an earlier hop to the same target was lowered to may be more now, or less.
  lowered.byTarget.delete(target.id);
  let { tokens } = outputLimitOf(admission, target);
  const ceilingOf = (outputTokens: number): NanoUsd => ceilingAt(target, admission, outputTokens);

  const fitWithin = (room: bigint): boolean => {
    const least = leastOutputTokens(admission, target);
    const lower = largestWithin(room - billed, ceilingOf, { least, most: tokens - 1 });
    if (lower === undefined) return false;
    tokens = lower;
    lowered.byTarget.set(target.id, lower);
    return true;
  };
  const needed = (): bigint => billed + ceilingOf(tokens) + reserveBeside(target, admission);
  // A canary answers as its target would, or its target does.
  const mayLower = targetBehind(target, admission) === undefined;

  // A request that was lowered at the door holds all that was left: first what that covers.
  if (needed() > from && lowered.all !== undefined && mayLower) fitWithin(from);
  for (let clamps = 0; ; clamps++) {
    const to = needed();
    if (to <= from) return undefined;
    const outcome = await raise(target, admission, { from, to }, ports);
    if (outcome.kind === 'failed') return outcome.refusal;
    if (outcome.kind === 'held') {
      admission.hold = to;
      return undefined;
    }
    const room = mayLower && clamps < MOST_CLAMPS ? leastRoomOf(outcome, admission.accounts, to - from) : undefined;
    if (room === undefined || !fitWithin(from + room)) {
      const amount = to - from;
      const isSpentElsewhere = isSpentSomewhere(roomsOf(admission.accounts, outcome.standing), amount, from);
      return budgetRefusal(outcome, amount, ports.clock.now(), { own: from, isSpentElsewhere });
    }
  }
};

/** What is left of the accounts that refused, where all of them have back-pressure. */
const leastRoomOf = (
  { standing }: { standing: readonly AccountFigures[] },
  accounts: readonly AccountRef[],
  amount: bigint,
): bigint | undefined => {
  const short = roomsOf(accounts, standing).filter(({ room }) => room < amount);
  if (short.length === 0 || short.some(({ account }) => account.backPressure !== 'clamp')) return undefined;
  return short.reduce((least, { room }) => (room < least ? room : least), amount);
};

type Raised = Extract<HoldOutcome, { kind: 'held' | 'refused' }> | { kind: 'failed'; refusal: Refusal };

const raise = async (
  target: Target,
  admission: Admission,
  hold: { from: bigint; to: bigint },
  ports: Pick<Ports, 'ledger' | 'log'>,
): Promise<Raised> => {
  try {
    const more = holdRequestOf(admission, hold.to - hold.from);
    const outcome = await ports.ledger.topUp(admission.requestId, more, hold);
    if (outcome.kind !== 'wrong-epoch') return outcome;
    return failed(`The hold for "${target.id}" came too late: the request ran past its epoch.`);
  } catch (error) {
    // Unanswered: the extra may be held and heals at the close; the dearer target stays uncalled.
    if (!(error instanceof StoreUnavailable)) throw error;
    ports.log.error('top-up unanswered', { request_id: admission.requestId, target: target.id, error });
    return failed('The ledger did not answer, and no call is made without it. Try again.');
  }
};

const failed = (message: string): Raised => ({
  kind: 'failed',
  refusal: refuse('store_unavailable', message, { retryAfterMs: 1_000 }),
});
