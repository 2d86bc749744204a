/** The kinds of values that the configuration is made of; each says what was expected and what was got. */

import { z } from 'zod';
import type { Usd } from './config.ts';
import { didYouMean, shown } from './config-problem.ts';
import { parseUsd } from './money.ts';

/** Separates the messages of one issue: zod reports all unknown fields of an object as one. */
export const MESSAGE_SEPARATOR = '\n';

/** A value that is checked by hand, so that the message can say what was got and what is allowed. */
export const checked = <T>(isRight: (value: unknown) => boolean, expected: string, show = shown) =>
  z.custom<T>(isRight, { error: ({ input }) => `expected ${expected}, got ${show(input)}` });

/** An object with these fields and no others. */
export const fields = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => unknownField(key, Object.keys(shape))).join(MESSAGE_SEPARATOR)
        : `expected an object, got ${shown(issue.input)}`,
  });

const unknownField = (name: string, allowed: string[]): string =>
  `unknown field.${didYouMean(name, allowed)} Allowed here: ${allowed.join(', ')}.`;

export const named = <Value extends z.ZodType>(isName: RegExp, expected: string, value: Value) =>
  z.record(
    checked<string>((name) => typeof name === 'string' && isName.test(name), expected),
    value,
    {
      error: ({ input }) => `expected an object, got ${shown(input)}`,
    },
  );

export const list = <Item extends z.ZodType>(item: Item, expected: string, max: number) =>
  z.array(item, { error: ({ input }) => `expected ${expected}, got ${shown(input)}` }).check(({ value, issues }) => {
    if (value.length < 1 || value.length > max)
      issues.push({
        code: 'custom',
        input: value,
        message: `expected ${expected}, 1 to ${max} of them, got ${value.length}`,
      });
    const twice = value.find((entry, index) => typeof entry === 'string' && value.indexOf(entry) !== index);
    if (twice !== undefined) issues.push({ code: 'custom', input: value, message: `${shown(twice)} is given twice` });
  });

export const oneOf = <const T extends string>(...allowed: T[]) =>
  z.custom<T>((value) => (allowed as unknown[]).includes(value), {
    error: ({ input }) => `expected one of ${quoted(allowed)}, got ${shown(input)}.${hintFor(input, allowed)}`,
  });

export const quoted = (words: readonly string[]): string => words.map((word) => `"${word}"`).join(', ');

export const hintFor = (input: unknown, allowed: readonly string[]): string =>
  typeof input === 'string' ? didYouMean(input, allowed) : '';

export const whole = (min: number, max: number, unit: string) =>
  checked<number>(
    (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max,
    `a whole number of ${unit} from ${min} to ${max}`,
  );

const MOST_USD = 1_000_000_000;
const USD = /^\$?\d{1,10}(,\d{3})*(\.\d{1,18})?$/;

/** Nano-USD of up to a billion dollars fit into every store's integers. */
export const usd = checked<Usd>((value) => {
  if (typeof value === 'number') return value >= 0 && value <= MOST_USD;
  return typeof value === 'string' && USD.test(value.trim()) && parseUsd(value) <= parseUsd(MOST_USD);
}, `US dollars such as "$20" or 0.15, at most ${MOST_USD}`);
