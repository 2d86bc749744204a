import type { Answer, AssistantPart, JsonObject, JsonValue } from '../../core/conversation.ts';
import { isDeeperThan, MAX_DEPTH } from '../../core/read-json.ts';
import { decodeCitations } from './citations.ts';
import { asObject, asText } from './read-loosely.ts';
import { decodeStop } from './stop.ts';
import { unsaidOf, unsaidOfMessage } from './unsaid.ts';
import { decodeUsage } from './usage.ts';

/**
 * Reads a whole Message. Blocks that the vendor's own tools left (`server_tool_use`, `web_search_tool_result`, …) have no
 * canonical part: they are left out here, named, and survive only where the answer is relayed.
 */
export const decodeAnswer = (body: JsonValue): Answer | undefined => {
  const message = asObject(body);
  if (message === undefined || !Array.isArray(message.content)) return undefined;
  if (message.type !== 'message' && message.role !== 'assistant') return undefined;
  if (isDeeperThan(message.content, MAX_DEPTH)) return undefined;
  const usage = decodeUsage(asObject(message.usage));
  const stop = decodeStop(asText(message.stop_reason), asText(message.stop_sequence), asObject(message.stop_details));
  const unsaid = [
    ...message.content.flatMap((block) => unsaidOf(asObject(block))),
    ...unsaidOfMessage(message, stop.reason),
  ];
  return {
    id: asText(message.id) ?? '',
    model: asText(message.model) ?? '',
    parts: [
      ...message.content.flatMap((block) => decodeBlock(asObject(block)) ?? []),
      ...(stop.explanation === undefined ? [] : [{ type: 'refusal', text: stop.explanation } as const]),
    ],
    stop,
    ...(unsaid.length > 0 && { unsaid: [...new Set(unsaid)] }),
    ...(usage !== undefined && { usage }),
  };
};

const decodeBlock = (block: JsonObject | undefined): AssistantPart | undefined => {
  switch (block?.type) {
    case 'text':
      return { type: 'text', text: asText(block.text) ?? '', ...decodeCitations(block.citations) };
    case 'tool_use':
      return {
        type: 'tool-call',
        id: asText(block.id) ?? '',
        name: asText(block.name) ?? '',
        arguments: JSON.stringify(asObject(block.input) ?? {}),
      };
    case 'thinking': {
      const signature = asText(block.signature);
      return {
        type: 'reasoning',
        text: asText(block.thinking) ?? '',
        ...(signature !== undefined && signature !== '' && { signature }),
      };
    }
    case 'redacted_thinking':
      return { type: 'redacted-reasoning', data: asText(block.data) ?? '' };
    default:
      return undefined;
  }
};
