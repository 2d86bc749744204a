import type { JsonObject, JsonValue } from '../../core/conversation.ts';
import { asObject } from './read-loosely.ts';

/** Keywords that hold one schema, several, or several by name. */
const SCHEMA = new Set(['items', 'additionalItems']);
const SCHEMAS = new Set(['anyOf', 'allOf', 'oneOf']);
const NAMED_SCHEMAS = new Set(['properties', '$defs', 'definitions']);

/** Keywords that Anthropic's constrained decoding takes as they are ("Structured outputs", JSON Schema limitations). */
const TAKEN = new Set(['$ref', 'const', 'default', 'description', 'enum', 'required', 'title', 'type']);

const FORMATS = new Set(['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid']);

/**
 * A schema as Anthropic's constrained decoding takes it. What it would refuse (bounds, patterns, …) is told to the model in
 * the description instead; every object is closed. `isNarrower` = the schema lost something else: a map with free keys.
 */
export const fitSchema = (schema: JsonObject): { schema: JsonObject; isNarrower: boolean } => {
  let isNarrower = false;

  const fitValue = (value: JsonValue): JsonValue => {
    const object = asObject(value);
    return object === undefined ? value : fitObject(object);
  };

  const fitObject = (object: JsonObject): JsonObject => {
    const fitted: JsonObject = {};
    const told: string[] = [];
    for (const [key, value] of Object.entries(object)) {
      if (TAKEN.has(key)) put(fitted, key, value);
      else if (SCHEMA.has(key)) put(fitted, key, fitValue(value));
      else if (SCHEMAS.has(key) && Array.isArray(value))
        put(fitted, key === 'oneOf' ? 'anyOf' : key, value.map(fitValue));
      else if (NAMED_SCHEMAS.has(key)) put(fitted, key, fitNamed(asObject(value) ?? {}));
      else if (key === 'format' && typeof value === 'string' && FORMATS.has(value)) put(fitted, key, value);
      else if (key === 'minItems' && (value === 0 || value === 1)) put(fitted, key, value);
      else if (key === 'additionalProperties') isNarrower ||= asObject(value) !== undefined;
      // Identifiers and comments (`$schema`, `$id`) say nothing to the model.
      else if (!key.startsWith('$')) told.push(`${key}: ${JSON.stringify(value)}`);
    }
    if (isObjectSchema(fitted)) {
      isNarrower ||= fitted.properties === undefined && object.additionalProperties !== false;
      fitted.additionalProperties = false;
    }
    if (told.length === 0) return fitted;
    const description = typeof fitted.description === 'string' ? `${fitted.description}\n\n` : '';
    return { ...fitted, description: `${description}{${told.join(', ')}}` };
  };

  const fitNamed = (named: JsonObject): JsonObject =>
    Object.fromEntries(Object.entries(named).map(([name, value]) => [name, fitValue(value)]));

  const fitted = fitObject(schema);
  return { schema: fitted, isNarrower };
};

/** Property names are the client's: `__proto__` is one like any other. */
const put = (object: JsonObject, key: string, value: JsonValue): void => {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
};

const isObjectSchema = ({ type, properties }: JsonObject): boolean =>
  type === 'object' || (Array.isArray(type) && type.includes('object')) || properties !== undefined;
