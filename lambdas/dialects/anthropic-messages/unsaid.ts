import type { JsonObject, JsonValue, Stop } from '../../core/conversation.ts';
import { saysNothing } from '../../core/says-nothing.ts';
import { decodeCitation } from './citations.ts';
import { asObject, asText } from './read-loosely.ts';

/** What no canonical part can say, by the vendor's own name; a block of a kind that has none is named by its type. */
export const unsaidOf = (block: JsonObject | undefined): string[] => {
  switch (block?.type) {
    case 'text':
      return Array.isArray(block.citations) ? block.citations.flatMap(unsaidCitation) : [];
    case 'tool_use':
      // `direct`: as without.
      return saysNothing(block.caller) || asObject(block.caller)?.type === 'direct' ? [] : ['caller'];
    case 'thinking':
    case 'redacted_thinking':
      return [];
    default:
      return block === undefined ? [] : [nameOf(block, 'a block without a type')];
  }
};

/** A citation of a kind that is not known here. */
export const unsaidCitation = (citation: JsonValue | undefined): string[] =>
  decodeCitation(citation) === undefined ? [`citations (${nameOf(asObject(citation) ?? {}, 'no type')})`] : [];

/** What of an answer stands beside its blocks. Why it was refused is told in its own words, where it is. */
export const unsaidOfMessage = (message: JsonObject, reason?: Stop['reason']): string[] =>
  BESIDE.filter(
    (name) => !saysNothing(message[name]) && !(name === 'stop_details' && (reason ?? 'refusal') === 'refusal'),
  );

/** What lies with the vendor, what it has cleared of the context, and why it ended. */
const BESIDE = ['container', 'context_management', 'stop_details'] as const;

/** By its type. */
export const nameOf = (value: JsonObject, none: string): string => (asText(value.type) ?? none).slice(0, 100);
