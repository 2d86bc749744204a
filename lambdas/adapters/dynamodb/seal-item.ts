import { epochStart } from '../../contract/timing.ts';
import { type Dispute, type EpochSeal, type LaneSeal, SEAL_FORM, totalOf } from '../../core/audit/epoch-seal.ts';
import { ACCOUNT_LIFE_MS } from '../../core/retention.ts';
import { countOf, type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { expiresAt } from './retention.ts';

/** Items of Accounts that are no accounts: a closed epoch's seal, and the accounts that did not fit at its close. */
const sealKey = (epoch: number): Item => ({ pk: { S: `!seal#${epoch}` } });
const disputeKey = (epoch: number): Item => ({ pk: { S: `!dispute#${epoch}` } });

const toSealItem = (seal: EpochSeal, nowMs: number): Item => ({
  ...sealKey(seal.epoch),
  ...toItem({
    form: SEAL_FORM,
    epoch: seal.epoch,
    digest: seal.digest,
    previousEpoch: seal.previous?.epoch,
    previousDigest: seal.previous?.digest,
    since: seal.since ?? undefined,
    lanes: Object.fromEntries(
      [...seal.lanes].map(([lane, { entries, cost, digest }]) => [String(lane), [entries, cost, digest]]),
    ),
    // For people: they are in the lanes.
    ...totalOf(seal.lanes),
    sealedAt: nowMs,
  }),
  expires: expiresAt(epochStart(seal.epoch) + ACCOUNT_LIFE_MS),
});

/** As it stands, whoever wrote it: whether it holds is for the reader to see. */
const fromSealItem = (item: Item): EpochSeal => {
  const lanes = new Map<number, LaneSeal>();
  for (const [lane, value] of Object.entries(item['lanes']?.M ?? {})) {
    const [entries, cost, digest] = value.L ?? [];
    lanes.set(Number(lane), {
      entries: Number(entries?.N ?? 0),
      cost: readWhole(cost?.N),
      digest: digest?.S ?? '',
    });
  }
  const previousDigest = textOf(item, 'previousDigest');
  return {
    epoch: countOf(item, 'epoch'),
    digest: textOf(item, 'digest') ?? '',
    previous: previousDigest === undefined ? null : { epoch: countOf(item, 'previousEpoch'), digest: previousDigest },
    since: item['since'] === undefined ? null : countOf(item, 'since'),
    lanes,
  };
};

/** What was written here is whole; what somebody else wrote may not be, and then the digest won't fit either. */
const readWhole = (text: string | undefined): bigint => (/^-?\d+$/.test(text ?? '') ? BigInt(text ?? '0') : 0n);

/** Writes an epoch's seal, once. @returns the seal that is there afterwards: where another closer was faster, its own */
export const writeSeal = async (dynamo: Dynamo, seal: EpochSeal): Promise<EpochSeal> => {
  const written = await dynamo.put({
    TableName: dynamo.names.accounts,
    Item: toSealItem(seal, dynamo.time.now()),
    ConditionExpression: 'attribute_not_exists(pk)',
  });
  if (written.kind === 'done' || written.item === undefined) return seal;
  const there = fromSealItem(written.item);
  if (there.digest !== seal.digest)
    dynamo.log.error('an epoch has been sealed with other entries', { epoch: seal.epoch, seal: there.digest });
  return there;
};

/**
 * Moves what a close has noted on an account to where an audit looks for it. Should this die on the way, the account's next
 * close does it.
 */
export const moveDisputes = async (dynamo: Dynamo, account: string, item: Item): Promise<void> => {
  const epochs = item['disputed']?.NS;
  if (epochs === undefined) return;
  const table = dynamo.names.accounts;
  for (const epoch of epochs.map(Number)) {
    await dynamo.update({
      TableName: table,
      Key: disputeKey(epoch),
      UpdateExpression: 'ADD accounts :accounts SET expires = :expires',
      ExpressionAttributeValues: {
        ':accounts': { SS: [account] },
        ':expires': expiresAt(epochStart(epoch) + ACCOUNT_LIFE_MS),
      },
    });
    dynamo.log.error('the entries of an epoch are not those that were settled in it', { epoch, account });
  }
  await dynamo.update({
    TableName: table,
    Key: { pk: { S: account } },
    UpdateExpression: 'DELETE disputed :epochs',
    ConditionExpression: 'attribute_exists(pk)',
    ExpressionAttributeValues: { ':epochs': { NS: epochs } },
  });
};

const numbersFrom = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);

/** Ascending. */
export const readSeals = async (dynamo: Dynamo, from: number, to: number): Promise<EpochSeal[]> => {
  const items = await dynamo.getMany(dynamo.names.accounts, numbersFrom(from, to).map(sealKey));
  return items.map(fromSealItem).sort((a, b) => a.epoch - b.epoch);
};

export const readDisputes = async (dynamo: Dynamo, from: number, to: number): Promise<Dispute[]> => {
  const items = await dynamo.getMany(dynamo.names.accounts, numbersFrom(from, to).map(disputeKey));
  return items
    .flatMap((item) => {
      const epoch = Number(textOf(item, 'pk')?.split('#')[1]);
      return (item['accounts']?.SS ?? []).map((account) => ({ epoch, account }));
    })
    .sort((a, b) => a.epoch - b.epoch || (a.account < b.account ? -1 : 1));
};
