import type { BudgetPolicy } from '../../core/budget/budget-store.ts';
import type { CapOverride } from '../../core/budget/budgets.ts';
import { StoreUnavailable } from '../../core/ports.ts';
import { countOf, fromAttribute, type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';

/** The item with the number of the policy, what it was numbered for, and the caps set by hand. */
export const POLICY_KEY: Item = { pk: { S: '!policy' } };
const TRIES = 20;

/**
 * The number of a policy: the next one whenever the caps differ from those that were numbered last, so that whoever came
 * last has the newest. Going back to an earlier policy is a change like any other.
 */
export const numberPolicy = async (dynamo: Dynamo, fingerprint: string): Promise<number> => {
  const table = dynamo.names.accounts;
  let { item } = await dynamo.get(table, POLICY_KEY);
  for (let i = 0; i < TRIES; i++) {
    const version = item === undefined ? 0 : countOf(item, 'version');
    if (item !== undefined && textOf(item, 'fingerprint') === fingerprint) return version;
    const written = await dynamo.update({
      TableName: table,
      Key: POLICY_KEY,
      UpdateExpression: 'SET version = :next, fingerprint = :fingerprint',
      ConditionExpression: item === undefined ? 'attribute_not_exists(pk)' : 'version = :seen',
      ExpressionAttributeValues: toItem({
        ':next': version + 1,
        ':fingerprint': fingerprint,
        ':seen': item === undefined ? undefined : version,
      }),
    });
    if (written.kind === 'done') return version + 1;
    item = written.item;
  }
  throw new StoreUnavailable('the policy is numbered anew too often');
};

/** Takes the next number of the policy, if this is still its number: the caps have changed by the clock alone. @returns it */
export const renumberPolicy = async (dynamo: Dynamo, seen: number): Promise<number | undefined> => {
  const written = await dynamo.update({
    TableName: dynamo.names.accounts,
    Key: POLICY_KEY,
    UpdateExpression: 'SET version = :next',
    ConditionExpression: 'version = :seen',
    ExpressionAttributeValues: toItem({ ':next': seen + 1, ':seen': seen }),
  });
  return written.kind === 'done' ? seen + 1 : undefined;
};

/** The policy as it stands, consistently read. */
export const readPolicy = async (dynamo: Dynamo): Promise<BudgetPolicy> => {
  const { item } = await dynamo.get(dynamo.names.accounts, POLICY_KEY);
  return {
    version: item === undefined ? 0 : countOf(item, 'version'),
    fingerprint: item && textOf(item, 'fingerprint'),
    overrides: overridesIn(item),
  };
};

/** The caps set by hand. */
export const overridesIn = (item: Item | undefined): CapOverride[] => {
  const stored = item?.['overrides'];
  if (stored === undefined) return [];
  return (fromAttribute(stored) as unknown as (Omit<CapOverride, 'cap'> & { cap: string })[]).map((one) => ({
    ...one,
    cap: BigInt(one.cap),
  }));
};
