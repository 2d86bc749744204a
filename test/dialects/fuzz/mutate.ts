/** Damage as it comes from broken servers, hostile clients and proxies in between: to bytes and to the values they spell. */
import type { JsonValue } from '../../../lambdas/core/conversation.ts';

/** A whole number in [0, below). */
export type Draw = (below: number) => number;

/** The same numbers for the same seed (mulberry32). */
export const drawsOf = (seed: number): Draw => {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
};

export const pick = <T>(items: readonly T[], draw: Draw): T => {
  const item = items[draw(items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
};

/** Values that a reader may not have thought of. */
const ODD: readonly JsonValue[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  -1e308,
  2 ** 53,
  '',
  ' ',
  '\u0000',
  '\ud800',
  '😀'.repeat(50),
  '__proto__',
  'constructor',
  'a'.repeat(5_000),
  '{"a":1}',
  '{"a":',
  'data:image/png;base64,',
  'data:;,',
  'https://[',
  'tool_use',
  'text',
  [],
  {},
  [[]],
  [null],
  { type: 'text' },
  { type: 'tool_use' },
  { type: 'function' },
  { '': '' },
  JSON.parse('{"__proto__":{"polluted":true}}'),
];

const deep = (levels: number): JsonValue => {
  let value: JsonValue = 'bottom';
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { content: value };
  return value;
};

const oddValue = (draw: Draw): JsonValue => (draw(40) === 0 ? deep(150) : structuredClone(pick(ODD, draw)));

type Container = JsonValue[] | { [key: string]: JsonValue };

/** Every place in a value: the container and its key. */
const placesOf = (value: JsonValue): [Container, string][] => {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]): [Container, string][] => [[value, key], ...placesOf(inner)]);
};

/**
 * @param other where parts are taken from
 * @returns the value with one to three places removed, replaced, doubled, renamed or taken from another
 */
export const mutateJson = (value: JsonValue, other: JsonValue, draw: Draw): JsonValue => {
  const mutated = structuredClone(value);
  const times = draw(2) === 0 ? 1 : 1 + draw(3);
  for (let time = 0; time < times; time++) {
    const places = placesOf(mutated);
    if (places.length === 0) return oddValue(draw);
    const [container, key] = pick(places, draw);
    const at = container as Record<string, JsonValue>;
    const foreign = placesOf(other);
    switch (draw(6)) {
      case 0:
        if (Array.isArray(container)) container.splice(Number(key), 1);
        else delete container[key];
        break;
      case 1:
        if (Array.isArray(container)) container.splice(Number(key), 0, structuredClone(container[Number(key)] ?? null));
        else container[`${key}${draw(2)}`] = structuredClone(container[key] ?? null);
        break;
      case 2:
        if (foreign.length > 0) {
          const [from, name] = pick(foreign, draw);
          at[key] = structuredClone((from as Record<string, JsonValue>)[name] ?? null);
        }
        break;
      case 3:
        at[key] = [structuredClone(at[key] ?? null)];
        break;
      default:
        at[key] = oddValue(draw);
    }
  }
  return mutated;
};

/** @returns the bytes with one to four of them flipped, cut out, put in, repeated, or joined with another's */
export const mutateBytes = (bytes: Buffer, other: Buffer, draw: Draw): Buffer => {
  let mutated = Buffer.from(bytes);
  const times = 1 + draw(4);
  for (let time = 0; time < times; time++) {
    const at = draw(mutated.length + 1);
    const to = at + draw(Math.min(64, mutated.length - at) + 1);
    switch (draw(7)) {
      case 0:
        if (at < mutated.length) mutated[at] = draw(256);
        break;
      case 1:
        mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(to)]);
        break;
      case 2:
        mutated = Buffer.concat([mutated.subarray(0, at), Buffer.from(pick(TOKENS, draw)), mutated.subarray(at)]);
        break;
      case 3:
        mutated = Buffer.concat([mutated.subarray(0, to), mutated.subarray(at, to), mutated.subarray(to)]);
        break;
      case 4:
        mutated = mutated.subarray(0, at);
        break;
      case 5: {
        const from = draw(other.length + 1);
        mutated = Buffer.concat([mutated.subarray(0, at), other.subarray(from, from + 256), mutated.subarray(at)]);
        break;
      }
      default:
        mutated = Buffer.concat([mutated.subarray(0, at), Buffer.from([draw(256), draw(256)]), mutated.subarray(at)]);
    }
  }
  return mutated;
};

const TOKENS = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '\\',
  '\n',
  '\n\n',
  '\r',
  'data: ',
  'event: ',
  ':',
  'null',
  '1e999',
  '\ufeff',
  '[DONE]',
  '\\u0000',
  '\\ud83d',
];

/** The bytes in pieces, cut anywhere. */
export const cutAnywhere = (bytes: Buffer, draw: Draw): Buffer[] => {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + draw(draw(3) === 0 ? 4 : 400);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
};
