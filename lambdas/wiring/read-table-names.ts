import { TABLES, type TableName, type TableNames } from '../contract/tables.ts';

/** The deployed names of the tables, as `lib` puts them into a function's environment. @throws {Error} naming the variable that is missing */
export const readTableNames = (env: Readonly<Record<string, string | undefined>>): TableNames => {
  const nameOf = (table: TableName): string => {
    const { nameVariable } = TABLES[table];
    const name = env[nameVariable];
    if (!name) throw new Error(`${nameVariable} is not set: the function does not know its table "${table}"`);
    return name;
  };
  return {
    access: nameOf('access'),
    limits: nameOf('limits'),
    targets: nameOf('targets'),
    ledger: nameOf('ledger'),
    accounts: nameOf('accounts'),
    responses: nameOf('responses'),
  };
};
