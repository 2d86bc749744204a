import type { Conversation, JsonObject, Tool, ToolChoice } from '../../core/conversation.ts';
import { type EncodeContext, encodeCachePoint } from './encode-content.ts';
import { fitToolName } from './fit-names.ts';

const NO_ARGUMENTS: JsonObject = { type: 'object', properties: {} };

const encodeTool = (tool: Tool, context: EncodeContext): JsonObject[] => {
  const { name, description, parameters, strict, cache } = tool;
  if (strict === true && !context.rules.strictTools) context.dropped.add('tools.strict');
  if (cache !== undefined && !context.rules.caches.tools) context.dropped.add('cache');
  return [
    {
      toolSpec: {
        name: fitToolName(name),
        ...(description !== undefined && description.trim() !== '' && { description }),
        // The root has to say that it is an object.
        inputSchema: { json: parameters === undefined ? NO_ARGUMENTS : { type: 'object', ...parameters } },
        ...(strict === true && context.rules.strictTools && { strict }),
      },
    },
    ...(context.rules.caches.tools ? encodeCachePoint(cache, context) : []),
  ];
};

/** Tools that the history names, in the order of their first use. */
const toolsOfHistory = ({ turns }: Conversation): Tool[] => {
  const names = turns
    .flatMap((turn) => (turn.role === 'assistant' ? turn.parts : []))
    .flatMap((part) => (part.type === 'tool-call' ? [part.name] : []));
  return [...new Set(names)].map((name) => ({ name }));
};

const encodeChoice = (choice: ToolChoice | undefined): JsonObject | undefined => {
  switch (choice?.type) {
    case 'auto':
      return { auto: {} };
    case 'required':
      return { any: {} };
    case 'tool':
      return { tool: { name: fitToolName(choice.name) } };
    case 'none':
    case undefined:
      return undefined;
    default:
      return choice satisfies never;
  }
};

/** Whether a call is forced on the model. */
export const forcesTool = ({ tools, toolChoice }: Conversation, { rules }: EncodeContext): boolean =>
  rules.takesForcedTools && tools.length > 0 && (toolChoice?.type === 'required' || toolChoice?.type === 'tool');

/**
 * Converse has no "none": the tools are left out instead, unless the history holds calls. Then Converse demands a
 * toolConfig, so the tools stay (of the history alone, where the client sent none) and the lost "none" is named.
 *
 * `extra` belongs into additionalModelRequestFields: Claude's own switch for one call at a time, which may not stand
 * beside a toolChoice of Converse's.
 */
export const encodeTools = (
  conversation: Conversation,
  context: EncodeContext,
): { toolConfig?: JsonObject; extra: JsonObject } => {
  const { tools, toolChoice, parallelToolCalls } = conversation;
  const ofHistory = toolsOfHistory(conversation);
  const none = toolChoice?.type === 'none';
  if (none && ofHistory.length === 0) return { extra: {} };
  const offered = tools.length > 0 ? tools : ofHistory;
  if (offered.length === 0) return { extra: {} };

  const forced = forcesTool(conversation, context);
  const chosen = toolChoice !== undefined && toolChoice.type !== 'auto';
  if (chosen && !forced) context.dropped.add('toolChoice');
  const oneAtATime = parallelToolCalls === false && tools.length > 0;
  const bySwitch = oneAtATime && context.rules.oneToolAtATime && !chosen;
  if (oneAtATime && !bySwitch) context.dropped.add('parallelToolCalls');
  const choice = tools.length > 0 && !bySwitch && (forced || !chosen) ? encodeChoice(toolChoice) : undefined;
  return {
    toolConfig: {
      tools: offered.flatMap((tool) => encodeTool(tool, context)),
      ...(choice !== undefined && { toolChoice: choice }),
    },
    extra: bySwitch ? { tool_choice: { type: 'auto', disable_parallel_tool_use: true } } : {},
  };
};
