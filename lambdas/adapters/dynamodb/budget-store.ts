import type { BudgetState } from '../../core/budget/budget-state.ts';
import type { AccountTier, BudgetAccount, BudgetStore, PendingApproval } from '../../core/budget/budget-store.ts';
import { isKept } from '../../core/budget/kept-override.ts';
import { StoreUnavailable } from '../../core/ports.ts';
import { ACCOUNT_LIFE_MS } from '../../core/retention.ts';
import { toFigures } from './account-item.ts';
import { checkAmount } from './amounts.ts';
import { amountOf, countOf, type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { overridesIn, POLICY_KEY, readPolicy } from './policy.ts';
import { expiresAt } from './retention.ts';
import { readThresholds } from './threshold-stamp.ts';

const TRIES = 20;
const TIER = /^(ok|warn|downgrade|reject) (\d+) (\d+) (\d+) (\S*)$/;

/**
 * Caps set by hand stand in the item that numbers the policy, so that the number and the caps change in one write. An
 * account's tier is one attribute, compared as a whole; what waits for an approval is an item of its own, `!approval#<account>`.
 */
export const makeDynamoBudgetStore = (dynamo: Dynamo): BudgetStore => {
  const table = dynamo.names.accounts;
  return {
    readPolicy: () => readPolicy(dynamo),

    override: async ({ scope, length }, change, nowMs) => {
      if (change !== null) checkAmount('cap', change.cap);
      let { item } = await dynamo.get(table, POLICY_KEY);
      for (let i = 0; i < TRIES; i++) {
        const next = (item === undefined ? 0 : countOf(item, 'version')) + 1;
        const kept = overridesIn(item).filter(
          (one) => !(one.scope === scope && one.length === length) && isKept(one, nowMs),
        );
        const overrides = [...kept, ...(change === null ? [] : [change])].map((one) => ({
          ...one,
          cap: String(one.cap),
        }));
        const written = await dynamo.update({
          TableName: table,
          Key: POLICY_KEY,
          UpdateExpression: 'SET version = :next, overrides = :overrides',
          ConditionExpression: item === undefined ? 'attribute_not_exists(pk)' : 'version = :seen',
          ExpressionAttributeValues: toItem({
            ':next': next,
            ':overrides': overrides,
            ':seen': item === undefined ? undefined : next - 1,
          }),
        });
        if (written.kind === 'done') return next;
        item = written.item;
      }
      throw new StoreUnavailable('the policy changes too often');
    },

    setCap: async (account, cap, version, nowMs) => {
      checkAmount('cap', cap);
      let { item } = await dynamo.get(table, { pk: { S: account } });
      for (let i = 0; i < TRIES; i++) {
        if (item === undefined || countOf(item, 'capVersion') >= version) return;
        const seen = textOf(item, 'tier');
        const round = (readTier(item)?.round ?? 0) + 1;
        const written = await dynamo.update({
          TableName: table,
          Key: { pk: { S: account } },
          UpdateExpression: 'SET #cap = :cap, capVersion = :version, tier = :tier',
          ConditionExpression: `attribute_exists(pk) AND capVersion < :version AND ${tierIs(seen)}`,
          ExpressionAttributeNames: { '#cap': 'cap' },
          ExpressionAttributeValues: toItem({
            ':cap': cap,
            ':version': version,
            ':tier': tierText({ state: 'ok', cap, round, at: Math.floor(nowMs), mover: '' }),
            ':seen': seen,
          }),
        });
        if (written.kind === 'done') return;
        item = written.item;
      }
      throw new StoreUnavailable(`${account} is escalated too often for its cap to be set`);
    },

    readAccounts: async (keys) => {
      const items = await dynamo.getMany(
        table,
        [...new Set(keys)].map((pk) => ({ pk: { S: pk } })),
      );
      return items.map(toBudgetAccount);
    },

    moveTier: async (account, from, to) => {
      const seen = from && tierText(from);
      const written = await dynamo.update({
        TableName: table,
        Key: { pk: { S: account } },
        UpdateExpression: 'SET tier = :to',
        ConditionExpression: `attribute_exists(pk) AND ${tierIs(seen)}`,
        ExpressionAttributeValues: toItem({ ':to': tierText(to), ':seen': seen }),
      });
      // Its own repeat, whose first answer was lost, is done too.
      return written.kind === 'done' || (written.item !== undefined && textOf(written.item, 'tier') === tierText(to));
    },

    putApproval: async ({ account, cap, round, token, since }, expiresMs) => {
      await dynamo.put({
        TableName: table,
        Item: {
          ...approvalKey(account),
          ...toItem({ account, approvalCap: cap, round, token, since: Math.floor(since) }),
          expires: expiresAt(Math.min(expiresMs, since + ACCOUNT_LIFE_MS)),
        },
      });
    },

    readApproval: async (account) => {
      const { item } = await dynamo.get(table, approvalKey(account));
      return item && !isEnded(item) ? toApproval(item) : undefined;
    },

    endApproval: async (account, round) => {
      await dynamo.update({
        TableName: table,
        Key: approvalKey(account),
        // Marked, not deleted: whoever ends it needs no right to delete.
        UpdateExpression: 'SET ended = :true REMOVE #token',
        ConditionExpression: 'attribute_exists(pk) AND #round = :round',
        ExpressionAttributeNames: { '#token': 'token', '#round': 'round' },
        ExpressionAttributeValues: toItem({ ':true': true, ':round': round }),
      });
    },
  };
};

/** An account's item as its escalation sees it. */
export const toBudgetAccount = (item: Item): BudgetAccount => {
  const thresholds = readThresholds(item);
  const tier = readTier(item);
  return { ...toFigures(item), ...(thresholds && { thresholds }), ...(tier && { tier }) };
};

const approvalKey = (account: string): Item => ({ pk: { S: `!approval#${account}` } });

const isEnded = (item: Item): boolean => item['ended']?.BOOL === true;

const toApproval = (item: Item): PendingApproval => ({
  account: textOf(item, 'account') ?? '',
  cap: amountOf(item, 'approvalCap'),
  round: countOf(item, 'round'),
  token: textOf(item, 'token') ?? null,
  since: countOf(item, 'since'),
});

const tierText = ({ state, cap, round, at, mover }: AccountTier): string =>
  `${state} ${cap} ${round} ${Math.floor(at)} ${mover}`;

const readTier = (item: Item): AccountTier | undefined => {
  const [, state, cap, round, at, mover = ''] = TIER.exec(textOf(item, 'tier') ?? '') ?? [];
  if (state === undefined || cap === undefined) return undefined;
  return { state: state as BudgetState, cap: BigInt(cap), round: Number(round), at: Number(at), mover };
};

const tierIs = (seen: string | undefined): string =>
  seen === undefined ? 'attribute_not_exists(tier)' : 'tier = :seen';
