import type { JsonObject } from '../../core/conversation.ts';
import { saysNothing } from '../../core/says-nothing.ts';
import { objectOf, objectsOf, textOf } from './wire.ts';

/** Fields of a message or a delta that are read, and those that say nothing of the answer (where a server stood in its work). */
const READ: ReadonlySet<string> = new Set([
  'role',
  'content',
  'refusal',
  'reasoning_content',
  'reasoning',
  'reasoning_details',
  'tool_calls',
  'function_call',
  'annotations',
  'extra_content',
  'index',
  'id',
  'name',
  'object',
  'channel',
  'status',
  'prefix',
  'obfuscation',
]);

/**
 * Fields beside the message that hold part of the answer: what Perplexity, xAI and Zhipu found, and what vLLM tells of tokens
 * where it is asked to. All else there is metadata.
 */
const BESIDE: ReadonlySet<string> = new Set([
  'citations',
  'search_results',
  'images',
  'videos',
  'related_questions',
  'web_search',
  'prompt_logprobs',
  'prompt_token_ids',
  'token_ids',
]);

/** Characters of a name. */
const LONGEST = 100;

/** What of a message, or of a delta, no part can say. */
const unsaidOfMessage = (message: JsonObject, unsaid: Set<string>): void => {
  // Read for each token of a stream: no lists are made of what is known.
  for (const name in message) if (!READ.has(name) && !saysNothing(message[name])) unsaid.add(name.slice(0, LONGEST));
  const { content, annotations } = message;
  if (Array.isArray(content))
    for (const chunk of objectsOf(content))
      if (chunk['type'] !== 'text' && chunk['type'] !== 'thinking') unsaid.add(typeOf(chunk, 'content'));
  for (const annotation of objectsOf(annotations))
    if (typeof objectOf(annotation['url_citation'])?.['url'] !== 'string')
      unsaid.add(`annotations (${typeOf(annotation, 'no type')})`);
};

/**
 * What of an answer, or of one chunk of it, no part can say, by the vendor's own names.
 *
 * @param choices the body's, as objects
 */
export const findUnsaid = (body: JsonObject, choices: readonly JsonObject[]): ReadonlySet<string> => {
  const unsaid = new Set<string>();
  for (const choice of choices) {
    const message = objectOf(choice['message']) ?? objectOf(choice['delta']);
    if (message !== undefined) unsaidOfMessage(message, unsaid);
    unsaidBeside(choice, unsaid);
  }
  unsaidBeside(body, unsaid);
  return unsaid;
};

const unsaidBeside = (holder: JsonObject, unsaid: Set<string>): void => {
  for (const name in holder) if (BESIDE.has(name) && !saysNothing(holder[name])) unsaid.add(name);
};

const typeOf = (value: JsonObject, none: string): string => (textOf(value['type']) ?? none).slice(0, LONGEST);
