import type { Answer, AssistantPart, JsonObject, JsonValue } from '../../core/conversation.ts';
import { isDeeperThan, MAX_DEPTH } from '../../core/read-json.ts';
import { toolCallId } from '../openai-chat/decode-answer.ts';
import { argumentsOf, objectsOf, textOf } from '../openai-chat/wire.ts';
import { decodeAnnotations, decodeLogprobs } from './annotations.ts';
import { decodeReasoningItem, decodeSigned } from './seals.ts';
import { decodeStop } from './status.ts';
import { unsaidOf } from './unsaid.ts';
import { decodeUsage } from './usage.ts';

/**
 * Reads a `response`. Items of the provider's own tools have no canonical words: they are left out here and named; clients who
 * asked for them speak this dialect and get the body as it is.
 *
 * @returns undefined where the body is no answer: no `output`, or a response that failed (`decodeError` reads that)
 */
export const decodeAnswer = (body: JsonValue): Answer | undefined => {
  if (isDeeperThan(body, MAX_DEPTH) || typeof body !== 'object' || body === null || Array.isArray(body))
    return undefined;
  const { status, output } = body;
  const isWhole = status === 'completed' || status === 'incomplete' || status === undefined;
  if (!isWhole || !Array.isArray(output)) return undefined;
  const id = textOf(body['id']) ?? '';
  const parts = objectsOf(output).flatMap((item, index) => decodeItem(item, toolCallId(id, 0, index)));
  const unsaid = new Set(objectsOf(output).flatMap(unsaidOf));
  const usage = decodeUsage(body);
  return {
    id,
    model: textOf(body['model']) ?? '',
    parts,
    stop: decodeStop(body, new Set(parts.map(({ type }) => type))),
    ...(unsaid.size > 0 && { unsaid: [...unsaid] }),
    ...(usage !== undefined && { usage }),
  };
};

/** One item of an answer. @param spareId of a call whose vendor gave none */
export const decodeItem = (item: JsonObject, spareId: string): AssistantPart[] => {
  switch (item['type']) {
    case 'message':
      return objectsOf(item['content']).flatMap(decodeSpoken);
    case 'reasoning':
      return decodeReasoningItem(item);
    case 'function_call':
    case 'custom_tool_call':
      return [
        {
          type: 'tool-call',
          id: textOf(item['call_id']) ?? spareId,
          name: textOf(item['name']) ?? '',
          arguments: callArgumentsOf(item) ?? '{}',
          ...decodeSigned(item),
        },
      ];
    default:
      return [];
  }
};

/** '' is the same as none. */
export const callArgumentsOf = (item: JsonObject): string | undefined =>
  textOf(argumentsOf(item['arguments'])) ?? textOf(argumentsOf(item['input']));

/** One part of a message's content. */
export const decodeSpoken = (part: JsonObject): AssistantPart[] => {
  if (part['type'] === 'refusal') return [{ type: 'refusal', text: textOf(part['refusal']) ?? '' }];
  if (part['type'] !== 'output_text') return [];
  const citations = decodeAnnotations(part['annotations']);
  const logprobs = decodeLogprobs(part['logprobs']);
  return [
    {
      type: 'text',
      text: textOf(part['text']) ?? '',
      ...(citations.length > 0 && { citations }),
      ...(logprobs.length > 0 && { logprobs }),
      ...decodeSigned(part),
    },
  ];
};
