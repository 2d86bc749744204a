import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { TABLES, type TableName } from '../lambdas/contract/tables.ts';

/** By table, the actions that a function's own code asks for. test/real compares them with what it was seen to ask. */
export type TableGrants = Partial<Record<TableName, readonly `dynamodb:${string}`[]>>;

/** By table, keys of the only items that are meant, `*` for anything. */
export type TableItems = Partial<Record<TableName, readonly string[]>>;

/** Gives a function these actions on these tables, and nothing on any index or other table. */
export const grantTables = (
  grantee: IGrantable,
  tables: Readonly<Record<TableName, Table>>,
  grants: TableGrants,
): Grant[] => entriesOf(grants).map(([name, actions]) => tables[name].grant(grantee, ...actions));

/** Gives these actions on these items of the tables, and on no other item: of a table that is not in `items`, none. */
export const grantItems = (
  grantee: IGrantable,
  tables: Readonly<Record<TableName, Table>>,
  grants: TableGrants,
  items: TableItems,
): Grant[] =>
  entriesOf(items).map(([name, keys]) =>
    Grant.addToPrincipal({
      grantee,
      actions: [...(grants[name] ?? [])],
      resourceArns: [tables[name].tableArn],
      conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [...keys] } },
    }),
  );

/** The environment that tells a function the tables' names; a name gives no right. */
export const tableVariables = (tables: Readonly<Record<TableName, Table>>): Record<string, string> =>
  Object.fromEntries(
    (Object.keys(TABLES) as TableName[]).map((name) => [TABLES[name].nameVariable, tables[name].tableName]),
  );

const entriesOf = (byTable: TableGrants | TableItems): [TableName, readonly string[]][] =>
  Object.entries(byTable) as [TableName, readonly string[]][];
