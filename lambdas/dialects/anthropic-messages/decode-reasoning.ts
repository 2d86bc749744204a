import { MAX_OUTPUT_TOKENS } from '../../contract/bounds.ts';
import type { Conversation, JsonObject, JsonValue, OutputFormat, ReasoningEffort } from '../../core/conversation.ts';
import { optional, readNumber, readObject, readOneOf } from '../../core/read-json.ts';
import { SMALLEST_BUDGET } from './encode-reasoning.ts';
import type { Notes } from './notes.ts';

interface Output {
  format?: OutputFormat;
  effort?: ReasoningEffort;
}

/** `output_config`, and `output_format` as the betas spelt its `format`. */
export const readOutput = (body: JsonObject, notes: Notes): Output => {
  const config = optional(body.output_config, (value) => readObject(value, 'output_config')) ?? {};
  const effort = optional(config.effort, (value) =>
    readOneOf(value, 'output_config.effort', ['low', 'medium', 'high', 'xhigh', 'max']),
  );
  const format =
    optional(config.format, (value) => readFormat(value, 'output_config.format')) ??
    optional(body.output_format, (value) => readFormat(value, 'output_format'));
  for (const name of Object.keys(config))
    if (name !== 'effort' && name !== 'format') notes.lose(`output_config.${name}`);
  return { ...(format !== undefined && { format }), ...(effort !== undefined && { effort }) };
};

/** Anthropic's formats have no name; OpenAI demands one. */
const FORMAT_NAME = 'output';

const readFormat = (value: JsonValue, param: string): OutputFormat => {
  const format = readObject(value, param);
  readOneOf(format.type, `${param}.type`, ['json_schema']);
  return { type: 'json-schema', name: FORMAT_NAME, schema: readObject(format.schema, `${param}.schema`) };
};

/** Effort of models that are told to think, but not how much (Anthropic's default on most of them). */
const DEFAULT_EFFORT = 'high';

export const readThinking = (
  value: JsonValue | undefined,
  effort: ReasoningEffort | undefined,
  notes: Notes,
): Conversation['reasoning'] => {
  if (value === undefined || value === null) return effort === undefined ? undefined : { effort };
  const thinking = readObject(value, 'thinking');
  const type = readOneOf(thinking.type, 'thinking.type', ['enabled', 'disabled', 'adaptive', 'between_tools']);
  if (thinking.display !== undefined && thinking.display !== null) notes.lose('thinking.display');
  switch (type) {
    case 'enabled':
      return {
        ...(effort !== undefined && { effort }),
        budgetTokens: readNumber(thinking.budget_tokens, 'thinking.budget_tokens', {
          min: SMALLEST_BUDGET,
          max: MAX_OUTPUT_TOKENS,
          integer: true,
        }),
      };
    case 'disabled':
      return { effort: 'none' };
    case 'adaptive':
      return { effort: effort ?? DEFAULT_EFFORT };
    case 'between_tools':
      // The least thinking there is on the models that know the word.
      return { effort: effort ?? 'low' };
    default:
      return type satisfies never;
  }
};
