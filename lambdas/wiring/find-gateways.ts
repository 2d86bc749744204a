import { SECRETS_OUTPUT, TABLE_OUTPUTS } from '../contract/stack-outputs.ts';
import type { TableNames } from '../contract/tables.ts';

/** A gateway among the outputs of a stack. `tables.missing`: outputs that another version did not write. */
export interface FoundGateway {
  /** The construct's id, as the outputs spell it: letters and digits. */
  id: string;
  tables: TableNames | { missing: string[] };
  /** Secrets that its configuration refers to; undefined where the stack does not tell. */
  secretNames: string[] | undefined;
  /** Its outputs, by their names without the id. */
  outputs: Readonly<Record<string, string>>;
}

/** Every gateway of a stack, which may have outputs of other things too: an id that stands before these three. */
export const findGateways = (outputs: Readonly<Record<string, string>>): FoundGateway[] => {
  const ids = Object.keys(outputs)
    .filter((key) => key.endsWith(TABLE_OUTPUTS.ledger))
    .map((key) => key.slice(0, -TABLE_OUTPUTS.ledger.length))
    .filter((id) => id + TABLE_OUTPUTS.access in outputs && id + TABLE_OUTPUTS.accounts in outputs)
    .sort();
  return ids.map((id) => {
    // An id may begin with another one: GatewayTwo's outputs are none of Gateway's.
    const longer = ids.filter((other) => other.length > id.length && other.startsWith(id));
    const own = Object.entries(outputs).filter(
      ([key]) => key.startsWith(id) && !longer.some((other) => key.startsWith(other)),
    );
    const named = Object.fromEntries(own.map(([key, value]) => [key.slice(id.length), value]));
    return { id, tables: readTables(named), secretNames: readSecretNames(named[SECRETS_OUTPUT]), outputs: named };
  });
};

const readTables = (named: Readonly<Record<string, string>>): FoundGateway['tables'] => {
  const missing = Object.values(TABLE_OUTPUTS).filter((output) => named[output] === undefined);
  if (missing.length > 0) return { missing };
  const names = Object.entries(TABLE_OUTPUTS).map(([table, output]) => [table, named[output]]);
  return Object.fromEntries(names) as TableNames;
};

/** Of a stack that another version or another hand has written, anything may come. */
const readSecretNames = (text: string | undefined): string[] | undefined => {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((name) => typeof name === 'string') ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};
