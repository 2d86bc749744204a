import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import { TABLES, type TableName } from '../lambdas/contract/tables.ts';

/** By table, the actions that a function's own code asks for. test/real compares them with what it was seen to ask. */
export type TableGrants = Partial<Record<TableName, readonly `dynamodb:${string}`[]>>;

/** Gives a function these actions on these tables, and nothing on any index or other table. */
export const grantTables = (
  grantee: IGrantable,
  tables: Readonly<Record<TableName, Table>>,
  grants: TableGrants,
): Grant[] => entriesOf(grants).map(([name, actions]) => tables[name].grant(grantee, ...actions));

/** The environment that tells a function the tables' names; a name gives no right. */
export const tableVariables = (tables: Readonly<Record<TableName, Table>>): Record<string, string> =>
  Object.fromEntries(
    (Object.keys(TABLES) as TableName[]).map((name) => [TABLES[name].nameVariable, tables[name].tableName]),
  );

const entriesOf = (grants: TableGrants): [TableName, readonly string[]][] =>
  Object.entries(grants) as [TableName, readonly string[]][];
