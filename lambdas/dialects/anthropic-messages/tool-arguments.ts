import type { JsonObject } from '../../core/conversation.ts';
import { isDeeperThan, MAX_DEPTH } from '../../core/read-json.ts';
import { parseObject } from './read-loosely.ts';

/** The key under which Anthropic's docs ("Fine-grained tool streaming") have invalid arguments sent back to the model. */
export const INVALID_JSON = 'INVALID_JSON';

/**
 * Tool arguments are JSON text everywhere but here, where they are an object. Text that is no JSON object is kept whole
 * under `INVALID_JSON`, so that the model sees what it wrote.
 */
export const readArguments = (text: string): JsonObject => {
  if (text.trim() === '') return {};
  const value = parseObject(text);
  return value === undefined || isDeeperThan(value, MAX_DEPTH) ? { [INVALID_JSON]: text } : value;
};
