import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { PROJECTED_EVENTS, PROJECTED_STATES } from '../../contract/tables.ts';
import type { Receipt } from '../../core/receipt.ts';
import type { Use } from './account-item.ts';
import { amountOf, countOf, fromAttribute, type Item, textOf } from './attributes.ts';
import { witnessOf } from './entry-digest.ts';
import { accountsOf, isCorrection, useOf } from './entry-item.ts';

/** A record of the ledger's stream, as Lambda and the Streams API give it. */
export interface StreamRecord {
  eventName?: string | undefined;
  dynamodb?:
    | {
        SequenceNumber?: string | undefined;
        NewImage?: Record<string, unknown> | undefined;
        OldImage?: Record<string, unknown> | undefined;
      }
    | undefined;
}

/** An entry, or a correction, that has just ended. */
export interface EndedEntry {
  sequence: string;
  /** Of a correction: that of the request it puts right. */
  requestId: string;
  /** What a lost call was charged too much, in `use.cost`, below 0; it is no request of its own. */
  isCorrection: boolean;
  state: 'settled' | 'lost';
  epoch: number;
  hold: bigint;
  /** What it adds to each of its accounts. */
  use: Use;
  /** What the close will compare with the entry that it finds. */
  witness: bigint;
  accounts: string[];
  keyId: string;
  org: string;
  team: string;
  user: string;
  tags: Record<string, string>;
  alias: string;
  /** Milliseconds since 1970, by the table. */
  settledAt: number;
  /** Read when asked for. @throws {SyntaxError} where it is no JSON. */
  readReceipt(): Receipt | undefined;
  /**
   * Its first account had taken it in before: the batch has come again. Nearly exact: a write whose answer was lost looks
   * like a repeat, and of one that comes after the epoch's close nobody knows.
   */
  isRepeat: boolean;
}

/**
 * The transition that a record tells of; undefined when it is none: an opening, a raise, a refusal, an edit of an entry
 * that had ended.
 *
 * @throws {TypeError} for an ended entry that lacks a number which the accounts rest on
 */
export const readEnded = ({ eventName, dynamodb }: StreamRecord): EndedEntry | undefined => {
  const image = dynamodb?.NewImage as Item | undefined;
  if (image === undefined || !isOneOf(PROJECTED_EVENTS, eventName)) return undefined;
  const state = image['state']?.S;
  if (!isOneOf(PROJECTED_STATES, state)) return undefined;
  const before = (dynamodb?.OldImage as Item | undefined)?.['state']?.S;
  if (before !== undefined && before !== 'open') return undefined;
  const sequence = dynamodb?.SequenceNumber;
  const epoch = Number(numberOf(image['epoch']));
  if (sequence === undefined) throw new TypeError('a record without a sequence number');
  numberOf(image['cost']);
  numberOf(image['hold']);
  const receipt = textOf(image, 'receipt');
  return {
    sequence,
    requestId: (textOf(image, 'sk') ?? '').replace(/!$/, ''),
    isCorrection: isCorrection(image),
    state,
    epoch,
    hold: amountOf(image, 'hold'),
    use: useOf(image),
    witness: witnessOf(image),
    accounts: accountsOf(image),
    keyId: textOf(image, 'keyId') ?? '',
    org: textOf(image, 'org') ?? '',
    team: textOf(image, 'team') ?? '',
    user: textOf(image, 'user') ?? '',
    tags: image['tags'] === undefined ? {} : (fromAttribute(image['tags']) as Record<string, string>),
    alias: textOf(image, 'alias') ?? '',
    settledAt: countOf(image, 'settledAt'),
    readReceipt: () => (receipt === undefined ? undefined : (JSON.parse(receipt) as Receipt)),
    isRepeat: false,
  };
};

const isOneOf = <Name extends string>(names: readonly Name[], name: string | undefined): name is Name =>
  name !== undefined && (names as readonly string[]).includes(name);

const numberOf = (value: AttributeValue | undefined): string => {
  if (value?.N === undefined) throw new TypeError('an ended entry without its epoch, hold or cost');
  return value.N;
};
