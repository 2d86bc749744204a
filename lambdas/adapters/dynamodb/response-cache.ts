import type { ResponseCache } from '../../core/cache/cache-stores.ts';
import { makeUnreadableNoter } from '../../core/cache/note-unreadable.ts';
import { ENTRY_VERSION, packEntry, unpackEntry } from '../../core/cache/pack-entry.ts';
import { arrivalByStore, isPurged } from '../../core/cache/purge-marks.ts';
import { countOf, type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { readMarks, storeTime } from './purge-marks-item.ts';
import { countResponses, purgeResponses } from './purge-responses.ts';
import { bury, claim, fill, fits, keyOf } from './response-item.ts';

/**
 * One item a key, in the table of responses. A find is one consistent read. A keep claims the key, looks for marks of purges,
 * and only then writes the answer into its claim: so no answer that a purge covers is ever in the table after the purge's own
 * answer, not even where the process that kept it has died on the way (docs/decisions/042).
 */
export const makeDynamoResponseCache = (dynamo: Dynamo): ResponseCache => {
  const table = dynamo.names.responses;
  const noteUnreadable = makeUnreadableNoter(dynamo.log);
  return {
    find: async (tenant, key, nowMs) => {
      const { item } = await dynamo.get(table, keyOf(tenant, key));
      const body = item?.['body']?.B;
      // Deleted late: the time counts, not whether it is there. Without a body it is claimed, or was taken out.
      if (item === undefined || body === undefined || countOf(item, 'expiresAt') <= nowMs) return undefined;
      const entry = countOf(item, 'version') === ENTRY_VERSION ? await unpackEntry(body, tenant, key) : undefined;
      if (entry === undefined) noteUnreadable(key);
      return entry;
    },

    keep: async (entry, nowMs) => {
      const began = dynamo.clock.now();
      const body = await packEntry(entry);
      if (body === undefined || !fits(entry, body)) return 'too-large';
      const nonce = Buffer.from(dynamo.random.bytes(12)).toString('hex');
      const claimed = await claim(dynamo, entry, nonce, nowMs);
      if (claimed.kind === 'failed') {
        const owner = ownerOf(claimed.item);
        // The same nonce is this very write, sent again; any other is of a later request, and stays.
        if (owner !== nonce) return owner === undefined ? 'purged' : 'kept';
      }
      const marks = await readMarks(dynamo);
      // It may be seconds later by now.
      const laterMs = nowMs + dynamo.clock.now() - began;
      if (isPurged(marks, entry, arrivalByStore(entry.createdAt, laterMs, storeTime(dynamo, laterMs)))) {
        const own = { expression: 'nonce = :nonce', values: toItem({ ':nonce': nonce }) };
        await bury(dynamo, keyOf(entry.tenant, entry.key), own);
        return 'purged';
      }
      const filled = await fill(dynamo, entry, body, nonce);
      return filled.kind === 'failed' && ownerOf(filled.item) === undefined ? 'purged' : 'kept';
    },

    purge: (selection, nowMs) => purgeResponses(dynamo, selection, nowMs),

    stats: (nowMs) => countResponses(dynamo, nowMs),
  };
};

/** The nonce of who claimed it last; none where a purge has taken it since. */
const ownerOf = (item: Item | undefined): string | undefined => item && textOf(item, 'nonce');
