import { digestOf } from '../../core/digest.ts';
import type { AccountFigures } from '../../core/ledger.ts';
import { amountOf, countOf, type Item, textOf } from './attributes.ts';

/** What entries add to an account. */
export interface Use {
  cost: bigint;
  requests: number;
  inputTokens: number;
  outputTokens: number;
}

export const NO_USE: Use = { cost: 0n, requests: 0, inputTokens: 0, outputTokens: 0 };

export const addUse = (a: Use, b: Use): Use => ({
  cost: a.cost + b.cost,
  requests: a.requests + b.requests,
  inputTokens: a.inputTokens + b.inputTokens,
  outputTokens: a.outputTokens + b.outputTokens,
});

/**
 * Per epoch that is not closed yet, an account has these attributes, each with the epoch's number behind it:
 * held, spent, requests, input tokens, output tokens, and what the projector saw (`witnessOf`). They are attributes of their own because ADD can't reach into a map
 * that does not exist.
 */
export const EPOCH_ATTRIBUTES = ['h', 's', 'r', 'i', 'o', 'd'] as const;
const EPOCH_ATTRIBUTE = /^([hsriod])(\d+)$/;
const MARK = /^m[0-9A-Za-z]{8}$/;

export const heldName = (epoch: number): string => `h${epoch}`;

/** Attribute with the last record of a shard that this account has taken in: `<sequence number>@<epoch of writing>`. A collision of two shards only delays a release until the close. */
export const markName = (shard: string): string => `m${digestOf(shard, 8)}`;

/** Sequence numbers have up to 40 digits; padded, they compare as text. */
export const padSequence = (sequence: string): string => sequence.padStart(40, '0');

export const readMark = (item: Item, shard: string): string => textOf(item, markName(shard))?.split('@')[0] ?? '';

/** Epochs below it are closed. */
export const floorOf = (item: Item): number => countOf(item, 'floor');

/** Names of the attributes of epochs up to and with this one. */
export const epochNamesUpTo = (item: Item, epoch: number): string[] =>
  Object.keys(item).filter((name) => Number(EPOCH_ATTRIBUTE.exec(name)?.[2] ?? Number.POSITIVE_INFINITY) <= epoch);

/** What the projector saw of each epoch that is not closed. */
export const witnessesIn = (item: Item): { epoch: number; seen: bigint }[] =>
  Object.keys(item).flatMap((name) => {
    const [, what, epoch] = EPOCH_ATTRIBUTE.exec(name) ?? [];
    return what === 'd' ? [{ epoch: Number(epoch), seen: amountOf(item, name) }] : [];
  });

/** What the account has spent in epochs that are not closed. */
export const openUse = (item: Item): Use => {
  const use = { ...NO_USE };
  for (const name of Object.keys(item)) {
    const what = EPOCH_ATTRIBUTE.exec(name)?.[1];
    if (what === 's') use.cost += amountOf(item, name);
    else if (what === 'r') use.requests += countOf(item, name);
    else if (what === 'i') use.inputTokens += countOf(item, name);
    else if (what === 'o') use.outputTokens += countOf(item, name);
  }
  return use;
};

/** What the account holds, epoch by epoch. */
export const sumHolds = (item: Item): bigint =>
  heldEpochs(item).reduce((sum, epoch) => sum + amountOf(item, heldName(epoch)), 0n);

/** Epochs that the account holds something for. */
export const heldEpochs = (item: Item): number[] =>
  Object.keys(item).flatMap((name) => {
    const [, what, epoch] = EPOCH_ATTRIBUTE.exec(name) ?? [];
    return what === 'h' && amountOf(item, name) !== 0n ? [Number(epoch)] : [];
  });

/** Marks that were written two or more epochs before this one. */
export const oldMarks = (item: Item, epoch: number): string[] =>
  Object.keys(item).filter(
    (name) => MARK.test(name) && Number(textOf(item, name)?.split('@')[1] ?? Number.POSITIVE_INFINITY) + 2 <= epoch,
  );

export const toFigures = (item: Item): AccountFigures => {
  const committed = amountOf(item, 'committed');
  const spent = amountOf(item, 'spent');
  return {
    key: textOf(item, 'pk') ?? '',
    cap: item['cap']?.N === undefined ? null : amountOf(item, 'cap'),
    capVersion: countOf(item, 'capVersion'),
    committed,
    spent,
    held: committed - spent,
    requests: countOf(item, 'requests'),
    inputTokens: countOf(item, 'inputTokens'),
    outputTokens: countOf(item, 'outputTokens'),
  };
};
