import { createHash } from 'node:crypto';
import type { NanoUsd } from '../../contract/money.ts';
import { canonicalText } from './canonical-text.ts';

/** What one lane of an epoch comes to: its entries that have ended, settled or lost. Refused ones count nothing and may come late. */
export interface LaneSeal {
  entries: number;
  cost: NanoUsd;
  /** SHA-256 over the entries' canonical texts, a line each, in the store's order; base64url. */
  digest: string;
}

/** Names a seal, and with it everything before it. */
export interface SealHead {
  epoch: number;
  digest: string;
}

/**
 * A closed epoch's entries in one digest, chained to the epoch sealed before it (docs/decisions/015). Epochs without ended
 * entries have none; the chain passes over them.
 */
export interface EpochSeal {
  epoch: number;
  /** null: the chain begins here, and `since` says from which epoch on every ended entry is in it. */
  previous: SealHead | null;
  since: number | null;
  /** Only lanes that have entries. */
  lanes: ReadonlyMap<number, LaneSeal>;
  /** SHA-256 over all of the above, base64url. */
  digest: string;
}

/** How a seal is computed. Changes with any change to it, or to the canonical texts of entries. */
export const SEAL_FORM = 1;

export interface LaneSums {
  /** @param text canonical, without line breaks */
  add(lane: number, text: string, cost: NanoUsd): void;
  end(): Map<number, LaneSeal>;
}

/** Adds up an epoch's entries lane by lane as they are read; lanes may be mixed, within one the order is the store's. */
export const makeLaneSums = (): LaneSums => {
  const open = new Map<number, { entries: number; cost: NanoUsd; hash: ReturnType<typeof createHash> }>();
  return {
    add(lane, text, cost) {
      const sum = open.get(lane) ?? { entries: 0, cost: 0n, hash: createHash('sha256') };
      sum.entries += 1;
      sum.cost += cost;
      sum.hash.update(`${text}\n`);
      open.set(lane, sum);
    },
    end: () =>
      new Map(
        [...open]
          .sort(([a], [b]) => a - b)
          .map(([lane, { entries, cost, hash }]) => [lane, { entries, cost, digest: hash.digest('base64url') }]),
      ),
  };
};

/** @param since only for the first of all */
export const sealEpoch = (
  epoch: number,
  lanes: ReadonlyMap<number, LaneSeal>,
  previous: SealHead | null,
  since: number | null,
): EpochSeal => {
  const open = { epoch, previous, since: previous === null ? since : null, lanes };
  return { ...open, digest: digestSeal(open) };
};

export const digestSeal = ({ epoch, previous, since, lanes }: Omit<EpochSeal, 'digest'>): string =>
  createHash('sha256')
    .update(
      canonicalText({
        form: SEAL_FORM,
        epoch,
        previous: previous === null ? null : [previous.epoch, previous.digest],
        since,
        lanes: [...lanes]
          .sort(([a], [b]) => a - b)
          .map(([lane, { entries, cost, digest }]) => [lane, entries, cost, digest]),
      }),
    )
    .digest('base64url');

/** What an epoch's lanes come to in all. */
export const totalOf = (lanes: ReadonlyMap<number, LaneSeal>): { entries: number; cost: NanoUsd } => {
  const total = { entries: 0, cost: 0n };
  for (const { entries, cost } of lanes.values()) {
    total.entries += entries;
    total.cost += cost;
  }
  return total;
};

/** `5938123:q0…`: short enough to be kept on paper. */
export const formatHead = ({ epoch, digest }: SealHead): string => `${epoch}:${digest}`;

/** @returns undefined for anything that `formatHead` could not have made */
export const parseHead = (text: string): SealHead | undefined => {
  const [, epoch, digest] = /^(\d{1,10}):([A-Za-z0-9_-]{43})$/.exec(text.trim()) ?? [];
  return epoch === undefined || digest === undefined ? undefined : { epoch: Number(epoch), digest };
};

/** An account's closed figures did not fit what its entries said at the close: an entry had been removed or changed by then. */
export interface Dispute {
  epoch: number;
  account: string;
}
