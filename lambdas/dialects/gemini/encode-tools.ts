import type { Conversation, JsonObject, Tool, ToolChoice } from '../../core/conversation.ts';
import type { EncodeContext } from './encode-parts.ts';
import { fitParameters } from './fit-schema.ts';

const encodeTool = ({ name, description, parameters }: Tool): JsonObject => ({
  name,
  description: description ?? '',
  ...(parameters !== undefined && { parametersJsonSchema: fitParameters(parameters) }),
});

const encodeMode = (choice: ToolChoice | undefined, isValidated: boolean): JsonObject | undefined => {
  switch (choice?.type) {
    case 'none':
      return { mode: 'NONE' };
    case 'required':
      return { mode: 'ANY' };
    case 'tool':
      return { mode: 'ANY', allowedFunctionNames: [choice.name] };
    case 'auto':
      return { mode: isValidated ? 'VALIDATED' : 'AUTO' };
    case undefined:
      return isValidated ? { mode: 'VALIDATED' } : undefined;
    default:
      return choice satisfies never;
  }
};

/**
 * Functions and the choice among them. A function can't be strict by itself: where one is to be, VALIDATED holds all calls
 * to their schemas (ANY does so anyway). Gemini has no switch for one call at a time.
 */
export const encodeTools = (conversation: Conversation, { rules, dropped }: EncodeContext): JsonObject => {
  const { tools, toolChoice, parallelToolCalls, format = { type: 'text' } } = conversation;
  if (tools.length === 0) return {};
  // Functions that can't be called are left out where a JSON answer would be refused beside them.
  if (toolChoice?.type === 'none' && format.type !== 'text' && !rules.takesJsonBesideTools) return {};
  if (parallelToolCalls === false) dropped.add('parallelToolCalls');
  const isStrict = tools.some(({ strict }) => strict === true);
  const isFree = toolChoice === undefined || toolChoice.type === 'auto';
  if (isStrict && isFree && !rules.hasValidatedMode) dropped.add('tools.strict');
  const mode = encodeMode(toolChoice, isStrict && rules.hasValidatedMode);
  return {
    tools: [{ functionDeclarations: tools.map(encodeTool) }],
    ...(mode !== undefined && { toolConfig: { functionCallingConfig: mode } }),
  };
};
