import type { JsonObject } from '../../core/conversation.ts';
import { saysNothing } from '../../core/says-nothing.ts';
import { objectOf, objectsOf, textOf } from '../openai-chat/wire.ts';
import { decodeAnnotation } from './annotations.ts';

/** What of an item no canonical part can say, by the vendor's own name; an item of a kind that has none is named by its type. */
export const unsaidOf = (item: JsonObject): string[] => {
  switch (item['type']) {
    case 'message':
      return [...unsaidPhase(item), ...objectsOf(item['content']).flatMap(unsaidContent)];
    case 'function_call':
    case 'custom_tool_call':
      return [
        ...(saysNothing(item['namespace']) ? [] : ['namespace']),
        // `direct`: as without.
        ...(saysNothing(item['caller']) || objectOf(item['caller'])?.['type'] === 'direct' ? [] : ['caller']),
      ];
    case 'reasoning':
      return [];
    default:
      return [nameOf(item, 'an item without a type')];
  }
};

/** Every message is taken for the final one. */
const unsaidPhase = ({ phase }: JsonObject): string[] =>
  saysNothing(phase) || phase === 'final_answer' ? [] : [`phase (${(textOf(phase) ?? 'unknown').slice(0, 100)})`];

const unsaidContent = (part: JsonObject): string[] => {
  if (part['type'] === 'refusal') return [];
  if (part['type'] !== 'output_text') return [nameOf(part, 'content without a type')];
  return objectsOf(part['annotations']).flatMap(unsaidAnnotation);
};

/** One of a kind that is not known here. */
export const unsaidAnnotation = (annotation: JsonObject): string[] =>
  decodeAnnotation(annotation) === undefined ? [`annotations (${nameOf(annotation, 'no type')})`] : [];

const nameOf = (value: JsonObject, none: string): string => (textOf(value['type']) ?? none).slice(0, 100);
