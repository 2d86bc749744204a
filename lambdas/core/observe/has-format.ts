import type { JsonObject, JsonValue, OutputFormat } from '../conversation.ts';

/**
 * Whether a text is what was asked for: JSON, or JSON of that schema. Of JSON Schema it knows what the vendors' structured
 * outputs know (type, enum, const, properties, required, additionalProperties, items, prefixItems, anyOf, oneOf, allOf,
 * local $ref); every other keyword is passed over. So what it calls wrong is wrong, and it may miss what a whole validator
 * would find. Patterns are not tried: they are the client's own, and one can keep a processor busy for years.
 */
export const hasFormat = (text: string, format: OutputFormat): boolean => {
  if (format.type === 'text') return true;
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return false;
  }
  // Without a schema it is an object that is promised.
  if (format.type === 'json') return isObject(value);
  return fits(value, format.schema, { root: format.schema, stepsLeft: MOST_STEPS, depth: 0 });
};

/** Of a schema and answer that are larger, or refer to themselves without end, the rest is taken as right. */
const MOST_STEPS = 50_000;
const MOST_DEPTH = 200;

interface Walk {
  root: JsonObject;
  stepsLeft: number;
  depth: number;
}

const fits = (value: JsonValue, schema: JsonValue | undefined, walk: Walk): boolean => {
  if (typeof schema === 'boolean') return schema;
  if (!isObject(schema) || walk.stepsLeft <= 0 || walk.depth >= MOST_DEPTH) return true;
  walk.stepsLeft -= 1;
  walk.depth += 1;
  const result =
    fitsReference(value, schema, walk) &&
    fitsType(value, schema['type']) &&
    fitsChoice(value, schema, walk) &&
    (!isObject(value) || fitsObject(value, schema, walk)) &&
    (!Array.isArray(value) || fitsItems(value, schema, walk)) &&
    fitsCombination(value, schema, walk);
  walk.depth -= 1;
  return result;
};

/** `#`, `#/$defs/name`: within the schema. What refers elsewhere is not looked up. */
const fitsReference = (value: JsonValue, { $ref: reference }: JsonObject, walk: Walk): boolean => {
  if (typeof reference !== 'string' || !reference.startsWith('#')) return true;
  let found: JsonValue | undefined = walk.root;
  for (const part of reference.split('/').slice(1)) {
    const name = decodePointer(part);
    found =
      isObject(found) && Object.hasOwn(found, name)
        ? found[name]
        : Array.isArray(found)
          ? found[Number(name)]
          : undefined;
  }
  return reference === '#' || reference.startsWith('#/') ? fits(value, found, walk) : true;
};

const decodePointer = (part: string): string => {
  const plain = part.replaceAll('~1', '/').replaceAll('~0', '~');
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain;
  }
};

const fitsType = (value: JsonValue, type: JsonValue | undefined): boolean => {
  const types = (Array.isArray(type) ? type : [type]).filter((one) => typeof one === 'string');
  return types.length === 0 || types.some((one) => isOfType(value, one));
};

const isOfType = (value: JsonValue, type: string): boolean => {
  switch (type) {
    case 'object':
      return isObject(value);
    case 'array':
      return Array.isArray(value);
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === type;
    default:
      return true;
  }
};

const fitsChoice = (value: JsonValue, schema: JsonObject, walk: Walk): boolean => {
  const { enum: allowed, const: only } = schema;
  if (only !== undefined && !isSame(value, only)) return false;
  if (!Array.isArray(allowed)) return true;
  walk.stepsLeft -= allowed.length;
  return allowed.some((one) => isSame(value, one));
};

const isSame = (a: JsonValue, b: JsonValue): boolean => {
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((one, i) => isSame(one, b[i] ?? null));
  if (!isObject(a)) return a === b;
  const names = Object.keys(a);
  return (
    isObject(b) &&
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSame(a[name] ?? null, b[name] ?? null))
  );
};

const fitsObject = (value: JsonObject, schema: JsonObject, walk: Walk): boolean => {
  const { required, additionalProperties: rest, patternProperties } = schema;
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  if (Array.isArray(required)) {
    walk.stepsLeft -= required.length;
    if (required.some((name) => typeof name === 'string' && !Object.hasOwn(value, name))) return false;
  }
  return Object.entries(value).every(([name, member]) => {
    if (Object.hasOwn(properties, name)) return fits(member, properties[name], walk);
    // Which names a pattern takes is not tried.
    return patternProperties !== undefined || fits(member, rest, walk);
  });
};

const fitsItems = (value: JsonValue[], schema: JsonObject, walk: Walk): boolean => {
  const first = Array.isArray(schema['prefixItems']) ? schema['prefixItems'] : [];
  // Before 2020 a list in `items` was what `prefixItems` is.
  const rest = Array.isArray(schema['items']) ? undefined : schema['items'];
  return value.every((item, i) => fits(item, i < first.length ? first[i] : rest, walk));
};

const fitsCombination = (value: JsonValue, { anyOf, oneOf, allOf }: JsonObject, walk: Walk): boolean => {
  for (const some of [anyOf, oneOf])
    if (Array.isArray(some) && some.length > 0 && !some.some((one) => fits(value, one, walk))) return false;
  return !Array.isArray(allOf) || allOf.every((one) => fits(value, one, walk));
};

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
