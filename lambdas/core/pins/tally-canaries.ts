import type { LedgerEntry } from '../ledger.ts';
import type { Attempt, CanaryNote, Flaw, Receipt } from '../receipt.ts';
import { canaryStanding, isRegionOf } from '../route/arrange-canaries.ts';

/** What became of one request, seen from the version that it was drawn for. */
export interface Seen {
  requestId: string;
  /** Its conversation's place: requests with the same place are of one conversation. */
  conversation: number;
  /** The share that was in force. */
  share: number;
  /** What its first attempt failed with; whoever answered in its place is not looked at. */
  failure?: Attempt['failure'];
  /** Answered by it, to the end. */
  answer?: { durationMs: number; firstTokenMs?: number; outputTokens: number; flaw?: Flaw };
  /** Whether it was answered at all. */
  isAnswered: boolean;
  /** Of its attempts, and of the others that were made for this request, nano-USD. */
  cost: bigint;
  costOfOthers: bigint;
}

/** One of two versions, and the requests whose conversations were drawn for it, or were not drawn. */
export interface Arm {
  /** `provider/model`. */
  version: string;
  /** Those that it was asked with, newest first where they were added so. */
  seen: Seen[];
}

/** A canary beside the target whose place it takes. */
export interface CanaryTally {
  alias: string;
  target: Arm;
  canary: Arm;
  /** Requests that were drawn for the canary and went elsewhere, by why. */
  notAsked: Map<string, number>;
}

/**
 * Gathers entries, newest first, by what their receipts say of the draw: the two sides differ by chance alone. Open and lost
 * entries say nothing yet.
 */
export const makeCanaryTally = (options: { alias: string | undefined }) => {
  const tallies = new Map<string, CanaryTally>();
  return {
    tallies: (): CanaryTally[] => [...tallies.values()],
    add: (entry: LedgerEntry): void => {
      if (entry.state !== 'settled') return;
      for (const note of entry.receipt.plan.canaries ?? []) {
        const alias = note.alias ?? entry.alias;
        if (note.unnamed || (options.alias !== undefined && alias !== options.alias)) continue;
        const key = JSON.stringify([alias, note.of, note.target]);
        const tally = tallies.get(key) ?? {
          alias,
          target: { version: note.of, seen: [] },
          canary: { version: note.target, seen: [] },
          notAsked: new Map(),
        };
        tallies.set(key, tally);
        addTo(tally, note, entry);
      }
    },
  };
};

const addTo = (tally: CanaryTally, note: CanaryNote, { requestId, receipt }: LedgerEntry): void => {
  const isDrawn = canaryStanding(note) === 'first';
  const arm = isDrawn ? tally.canary : tally.target;
  const own = receipt.attempts.filter(({ target }) => isRegionOf(target, arm.version));
  const [first] = own;
  if (first === undefined) {
    // An answer from the cache has asked nobody.
    if (!isDrawn || receipt.attempts.length === 0) return;
    const why = whyNotAsked(receipt, arm.version);
    tally.notAsked.set(why, (tally.notAsked.get(why) ?? 0) + 1);
    return;
  }
  // Its client has gone, which says nothing of it.
  if (first.failure === 'cancelled') return;
  const answer = own.at(-1);
  const isAnswered = receipt.outcome === 'answered';
  const isOwn = isAnswered && receipt.answeredBy !== undefined && isRegionOf(receipt.answeredBy, arm.version);
  const cost = costOf(own);
  arm.seen.push({
    requestId,
    conversation: note.place,
    share: note.unread ? 0 : note.share * (note.slowStart ?? 1),
    ...(first.failure !== undefined && { failure: first.failure }),
    ...(isOwn && answer !== undefined && answer.failure === undefined && { answer: answerOf(answer, receipt) }),
    isAnswered,
    cost,
    costOfOthers: costOf(receipt.attempts) - cost,
  });
};

const answerOf = ({ durationMs, firstTokenMs, usage }: Attempt, receipt: Receipt): NonNullable<Seen['answer']> => ({
  durationMs,
  ...(firstTokenMs !== undefined && { firstTokenMs }),
  outputTokens: (usage ?? receipt.usage)?.outputTokens ?? 0,
  ...(receipt.flaw !== undefined && { flaw: receipt.flaw }),
});

const costOf = (attempts: readonly Attempt[]): bigint => attempts.reduce((sum, { cost }) => sum + BigInt(cost), 0n);

const whyNotAsked = ({ plan }: Receipt, version: string): string =>
  plan.passedOver.find(({ target }) => isRegionOf(target, version))?.reason ?? 'another came first';
