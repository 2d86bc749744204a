import type { JsonObject, JsonValue } from '../../core/conversation.ts';
import { listOf, objectOf, objectsOf } from './wire.ts';

/** Keywords that Gemini takes as they are (API reference, GenerationConfig.responseJsonSchema). */
const TAKEN = new Set([
  'title',
  'description',
  'type',
  'format',
  'minItems',
  'maxItems',
  'minimum',
  'maximum',
  'required',
  'propertyOrdering',
]);
/** Those that hold a schema, a list of them, or several by name. */
const SCHEMA = new Set(['items', 'additionalProperties']);
const SCHEMAS = new Set(['anyOf', 'oneOf', 'prefixItems']);

/** Property names are the client's: `__proto__` is one like any other. */
const put = (object: JsonObject, key: string, value: JsonValue): void => {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
};

const isWord = (value: JsonValue): boolean => typeof value === 'string' || typeof value === 'number';

/** What the schemas of an `allOf` say together; undefined where two say different things. */
const mergeAll = (schemas: readonly JsonObject[]): JsonObject | undefined => {
  const merged: JsonObject = {};
  for (const schema of schemas) {
    for (const [key, value] of Object.entries(schema)) {
      const before = Object.hasOwn(merged, key) ? merged[key] : undefined;
      if (key === 'properties' || key === '$defs') {
        const named: JsonObject = { ...objectOf(before) };
        for (const [name, inner] of Object.entries(objectOf(value) ?? {})) {
          if (Object.hasOwn(named, name) && JSON.stringify(named[name]) !== JSON.stringify(inner)) return undefined;
          put(named, name, inner);
        }
        merged[key] = named;
      } else if (key === 'required') merged[key] = [...new Set([...listOf(before), ...listOf(value)])];
      else if (before !== undefined && JSON.stringify(before) !== JSON.stringify(value)) return undefined;
      else put(merged, key, value);
    }
  }
  return merged;
};

/** `#/definitions/City` → `#/$defs/City`. */
const fitReference = (value: JsonValue): JsonValue =>
  typeof value === 'string' ? value.replace(/^#\/definitions\//, '#/$defs/') : value;

/**
 * A schema as Gemini takes it. Keywords that it would pass over (patterns, lengths, defaults, …) are told to the model in
 * the description instead; `const` and `allOf` are said in its own words.
 */
export const fitSchema = (schema: JsonObject): JsonObject => {
  const fitNamed = (named: JsonObject): JsonObject => {
    const fitted: JsonObject = {};
    for (const [name, value] of Object.entries(named)) put(fitted, name, fitValue(value === true ? {} : value));
    return fitted;
  };

  const fitValue = (value: JsonValue): JsonValue => {
    const object = objectOf(value);
    return object === undefined ? value : fitObject(object);
  };

  const fitObject = (object: JsonObject): JsonObject => {
    // Beside a reference nothing may stand but what begins with "$".
    if (typeof object['$ref'] === 'string') return { ...identifiersOf(object), $ref: fitReference(object['$ref']) };
    const { allOf, ...own } = object;
    const parts = objectsOf(allOf);
    const hasReference = parts.some((part) => part['$ref'] !== undefined);
    const [onlyPart] = parts;
    if (parts.length === 1 && onlyPart !== undefined && hasReference) return fitObject(onlyPart);
    const merged = allOf === undefined || hasReference ? undefined : mergeAll([own, ...parts]);
    if (merged !== undefined) return fitObject(merged);
    return fitKeywords(object);
  };

  const fitKeywords = (object: JsonObject): JsonObject => {
    const fitted: JsonObject = identifiersOf(object);
    const told: string[] = [];
    for (const [key, value] of Object.entries(object)) {
      if (TAKEN.has(key)) put(fitted, key, value);
      else if (SCHEMA.has(key)) put(fitted, key, Array.isArray(value) ? value.map(fitValue) : fitValue(value));
      else if (SCHEMAS.has(key) && Array.isArray(value)) put(fitted, key, value.map(fitValue));
      else if (key === 'properties') put(fitted, key, fitNamed(objectOf(value) ?? {}));
      else if (key === '$defs' || key === 'definitions') put(fitted, '$defs', fitNamed(objectOf(value) ?? {}));
      else if (key === 'enum' && listOf(value).every(isWord)) put(fitted, key, value);
      else if (key === 'const' && isWord(value)) put(fitted, 'enum', [value]);
      // Identifiers and comments (`$schema`) say nothing to the model.
      else if (!key.startsWith('$')) told.push(`${key}: ${JSON.stringify(value)}`);
    }
    if (told.length === 0) return fitted;
    const description = typeof fitted['description'] === 'string' ? `${fitted['description']}\n\n` : '';
    return { ...fitted, description: `${description}{${told.join(', ')}}` };
  };

  return fitObject(schema);
};

const identifiersOf = (object: JsonObject): JsonObject => ({
  ...(typeof object['$id'] === 'string' && { $id: object['$id'] }),
  ...(typeof object['$anchor'] === 'string' && { $anchor: object['$anchor'] }),
});

/** Of a function's arguments: the root has to say that it is an object. */
export const fitParameters = (schema: JsonObject): JsonObject => {
  const fitted = fitSchema(schema);
  return fitted['type'] === undefined && fitted['$ref'] === undefined ? { type: 'object', ...fitted } : fitted;
};

/** Google's own Schema (`responseSchema`, `parameters`), an OpenAPI dialect, as JSON Schema: `STRING` → `string`, `nullable` → a type. */
export const readOpenApiSchema = (schema: JsonObject): JsonObject => {
  const read = (value: JsonValue): JsonValue => {
    const object = objectOf(value);
    return object === undefined ? value : readOpenApiSchema(object);
  };
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'type' && typeof value === 'string') {
      const type = value.toLowerCase();
      if (type !== 'type_unspecified') result['type'] = schema['nullable'] === true ? [type, 'null'] : type;
    } else if (key === 'nullable') {
      if (schema['type'] === undefined) result['type'] = ['null'];
    } else if (key === 'properties') {
      const named: JsonObject = {};
      for (const [name, inner] of Object.entries(objectOf(value) ?? {})) put(named, name, read(inner));
      result['properties'] = named;
    } else if (key === 'items') result['items'] = read(value);
    else if (key === 'anyOf' || key === 'any_of') result['anyOf'] = listOf(value).map(read);
    else put(result, key, /^(min|max)(Items|Length|Properties)$/.test(key) ? toNumber(value) : value);
  }
  return result;
};

/** Counts of 64 bits are texts in protobuf's JSON. */
const toNumber = (value: JsonValue): JsonValue =>
  typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
