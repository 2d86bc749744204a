import { MAX_NAME_LENGTH } from '../../contract/bounds.ts';
import type { Conversation, CostBearing, EmbeddingInput, JsonObject, JsonValue } from '../../core/conversation.ts';
import type { Decoded } from '../../core/dialect.ts';
import { MAX_EMBEDDING_INPUTS } from '../../core/embedding/embedding-model.ts';
import {
  decoding,
  fail,
  got,
  optional,
  present,
  readArray,
  readNumber,
  readObject,
  readOneOf,
  readString,
} from '../../core/read-json.ts';

/** Reads the body of `POST /v1/embeddings`. */
export const decodeRequest = (json: JsonValue): Decoded<Conversation> => decoding(() => readRequest(json));

/** More numbers than any model has dimensions, or a vocabulary tokens. */
const MOST_DIMENSIONS = 1_000_000;
const MOST_TOKEN = 2 ** 31 - 1;

const READ = new Set(['model', 'input', 'dimensions', 'encoding_format', 'user', 'stream']);

/** What other vendors bill by something else than the tokens: OpenRouter's choice of models and providers, service tiers. */
const COST_BEARING = new Set(['service_tier', 'models', 'provider', 'route', 'plugins']);

const readRequest = (json: JsonValue): Conversation => {
  const body = readObject(json, 'body');
  const model = readString(body.model, 'model', { min: 1, max: MAX_NAME_LENGTH });
  if (body.stream === true) fail('stream', 'stream: embeddings come whole; leave it out');
  const format = optional(body.encoding_format, (value) => readOneOf(value, 'encoding_format', ['float', 'base64']));
  const others = Object.keys(body).filter((name) => !READ.has(name) && body[name] !== null);
  return {
    model,
    embedding: {
      inputs: readInputs(body.input),
      format: format ?? 'float',
      ...present(
        'dimensions',
        optional(body.dimensions, (value) =>
          readNumber(value, 'dimensions', { min: 1, max: MOST_DIMENSIONS, integer: true }),
        ),
      ),
    },
    turns: [],
    tools: [],
    choices: 1,
    maxOutputTokens: 0,
    stream: false,
    streamUsage: false,
    ...present('user', readUser(body)),
    sameDialectOnly: others.filter((name) => !COST_BEARING.has(name)),
    costBearing: others.filter((name) => COST_BEARING.has(name)).map(costOf),
  };
};

const readUser = (body: JsonObject): string | undefined =>
  optional(body.user, (value) => readString(value, 'user', { max: MAX_NAME_LENGTH }));

const costOf = (field: string): CostBearing => ({
  field,
  bound: field,
  dialect: 'openai-embeddings',
  isDispensable: false,
  kind: 'unpriced',
});

/** A text, texts, the tokens of one, or of several. */
const readInputs = (value: JsonValue | undefined): EmbeddingInput[] => {
  if (typeof value === 'string') return [readText(value, 'input')];
  if (!Array.isArray(value))
    return fail('input', `input: expected a string, an array of strings, or arrays of tokens, got ${got(value)}`);
  if (typeof value[0] === 'number') return [readTokens(value, 'input')];
  return readArray(value, 'input', { min: 1, max: MAX_EMBEDDING_INPUTS }).map((one, index, { [0]: first }) =>
    Array.isArray(first) ? readTokens(one, `input[${index}]`) : readText(one, `input[${index}]`),
  );
};

const readText = (value: JsonValue, param: string): string => readString(value, param, { min: 1 });

const readTokens = (value: JsonValue, param: string): number[] => {
  const tokens = readArray(value, param, { min: 1, max: Number.MAX_SAFE_INTEGER });
  // In place and without a text a token: a batch may have millions.
  const wrong = tokens.findIndex(
    (token) => typeof token !== 'number' || !Number.isInteger(token) || token < 0 || token > MOST_TOKEN,
  );
  if (wrong !== -1)
    fail(`${param}[${wrong}]`, `${param}[${wrong}]: expected a token, a whole number, got ${got(tokens[wrong])}`);
  return tokens as number[];
};
