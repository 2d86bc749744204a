import type { JsonObject, JsonValue } from '../../core/conversation.ts';
import { isObject } from './tokens.ts';

/** Schemas that ask for more values than this, or nest deeper, get `null` from there on. */
const MOST_VALUES = 10_000;
const DEEPEST = 64;
const LONGEST_STRING = 10_000;

const FORMATS: Record<string, string> = {
  'date-time': '2026-01-01T00:00:00Z',
  date: '2026-01-01',
  time: '00:00:00Z',
  duration: 'PT0S',
  email: 'a@example.com',
  hostname: 'example.com',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
};

/**
 * The smallest value that fits a JSON Schema: the first of an enum, required properties only, as few items and characters
 * as allowed. Knows what the vendors' structured outputs know; `pattern`, `not` and `if` are not looked at.
 */
export const minimalInstance = (schema: JsonValue): JsonValue => {
  let values = 0;

  const build = (of: JsonValue | undefined, depth: number): JsonValue => {
    values += 1;
    if (!isObject(of) || depth > DEEPEST || values > MOST_VALUES) return null;
    if (typeof of.$ref === 'string') return build(resolve(schema, of.$ref), depth + 1);
    if (of.const !== undefined) return of.const;
    if (Array.isArray(of.enum) && of.enum[0] !== undefined) return of.enum[0];
    for (const branches of [of.anyOf, of.oneOf])
      if (Array.isArray(branches) && branches.length > 0) return build({ ...of, ...first(branches) }, depth + 1);
    if (Array.isArray(of.allOf) && of.allOf.length > 0) return build(merge(schema, of, of.allOf), depth + 1);
    switch (typeOf(of)) {
      case 'object':
        return object(of, depth);
      case 'array': {
        const { prefixItems } = of;
        const fixed = Array.isArray(prefixItems) ? prefixItems : [];
        const length = Math.min(atLeast(of.minItems), MOST_VALUES);
        return Array.from({ length }, (_, i) => build(fixed[i] ?? of.items ?? {}, depth + 1));
      }
      case 'string': {
        const text =
          typeof of.format === 'string' && Object.hasOwn(FORMATS, of.format) ? FORMATS[of.format] : undefined;
        const length = Math.min(atLeast(of.minLength), LONGEST_STRING);
        values += length / 100;
        return (text ?? '').padEnd(length, 'x');
      }
      case 'integer':
      case 'number':
        return number(of);
      case 'boolean':
        return false;
      default:
        return null;
    }
  };

  const object = (of: JsonObject, depth: number): JsonObject => {
    const properties = isObject(of.properties) ? of.properties : {};
    const required = Array.isArray(of.required) ? of.required.filter((name) => typeof name === 'string') : [];
    return Object.fromEntries(
      required
        .slice(0, MOST_VALUES)
        .map((name) => [name, build(Object.hasOwn(properties, name) ? properties[name] : {}, depth + 1)]),
    );
  };

  return build(schema, 0);
};

const typeOf = (schema: JsonObject): JsonValue | undefined => {
  if (Array.isArray(schema.type)) return schema.type.find((type) => type !== 'null') ?? 'null';
  if (schema.type !== undefined) return schema.type;
  if (schema.properties !== undefined || schema.required !== undefined) return 'object';
  return schema.items === undefined ? undefined : 'array';
};

const number = (schema: JsonObject): number => {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum, multipleOf } = schema;
  const step = typeof multipleOf === 'number' && multipleOf > 0 ? multipleOf : 1;
  if (typeof minimum === 'number' && minimum > 0) return Math.ceil(minimum / step) * step;
  if (typeof exclusiveMinimum === 'number' && exclusiveMinimum >= 0)
    return (Math.floor(exclusiveMinimum / step) + 1) * step;
  if (typeof maximum === 'number' && maximum < 0) return Math.floor(maximum / step) * step;
  if (typeof exclusiveMaximum === 'number' && exclusiveMaximum <= 0)
    return (Math.ceil(exclusiveMaximum / step) - 1) * step;
  return 0;
};

const atLeast = (value: JsonValue | undefined): number =>
  typeof value === 'number' && value > 0 ? Math.ceil(value) : 0;

const first = (branches: JsonValue[]): JsonObject => {
  const branch = branches.find((one) => isObject(one) && one.type !== 'null') ?? branches[0];
  return { anyOf: [], oneOf: [], ...(isObject(branch) ? branch : {}) };
};

const merge = (root: JsonValue, schema: JsonObject, all: JsonValue[]): JsonObject => {
  const merged: JsonObject = { ...schema, allOf: [] };
  for (const one of all) {
    const part = isObject(one) && typeof one.$ref === 'string' ? resolve(root, one.$ref) : one;
    if (!isObject(part)) continue;
    const properties = { ...objectOf(merged.properties), ...objectOf(part.properties) };
    const required = [...arrayOf(merged.required), ...arrayOf(part.required)];
    Object.assign(merged, part, { properties, required, allOf: [] });
    if (required.length === 0) delete merged.required;
    if (Object.keys(properties).length === 0) delete merged.properties;
  }
  return merged;
};

const objectOf = (value: JsonValue | undefined): JsonObject => (isObject(value) ? value : {});
const arrayOf = (value: JsonValue | undefined): JsonValue[] => (Array.isArray(value) ? value : []);

/** A reference within the document: `#/$defs/name`, `#`. */
const resolve = (root: JsonValue, reference: string): JsonValue | undefined => {
  if (!reference.startsWith('#')) return undefined;
  let found: JsonValue | undefined = root;
  for (const step of reference.slice(1).split('/').slice(1)) {
    const name = decodeStep(step);
    found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  }
  return found;
};

const decodeStep = (step: string): string => step.replaceAll('~1', '/').replaceAll('~0', '~');
