/** What a text can be made of. Undefined and null members of objects are left out, so that a later version may add one. */
export type Canonical =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | readonly Canonical[]
  | { readonly [name: string]: Canonical };

/**
 * One text for one value, whatever order its members came in: JSON without spaces, names sorted, integers in full.
 *
 * @throws {RangeError} for a number that is no safe integer: two machines might write it differently
 */
export const canonicalText = (value: Canonical): string => {
  if (value === null || value === undefined) return 'null';
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'bigint':
      return value.toString();
    case 'number':
      if (!Number.isSafeInteger(value)) throw new RangeError(`expected a whole number, got ${value}`);
      return String(value);
    default:
      return isList(value) ? `[${value.map(canonicalText).join(',')}]` : objectText(value);
  }
};

const isList = (value: readonly Canonical[] | { readonly [name: string]: Canonical }): value is readonly Canonical[] =>
  Array.isArray(value);

const objectText = (value: { readonly [name: string]: Canonical }): string => {
  const members: string[] = [];
  for (const name of Object.keys(value).sort()) {
    const member = value[name];
    if (member !== undefined && member !== null) members.push(`${JSON.stringify(name)}:${canonicalText(member)}`);
  }
  return `{${members.join(',')}}`;
};
