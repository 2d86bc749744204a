import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Item } from '../../../../lambdas/adapters/dynamodb/attributes.ts';

/** DynamoDB's expressions, as far as the ledger writes them. test/real compares this with a real server. */

export interface Expression {
  names: Readonly<Record<string, string>>;
  values: Readonly<Record<string, AttributeValue>>;
}

const TOKEN = /\s*(<>|<=|>=|[(),=<>]|[#:]?[A-Za-z_][A-Za-z0-9_]*)/y;
const known = new Map<string, string[]>();

const tokenize = (text: string): string[] => {
  const found = known.get(text);
  if (found !== undefined) return found;
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match?.[1] === undefined) throw new SyntaxError(`no token at ${at} of ${text}`);
    tokens.push(match[1]);
  }
  known.set(text, tokens);
  return tokens;
};

const COMPARATORS = new Set(['=', '<>', '<', '<=', '>', '>=']);

/** Numbers by value, text by code unit; what is missing or of another kind compares with nothing. */
const compare = (a: AttributeValue | undefined, b: AttributeValue | undefined, how: string): boolean => {
  if (a === undefined || b === undefined) return false;
  let order: number;
  if (a.N !== undefined && b.N !== undefined) {
    const difference = BigInt(a.N) - BigInt(b.N);
    order = difference < 0n ? -1 : difference > 0n ? 1 : 0;
  } else if (a.S !== undefined && b.S !== undefined) order = a.S < b.S ? -1 : a.S > b.S ? 1 : 0;
  else return how === '<>';
  if (how === '=') return order === 0;
  if (how === '<>') return order !== 0;
  if (how === '<') return order < 0;
  if (how === '<=') return order <= 0;
  return how === '>' ? order > 0 : order >= 0;
};

/** Whether a condition holds for an item; an absent item has no attributes. */
export const holds = (condition: string | undefined, item: Item | undefined, by: Expression): boolean => {
  if (condition === undefined) return true;
  const tokens = tokenize(condition);
  let at = 0;
  const next = (): string => tokens[at++] ?? '';
  const nameOf = (token: string): string => {
    if (!token.startsWith('#')) return token;
    const name = by.names[token];
    if (name === undefined) throw new SyntaxError(`${token} is no name of ${condition}`);
    return name;
  };
  const operand = (token: string): AttributeValue | undefined => {
    if (!token.startsWith(':')) return item?.[nameOf(token)];
    const value = by.values[token];
    if (value === undefined) throw new SyntaxError(`${token} is no value of ${condition}`);
    return value;
  };
  const primary = (): boolean => {
    const token = next();
    if (token === '(') {
      const inner = either();
      if (next() !== ')') throw new SyntaxError(condition);
      return inner;
    }
    if (token === 'attribute_exists' || token === 'attribute_not_exists') {
      next();
      const name = nameOf(next());
      next();
      const isThere = item?.[name] !== undefined;
      return token === 'attribute_exists' ? isThere : !isThere;
    }
    const comparator = next();
    if (!COMPARATORS.has(comparator)) throw new SyntaxError(`${comparator} in ${condition}`);
    return compare(operand(token), operand(next()), comparator);
  };
  const both = (): boolean => {
    let result = primary();
    while (tokens[at] === 'AND') {
      at += 1;
      const right = primary();
      result = result && right;
    }
    return result;
  };
  const either = (): boolean => {
    let result = both();
    while (tokens[at] === 'OR') {
      at += 1;
      const right = both();
      result = result || right;
    }
    return result;
  };
  const result = either();
  if (at !== tokens.length) throw new SyntaxError(`${tokens[at]} in ${condition}`);
  return result;
};

const CLAUSES = new Set(['SET', 'ADD', 'REMOVE', 'DELETE']);

/** The item after an update. */
export const update = (expression: string, item: Item, by: Expression): Item => {
  const result: Item = { ...item };
  const tokens = tokenize(expression);
  const nameOf = (token: string): string => (token.startsWith('#') ? (by.names[token] ?? token) : token);
  const valueNamed = (token: string): AttributeValue => {
    const value = token.startsWith(':') ? by.values[token] : item[nameOf(token)];
    if (value === undefined) throw new SyntaxError(`${token} has no value in ${expression}`);
    return value;
  };
  let clause = '';
  for (let at = 0; at < tokens.length; ) {
    const token = tokens[at] ?? '';
    if (CLAUSES.has(token)) {
      clause = token;
      at += 1;
    } else if (token === ',') at += 1;
    else if (clause === 'REMOVE') {
      delete result[nameOf(token)];
      at += 1;
    } else if (clause === 'SET') {
      if (tokens[at + 1] !== '=') throw new SyntaxError(expression);
      result[nameOf(token)] = valueNamed(tokens[at + 2] ?? '');
      at += 3;
    } else {
      const combine = clause === 'ADD' ? sum : without;
      const combined = combine(item[nameOf(token)], valueNamed(tokens[at + 1] ?? ''));
      if (combined === undefined) delete result[nameOf(token)];
      else result[nameOf(token)] = combined;
      at += 2;
    }
  }
  return result;
};

/** DynamoDB's numbers have 38 digits. */
const MOST_DIGITS = 38;

const sum = (a: AttributeValue | undefined, b: AttributeValue): AttributeValue => {
  if (b.N !== undefined) {
    const N = (BigInt(a?.N ?? '0') + BigInt(b.N)).toString();
    if (N.replace('-', '').length > MOST_DIGITS) throw new RangeError(`${N} has more digits than DynamoDB keeps`);
    return { N };
  }
  if (b.NS !== undefined) return { NS: [...new Set([...(a?.NS ?? []), ...b.NS])].sort() };
  if (b.SS !== undefined) return { SS: [...new Set([...(a?.SS ?? []), ...b.SS])].sort() };
  throw new SyntaxError('only numbers and sets are added');
};

/** A set less some of its members; an empty set is no attribute. */
const without = (a: AttributeValue | undefined, b: AttributeValue): AttributeValue | undefined => {
  if (a?.NS === undefined || b.NS === undefined) return a;
  const NS = a.NS.filter((one) => !b.NS?.includes(one));
  return NS.length === 0 ? undefined : { NS };
};
