/** Anthropic takes ids of letters, digits, `_` and `-`, and no id twice in a conversation. */
const TAKEN_AS_IS = /^[a-zA-Z0-9_-]{1,128}$/;

export interface CallIds {
  /** The id for a call, unique among all before it. */
  ofCall(id: string): string;
  /** The id for a result: that of the nearest call before it with the same original id. */
  ofResult(id: string): string;
}

/** Some vendors count their calls anew in every answer (`call_0`), others use characters that Anthropic refuses. */
export const makeCallIds = (): CallIds => {
  const used = new Set<string>();
  const latest = new Map<string, string>();
  /** Where the search for a free number goes on: thousands of calls may share one id. */
  const counts = new Map<string, number>();
  return {
    ofCall(id) {
      const plain = plainId(id);
      let unique = plain;
      let count = counts.get(plain) ?? 1;
      while (used.has(unique)) {
        count += 1;
        unique = `${plain}_${count}`;
      }
      counts.set(plain, count);
      used.add(unique);
      latest.set(id, unique);
      return unique;
    },
    ofResult: (id) => latest.get(id) ?? plainId(id),
  };
};

const plainId = (id: string): string => {
  if (TAKEN_AS_IS.test(id)) return id;
  const plain = id.replaceAll(/[^a-zA-Z0-9_-]/g, '_').slice(0, 100);
  return plain === '' ? 'call' : plain;
};
