import type { TableName, TableNames } from '../../../lambdas/contract/tables.ts';
import type { Operation } from './table-proxy.ts';

/** By table, the IAM actions that these operations needed. */
export const actionsOf = (
  operations: readonly Pick<Operation, 'name' | 'body'>[],
  tables: TableNames,
): Partial<Record<TableName, `dynamodb:${string}`[]>> => {
  const names = new Map(Object.entries(tables).map(([name, deployed]) => [deployed, name as TableName]));
  const found: Partial<Record<TableName, Set<`dynamodb:${string}`>>> = {};
  const note = (table: unknown, action: string): void => {
    const name = names.get(String(table));
    if (name === undefined) throw new Error(`an operation on a table that is none of ours: ${table}`);
    found[name] ??= new Set();
    found[name].add(`dynamodb:${action}`);
  };
  for (const { name, body } of operations)
    if (name === 'BatchGetItem') for (const table of Object.keys(body['RequestItems'] ?? {})) note(table, name);
    else if (name === 'TransactWriteItems')
      for (const item of body['TransactItems'] as Record<string, { TableName: string }>[])
        for (const [verb, { TableName: table }] of Object.entries(item)) note(table, `${verb}Item`);
    else note(body['TableName'], name);
  return Object.fromEntries(Object.entries(found).map(([name, actions]) => [name, [...actions].sort()]));
};
