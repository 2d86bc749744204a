import { canonicalText } from '../audit/canonical-text.ts';
import type { JsonObject, JsonValue } from '../conversation.ts';
import type { AnySurfaceName, SurfaceName } from '../dialect.ts';

/** What of a body the conversation holds: all of a value (`whole`), or of an object these members. Arrays are looked through. */
type Held = 'whole' | { readonly [member: string]: Held };

const WHOLE = 'whole';
/** How an answer travels, who asks, and what the provider keeps for whom: nothing that the model sees. */
const UNSEEN = { model: WHOLE, stream: WHOLE, metadata: WHOLE } as const;
const OPENAI = {
  ...UNSEEN,
  user: WHOLE,
  store: WHOLE,
  stream_options: WHOLE,
  safety_identifier: WHOLE,
  prompt_cache_key: WHOLE,
} as const;
const SAMPLING = { temperature: WHOLE, top_p: WHOLE } as const;
const CACHE_POINT = { cache_control: WHOLE } as const;
const TEXT = { type: WHOLE, text: WHOLE, ...CACHE_POINT } as const;
const CALLED = { name: WHOLE, arguments: WHOLE } as const;
const FUNCTION = { name: WHOLE, description: WHOLE, parameters: WHOLE, strict: WHOLE } as const;
const JSON_SCHEMA = { name: WHOLE, description: WHOLE, schema: WHOLE, strict: WHOLE } as const;

/** By surface. A field that is missing here only keeps apart what could have shared an answer; one too many would mix up requests. */
const HELD: Readonly<Record<SurfaceName, Held>> = {
  'openai-chat': {
    ...OPENAI,
    ...SAMPLING,
    messages: {
      role: WHOLE,
      content: { ...TEXT, refusal: WHOLE },
      refusal: WHOLE,
      tool_calls: { id: WHOLE, type: WHOLE, function: CALLED, ...CACHE_POINT },
      tool_call_id: WHOLE,
      ...CACHE_POINT,
    },
    tools: { type: WHOLE, function: FUNCTION, ...CACHE_POINT },
    tool_choice: { type: WHOLE, function: { name: WHOLE } },
    parallel_tool_calls: WHOLE,
    response_format: { type: WHOLE, json_schema: JSON_SCHEMA },
    max_tokens: WHOLE,
    max_completion_tokens: WHOLE,
    stop: WHOLE,
    n: WHOLE,
    seed: WHOLE,
    presence_penalty: WHOLE,
    frequency_penalty: WHOLE,
    reasoning_effort: WHOLE,
    logprobs: WHOLE,
    top_logprobs: WHOLE,
  },
  'openai-responses': {
    ...OPENAI,
    ...SAMPLING,
    input: {
      type: WHOLE,
      role: WHOLE,
      content: TEXT,
      call_id: WHOLE,
      ...CALLED,
      output: TEXT,
    },
    instructions: WHOLE,
    tools: { type: WHOLE, ...FUNCTION },
    tool_choice: { type: WHOLE, name: WHOLE },
    parallel_tool_calls: WHOLE,
    text: { format: { type: WHOLE, ...JSON_SCHEMA } },
    max_output_tokens: WHOLE,
  },
  'anthropic-messages': {
    ...UNSEEN,
    ...SAMPLING,
    ...CACHE_POINT,
    system: TEXT,
    messages: {
      role: WHOLE,
      content: {
        ...TEXT,
        id: WHOLE,
        name: WHOLE,
        input: WHOLE,
        tool_use_id: WHOLE,
        content: TEXT,
        is_error: WHOLE,
      },
    },
    tools: { type: WHOLE, name: WHOLE, description: WHOLE, input_schema: WHOLE, strict: WHOLE, ...CACHE_POINT },
    tool_choice: { type: WHOLE, name: WHOLE, disable_parallel_tool_use: WHOLE },
    max_tokens: WHOLE,
    stop_sequences: WHOLE,
    top_k: WHOLE,
  },
};

/**
 * What a client's body says that its conversation does not hold, by path (its steps as JSON): a target of the same dialect
 * gets the body as it is, so all of it may bear on the answer. Null says "not set" in every dialect.
 *
 * @param named fields of which the decoder says that only a target of the same dialect is told them
 */
export const findUnheld = (
  body: JsonObject,
  surface: AnySurfaceName,
  named: readonly string[] = [],
): Map<string, string> => {
  const found = new Map<string, string>();
  collect(body, HELD[surface as SurfaceName] ?? {}, [], found);
  collectLookAlikes(body, found);
  // Of what a decoder names something must be in the key, whatever the list above says.
  for (const name of named) {
    const [top = name] = name.split(/[.[]/, 1);
    const value = body[top];
    if (value === undefined || Object.hasOwn(OPENAI, top)) continue;
    const isFound = [...found.keys()].some(
      (path) => path === pathOf(top) || path.startsWith(`${pathOf(top).slice(0, -1)},`),
    );
    if (!isFound) found.set(pathOf(top), textOf(value));
  }
  return found;
};

/** A member may have any name, also one that reads like a way through others: joined text would mix them up. */
const pathOf = (...path: readonly (string | number)[]): string => JSON.stringify(path);

const collect = (
  value: JsonValue,
  held: Held,
  path: readonly (string | number)[],
  found: Map<string, string>,
): void => {
  if (value === null || held === WHOLE) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) collect(item, held, [...path, index], found);
    return;
  }
  // A text where an object could stand is held as one.
  if (typeof value !== 'object') return;
  for (const [name, member] of Object.entries(value)) {
    const inner = Object.hasOwn(held, name) ? held[name] : undefined;
    if (inner !== undefined) collect(member, inner, [...path, name], found);
    else if (member !== null) found.set(pathOf(...path, name), textOf(member));
  }
};

/** What decodes like something else, and reaches a target of the same dialect as it was said. */
const collectLookAlikes = (body: JsonObject, found: Map<string, string>): void => {
  // The conversation has the allowed tools alone; the model is shown the others too.
  if (objectOf(body['tool_choice'])?.['type'] === 'allowed_tools' && body['tools'] !== undefined)
    found.set(pathOf('tools'), textOf(body['tools']));
  // A system turn to every other vendor's models.
  for (const name of ['messages', 'input']) {
    const turns = body[name];
    if (!Array.isArray(turns)) continue;
    for (const [index, turn] of turns.entries())
      if (objectOf(turn)?.['role'] === 'developer') found.set(pathOf(name, index, 'role'), textOf('developer'));
  }
};

const objectOf = (value: JsonValue | undefined): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;

const textOf = (value: JsonValue): string => canonicalText(['json', JSON.stringify(value)]);
