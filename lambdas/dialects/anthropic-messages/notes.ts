import type { Charge, Conversation, CostBearing } from '../../core/conversation.ts';

/** What a decoder meets on its way that has no place in the conversation. */
export interface Notes {
  /** Kept where the target speaks this dialect, dropped and named elsewhere. */
  lose(field: string): void;
  /** Carries meaning: only a target of this dialect will do. The first one is kept, to name it. */
  bind(what: string): void;
  /** Is billed by more than its tokens at standard rates. @param bound what an alias's bounds know it by; the field's name unless given */
  charge(field: string, charge: Charge, bound?: string): void;
  taken(): Pick<Conversation, 'sameDialectOnly' | 'costBearing' | 'boundTo'>;
}

/** Names are told to the client in a header: so many, and no longer than that. */
const MOST_NAMES = 32;
const LONGEST_NAME = 64;

/** Losing these changes how fast an answer comes, not what it says. */
const DISPENSABLE = new Set(['speed', 'service_tier']);

export const makeNotes = (): Notes => {
  const lost = new Set<string>();
  const charged: CostBearing[] = [];
  let bound: string | undefined;
  const add = (names: Set<string>, name: string): void => {
    if (names.size < MOST_NAMES) names.add(name.slice(0, LONGEST_NAME));
  };
  return {
    lose: (field) => add(lost, field),
    bind: (what) => {
      bound ??= what;
    },
    charge: (field, charge, bound = field) => {
      const name = field.slice(0, LONGEST_NAME);
      charged.push({
        field: name,
        bound,
        dialect: 'anthropic-messages',
        isDispensable: DISPENSABLE.has(name),
        ...charge,
      });
    },
    taken: () => ({
      sameDialectOnly: [...lost],
      costBearing: charged,
      ...(bound !== undefined && { boundTo: { dialect: 'anthropic-messages', what: bound } }),
    }),
  };
};
