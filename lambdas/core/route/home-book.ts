/** Where a conversation's prompt cache is, as far as this process knows. */
export interface Home {
  target: string;
  /** What of its last request is in the cache, tokens as they were estimated then. */
  cachedTokens: number;
  /** Milliseconds since 1970: the vendor has forgotten it by then. */
  warmUntil: number;
}

/** The homes of the conversations that this process has answered. Never asks a store: another process just does not know them. */
export interface HomeBook {
  homeOf(conversation: string, now: number): Home | undefined;
  note(conversation: string, home: Home): void;
}

/** Some 2 MB. */
const MOST_HOMES = 10_000;

/** Keeps the homes that were noted last. */
export const makeHomeBook = (mostHomes = MOST_HOMES): HomeBook => {
  // A map keeps the order in which its keys were set.
  const homes = new Map<string, Home>();
  return {
    homeOf(conversation, now) {
      const home = homes.get(conversation);
      return home !== undefined && now < home.warmUntil ? home : undefined;
    },
    note(conversation, home) {
      homes.delete(conversation);
      homes.set(conversation, home);
      const [oldest] = homes.keys();
      if (homes.size > mostHomes && oldest !== undefined) homes.delete(oldest);
    },
  };
};
