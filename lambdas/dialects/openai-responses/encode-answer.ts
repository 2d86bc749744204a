import type { Answer, AssistantPart, JsonObject, RefusalPart, TextPart } from '../../core/conversation.ts';
import type { AnswerContext } from '../../core/dialect.ts';
import { encodeCitation, encodeLogprobs } from './annotations.ts';
import { responseOf } from './response-object.ts';
import { encodeSigned, encryptedOf } from './seals.ts';
import { incompleteReason } from './status.ts';

/** Writes an answer as a `response`: a message for the texts in a row, an item for each call and thought. */
export const encodeAnswer = (answer: Answer, context: AnswerContext): JsonObject => {
  const output: JsonObject[] = [];
  const isRefused = answer.parts.some(({ type }) => type === 'refusal');
  const incomplete = incompleteReason(answer.stop.reason, isRefused && answer.stop.explanation === undefined);
  let content: JsonObject[] | undefined;
  for (const part of answer.parts) {
    if (part.type === 'text' || part.type === 'refusal') {
      if (content === undefined) {
        content = [];
        output.push(messageItem(itemId('msg', context, output.length), 'completed', content));
      }
      content.push(encodeSpoken(part));
      continue;
    }
    content = undefined;
    output.push(encodeOther(part, context, output.length));
  }
  const last = output.at(-1);
  // What was being said when it ended is incomplete too; a reasoning item has no such word.
  if (incomplete !== undefined && last?.['status'] !== undefined) last['status'] = 'incomplete';
  return responseOf(context, {
    status: incomplete === undefined ? 'completed' : 'incomplete',
    output,
    ...(incomplete !== undefined && { incomplete }),
    ...(answer.usage !== undefined && { usage: answer.usage }),
  });
};

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

/** OpenAI's prefixes; it refuses items that come back with others. */
export const itemId = (prefix: 'msg' | 'fc' | 'rs', { requestId }: AnswerContext, index: number): string =>
  `${prefix}_${requestId}_${index}`;

export const messageItem = (id: string, status: ItemStatus, content: JsonObject[]): JsonObject => ({
  id,
  type: 'message',
  status,
  role: 'assistant',
  content,
});

export const textContent = ({ text, citations = [], logprobs = [], ...signed }: TextPart): JsonObject => ({
  type: 'output_text',
  annotations: citations.flatMap((citation) => encodeCitation(citation, text) ?? []),
  logprobs: encodeLogprobs(logprobs),
  text,
  ...encodeSigned(signed),
});

const encodeSpoken = (part: TextPart | RefusalPart): JsonObject =>
  part.type === 'text' ? textContent(part) : { type: 'refusal', refusal: part.text };

const encodeOther = (
  part: Exclude<AssistantPart, { type: 'text' | 'refusal' }>,
  context: AnswerContext,
  index: number,
): JsonObject => {
  switch (part.type) {
    case 'tool-call':
      return callItem(itemId('fc', context, index), 'completed', part);
    case 'reasoning':
    case 'redacted-reasoning':
      return reasoningItem(
        part.id ?? itemId('rs', context, index),
        part.type === 'reasoning' ? part.text : '',
        encryptedOf(part),
      );
    default:
      return part satisfies never;
  }
};

export const callItem = (
  id: string,
  status: ItemStatus,
  { id: callId, name, arguments: written, ...signed }: Omit<Extract<AssistantPart, { type: 'tool-call' }>, 'type'>,
): JsonObject => ({
  id,
  type: 'function_call',
  status,
  arguments: written,
  call_id: callId,
  name,
  ...encodeSigned(signed),
});

export const reasoningItem = (id: string, text: string, encrypted: string | undefined): JsonObject => ({
  id,
  type: 'reasoning',
  summary: text === '' ? [] : [{ type: 'summary_text', text }],
  ...(encrypted !== undefined && { encrypted_content: encrypted }),
});
