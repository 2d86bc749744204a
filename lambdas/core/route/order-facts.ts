/** By what rule an alias's targets are put in order. */
export const POLICIES = ['ordered', 'weighted', 'cheapest', 'fastest'] as const;
export type PolicyName = (typeof POLICIES)[number];

/**
 * All that an order rests on, as values: the same facts give the same order, so a receipt that carries them can be checked.
 * Figures stand in the order in which the configuration lists the targets. What does not matter is left out, since receipts
 * are paid for by the kilobyte.
 */
export type OrderFacts = PolicyFacts & { slowStart?: SlowStart };

export type PolicyFacts =
  | { policy: 'ordered' }
  | {
      policy: 'weighted';
      /** The conversation's name where it is to stay with its target, else the random draw. */
      seed: string;
      weights: number[];
    }
  | {
      policy: 'cheapest';
      /** Expected cost of this request, nano-USD, decimal. */
      costs: string[];
      /** The target that holds the conversation's prompt cache: its cost has that discount. */
      home?: number;
    }
  | {
      policy: 'fastest';
      /** Expected time until a usual answer is whole, milliseconds; null = not measured of late. */
      ms: (number | null)[];
      home?: number;
      /** The conversation's name, which chooses among targets that are as fast; absent where there are none, or its home is known. */
      seed?: string;
      /** Slower targets that were not measured for a while, and may have recovered; absent where there are none. */
      stale?: number[];
      /** The random draw that decides whether an unmeasured or stale target is tried; absent where there is none. */
      draw?: number;
    };

/** Targets whose circuits have closed a while ago, and get only some of what is theirs. */
export interface SlowStart {
  /** This conversation's place between 0 and 1: it is let in where that is below the share. */
  place: number;
  /** Target and the share of conversations that it gets. */
  shares: [target: number, share: number][];
}
