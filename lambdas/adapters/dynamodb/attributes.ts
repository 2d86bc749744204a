import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** An item as DynamoDB sends it. Numbers travel as text, so 38 digits stay exact. */
export type Item = Record<string, AttributeValue>;

/** What an attribute may be made of; undefined members of objects are left out. */
export type Plain = string | number | bigint | boolean | null | readonly Plain[] | { readonly [name: string]: Plain };

export const toAttribute = (value: Plain): AttributeValue => {
  if (value === null) return { NULL: true };
  switch (typeof value) {
    case 'string':
      return { S: value };
    case 'boolean':
      return { BOOL: value };
    case 'bigint':
      return { N: value.toString() };
    case 'number':
      if (!Number.isFinite(value)) throw new RangeError(`${value} can't be stored`);
      return { N: String(value) };
    default:
      return isList(value) ? { L: value.map(toAttribute) } : { M: toItem(value) };
  }
};

const isList = (value: readonly Plain[] | { readonly [name: string]: Plain }): value is readonly Plain[] =>
  Array.isArray(value);

/** Not by assignment: names come from outside, and one may be `__proto__`. */
export const toItem = (fields: { readonly [name: string]: Plain | undefined }): Item =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, toAttribute(value)]])),
  );

/** A number becomes a JavaScript number: for counts and times. Amounts are read by `amountOf`. */
export const fromAttribute = (value: AttributeValue): Plain => {
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return Number(value.N);
  if (value.BOOL !== undefined) return value.BOOL;
  if (value.NULL !== undefined) return null;
  if (value.L !== undefined) return value.L.map(fromAttribute);
  if (value.M !== undefined) return fromItem(value.M);
  throw new TypeError(`an attribute of a kind that is never written here: ${Object.keys(value).join(', ')}`);
};

export const fromItem = (item: Item): Record<string, Plain> =>
  Object.fromEntries(Object.entries(item).map(([name, value]) => [name, fromAttribute(value)]));

/** Exact, whatever its size; 0 where there is none. */
export const amountOf = (item: Item, name: string): bigint => BigInt(item[name]?.N ?? '0');

/** 0 where there is none. */
export const countOf = (item: Item, name: string): number => Number(item[name]?.N ?? '0');

export const textOf = (item: Item, name: string): string | undefined => item[name]?.S;
