import { collectAnswer } from '../../core/collect-answer.ts';
import type { Answer, JsonValue } from '../../core/conversation.ts';
import { createResponseReader } from './read-response.ts';
import { objectOf } from './wire.ts';

/** What a GenerateContentResponse has at least one of. */
const MARKS = ['candidates', 'promptFeedback', 'usageMetadata'] as const;

/** Reads the body of a generateContent reply, the same way as a stream's chunks. */
export const decodeAnswer = (body: JsonValue): Answer | undefined => {
  const response = objectOf(body);
  if (response === undefined || response['error'] !== undefined) return undefined;
  if (!MARKS.some((name) => response[name] !== undefined)) return undefined;
  const reader = createResponseReader(true);
  const collector = collectAnswer();
  for (const event of [...reader.read(response), ...reader.end()]) collector.see(event);
  return collector.answer;
};
