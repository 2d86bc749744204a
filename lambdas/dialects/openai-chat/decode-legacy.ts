import { MAX_NAME_LENGTH, MAX_TOOLS } from '../../contract/bounds.ts';
import type { JsonObject, JsonValue, TextPart, Tool, ToolCallPart } from '../../core/conversation.ts';
import { digestOf } from '../../core/digest.ts';
import { fail, optional, present, readArray, readObject, readString } from '../../core/read-json.ts';
import type { Findings } from './findings.ts';

/**
 * What OpenAI's own servers and some others still take and no other dialect has words for: functions as they were before
 * tools, and spoken words. It is read for its size, and goes as it came to a target that speaks this dialect.
 */
export const decodeFunctions = (body: JsonObject, findings: Findings): Tool[] => {
  if (isSet(body['function_call'])) findings.bound ??= 'function_call, which came before tools';
  return (
    optional(body['functions'], (value) => {
      findings.bound ??= 'functions, which came before tools';
      return readArray(value, 'functions', { max: MAX_TOOLS }).map((one, index) => {
        const param = `functions[${index}]`;
        const definition = readObject(one, param);
        return {
          name: readString(definition['name'], `${param}.name`, { min: 1, max: MAX_NAME_LENGTH }),
          ...present(
            'description',
            optional(definition['description'], (field) => readString(field, `${param}.description`)),
          ),
          ...present(
            'parameters',
            optional(definition['parameters'], (field) => readObject(field, `${param}.parameters`)),
          ),
        };
      });
    }) ?? []
  );
};

const isSet = (value: JsonValue | undefined): boolean => value !== undefined && value !== null;

/** An assistant's `function_call`, which has no id: its result is the next message. */
export const decodeFunctionCall = (value: JsonValue, param: string, findings: Findings): ToolCallPart => {
  const call = readObject(value, param);
  findings.bound ??= `a function_call (${param})`;
  return {
    type: 'tool-call',
    id: param,
    name: readString(call['name'], `${param}.name`, { min: 1, max: MAX_NAME_LENGTH }),
    arguments: readString(call['arguments'], `${param}.arguments`),
  };
};

/** Base64 characters of sound that stand for it as text. OpenAI counts ten tokens a second; even at 8 kbit/s that is a token in 130. */
const CHARACTERS_PER_CHARACTER = 50;

/** `input_audio`. Its stand-in is a text that is never shorter than the sound in tokens, and that differs with it. */
export const decodeAudio = (part: JsonObject, param: string, findings: Findings): TextPart => {
  const inner = `${param}.input_audio`;
  const { data } = readObject(part['input_audio'], inner);
  if (typeof data !== 'string' || data === '')
    return fail(`${inner}.data`, `${inner}.data: expected base64 data, got none`);
  findings.bound ??= `audio (${inner})`;
  findings.audioInput = true;
  const size = Math.ceil(data.length / CHARACTERS_PER_CHARACTER);
  return { type: 'text', text: `${digestOf(data, 24)}${data.slice(0, size)}` };
};
