import type { NanoUsd } from '../../contract/money.ts';
import type { Ledger, LedgerEntry } from '../../core/ledger.ts';

/** What the caches did for one alias's requests. Amounts in nano-USD. */
export interface AliasUse {
  alias: string;
  exactHits: number;
  semanticHits: number;
  misses: number;
  /** Asked neither: not cacheable, or the client said so. */
  off: number;
  saved: NanoUsd;
  /** Paid for the vectors of questions. */
  embeddings: NanoUsd;
  /** Semantic hits that were asked upstream as well, and what that cost. */
  audits: number;
  auditCost: NanoUsd;
  /** What a score had to reach in the newest request that says, with whose vectors; and when that was. */
  threshold?: { value: number; embedder: string | undefined; at: number };
}

export interface RecentUse {
  /** Requests looked at. */
  entries: number;
  /** When the oldest of them came, milliseconds since 1970; undefined without any. */
  since: number | undefined;
  aliases: AliasUse[];
}

export interface UseFilter {
  team?: string;
  alias?: string;
}

/** Entries that one read of the ledger asks for. */
const PAGE = 500;

/** What the last requests say, newest first, and no more than so many of them. */
export const readRecentUse = async (
  ledger: Pick<Ledger, 'tail'>,
  most: number,
  { team, alias }: UseFilter,
): Promise<RecentUse> => {
  const aliases = new Map<string, AliasUse>();
  let [entries, since, before]: [number, number | undefined, string | undefined] = [0, undefined, undefined];
  while (entries < most) {
    const limit = Math.min(PAGE, most - entries);
    const page = await ledger.tail({ limit, ...(before !== undefined && { before }) });
    for (const entry of page) {
      since = entry.openedAt;
      if ((team === undefined || entry.team === team) && (alias === undefined || entry.alias === alias))
        count(entry, aliases);
    }
    entries += page.length;
    before = page.at(-1)?.requestId;
    if (page.length < limit) break;
  }
  return { entries, since, aliases: [...aliases.values()].sort((a, b) => (a.alias < b.alias ? -1 : 1)) };
};

const count = (entry: LedgerEntry, aliases: Map<string, AliasUse>): void => {
  const { cache, cacheAudit } = entry.receipt;
  if (cache === undefined && cacheAudit === undefined) return;
  const use = aliases.get(entry.alias) ?? unused(entry.alias);
  aliases.set(entry.alias, use);
  if (cacheAudit !== undefined) {
    use.audits += 1;
    use.auditCost += entry.cost;
    return;
  }
  if (cache === undefined) return;
  if (cache.result === 'hit-exact') use.exactHits += 1;
  else if (cache.result === 'hit-semantic') use.semanticHits += 1;
  else if (cache.result === 'miss') use.misses += 1;
  else use.off += 1;
  use.saved += BigInt(cache.saved ?? 0);
  use.embeddings += BigInt(cache.embedding?.cost ?? 0);
  // Newest first: the first one seen says what holds.
  if (cache.semantic !== undefined) {
    const { threshold: value, embedder } = cache.semantic;
    use.threshold ??= { value, embedder, at: entry.openedAt };
  }
};

const unused = (alias: string): AliasUse => ({
  alias,
  exactHits: 0,
  semanticHits: 0,
  misses: 0,
  off: 0,
  saved: 0n,
  embeddings: 0n,
  audits: 0,
  auditCost: 0n,
});
