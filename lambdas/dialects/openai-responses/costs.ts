import type { Charge, CostBearing, JsonObject, JsonValue } from '../../core/conversation.ts';
import { type Costs, costOf, readCosts } from '../openai-chat/cost-bearing.ts';
import { objectOf } from '../openai-chat/wire.ts';

const UNPRICED: Charge = { kind: 'unpriced' };

/** Tools that the client runs: they cost the tokens of their definitions and calls. */
const RUN_BY_CLIENTS = new Set([
  'function',
  'custom',
  'local_shell',
  'apply_patch',
  'computer',
  'computer_use_preview',
]);

/**
 * What a tool that the provider runs costs beyond the tokens of one answer. After each use the model reads everything again,
 * so even one without a fee (`mcp`, `tool_search`) is bounded by nothing here but dollars.
 *
 * @param mostCalls the request's `max_tool_calls`: all uses of such tools together
 */
export const costOfTool = (tool: JsonObject, type: string, mostCalls: number | undefined): CostBearing | undefined => {
  if (RUN_BY_CLIENTS.has(type)) return undefined;
  const isSearch = /^web_search(_preview)?(_\d{4}_\d\d_\d\d)?$/.test(type);
  const field = `tools: ${type.slice(0, 64)}`;
  if (!isSearch)
    return { ...costOf(field, UNPRICED, 'openai-responses'), bound: type.slice(0, 64), isDispensable: false };
  const size = tool['search_context_size'];
  return {
    ...costOf(
      field,
      {
        kind: 'tool',
        tool: 'web-search',
        size: size === 'low' || size === 'high' ? size : 'medium',
        ...(mostCalls !== undefined && { uses: mostCalls }),
      },
      'openai-responses',
    ),
    bound: 'web_search',
    isDispensable: false,
  };
};

/** Top-level fields of this dialect alone that can cost more than tokens; the others it shares with Chat Completions. */
const FIELDS: Record<string, (value: JsonValue) => boolean> = {
  // A stored prompt brings tools and settings of its own.
  prompt: () => true,
  // What is compacted is read and written once more.
  context_management: (value) => !Array.isArray(value) || value.length > 0,
  image: () => true,
};

export const readFieldCosts = (body: JsonObject, names: readonly string[]): Costs => {
  const shared = readCosts(body, names, 'openai-responses');
  const own = names
    .filter((name) => Object.hasOwn(FIELDS, name) && FIELDS[name]?.(body[name] ?? null) === true)
    .map((name): CostBearing => ({ ...costOf(name, UNPRICED, 'openai-responses'), isDispensable: false }));
  const mode = objectOf(body['reasoning'])?.['mode'];
  // Another way of thinking, for which nobody gives a bound.
  if (mode !== undefined && mode !== null && mode !== 'standard')
    own.push({ ...costOf('reasoning.mode', UNPRICED, 'openai-responses'), isDispensable: true });
  return { ...shared, costBearing: [...shared.costBearing, ...own] };
};

export const isOwnCost = (name: string): boolean => Object.hasOwn(FIELDS, name);
