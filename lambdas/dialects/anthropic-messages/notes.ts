import type { Conversation } from '../../core/conversation.ts';

/** What a decoder meets on its way that has no place in the conversation. */
export interface Notes {
  /** Kept where the target speaks this dialect, dropped and named elsewhere. */
  lose(field: string): void;
  /** Carries meaning: only a target of this dialect will do. The first one is kept, to name it. */
  bind(what: string): void;
  /** Costs more than its tokens. */
  charge(field: string): void;
  taken(): Pick<Conversation, 'sameDialectOnly' | 'costBearing' | 'boundTo'>;
}

/** Names are told to the client in a header: so many, and no longer than that. */
const MOST_NAMES = 32;
const LONGEST_NAME = 64;

export const makeNotes = (): Notes => {
  const lost = new Set<string>();
  const charged = new Set<string>();
  let bound: string | undefined;
  const add = (names: Set<string>, name: string): void => {
    if (names.size < MOST_NAMES) names.add(name.slice(0, LONGEST_NAME));
  };
  return {
    lose: (field) => add(lost, field),
    bind: (what) => {
      bound ??= what;
    },
    charge: (field) => add(charged, field),
    taken: () => ({
      sameDialectOnly: [...lost],
      costBearing: [...charged],
      ...(bound !== undefined && { boundTo: { dialect: 'anthropic-messages', what: bound } }),
    }),
  };
};
