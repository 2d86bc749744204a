import type { Answer, AssistantPart, JsonObject, JsonValue, ToolCallPart } from '../../core/conversation.ts';
import { isDeeperThan, MAX_DEPTH } from '../../core/read-json.ts';
import { decodeStop } from './stop-reasons.ts';
import { decodeUsage } from './usage.ts';
import { argumentsOf, objectOf, objectsOf, textOf } from './wire.ts';

/**
 * Reads a `chat.completion`. Where a request asked for several choices their parts follow one another, so that what was
 * generated is all there; the stop is the first choice's.
 *
 * @returns undefined where the body is no answer: no choices, or an `error` under a 200 (`decodeError` reads that)
 */
export const decodeAnswer = (body: JsonValue): Answer | undefined => {
  if (isDeeperThan(body, MAX_DEPTH)) return undefined;
  const answer = objectOf(body);
  const choices = objectsOf(answer?.['choices']);
  const [first] = choices;
  if (answer === undefined || first === undefined || objectOf(answer['error']) !== undefined) return undefined;
  const id = textOf(answer['id']) ?? '';
  const partsOfChoices = choices.map((choice, index) => decodeMessage(objectOf(choice['message']) ?? {}, id, index));
  const usage = decodeUsage(answer['usage'], answer['service_tier']);
  return {
    id,
    model: textOf(answer['model']) ?? '',
    parts: partsOfChoices.flat(),
    stop: decodeStop(textOf(first['finish_reason']) ?? '', new Set(partsOfChoices[0]?.map(({ type }) => type))),
    ...(usage !== undefined && { usage }),
  };
};

const decodeMessage = (message: JsonObject, answerId: string, choice: number): AssistantPart[] => {
  const { reasoning, text = transcriptOf(message) } = splitContent(message['content']);
  const thought = reasoningOf(message) ?? reasoning;
  const refusal = textOf(message['refusal']);
  const called = objectsOf(message['tool_calls']);
  const legacyCall = objectOf(message['function_call']);
  const calls = called.length === 0 && legacyCall !== undefined ? [{ function: legacyCall }] : called;
  return [
    ...(thought === undefined ? [] : [{ type: 'reasoning' as const, text: thought }]),
    ...(text === undefined ? [] : [{ type: 'text' as const, text }]),
    ...(refusal === undefined ? [] : [{ type: 'refusal' as const, text: refusal }]),
    ...calls.map((call, index) => decodeToolCall(call, toolCallId(answerId, choice, index))),
  ];
};

const decodeToolCall = (call: JsonObject, spareId: string): ToolCallPart => {
  const called = objectOf(call['function']) ?? objectOf(call['custom']) ?? {};
  const written = argumentsOf(called['arguments']) ?? argumentsOf(called['input']) ?? '';
  return {
    type: 'tool-call',
    id: textOf(call['id']) ?? spareId,
    name: textOf(called['name']) ?? '',
    arguments: written === '' ? '{}' : written,
  };
};

/** An id for a call whose vendor gave none: the same for the same answer, another for another, since clients pair by it. At most 40 characters. */
export const toolCallId = (answerId: string, choice: number, index: number): string =>
  `call_${answerId === '' ? '' : `${answerId.replace(/[^a-zA-Z0-9_-]/g, '_').slice(-24)}_`}${choice === 0 ? '' : `${choice}_`}${index}`;

/** `reasoning_content` (DeepSeek, xAI, vLLM, Moonshot) or `reasoning` (OpenRouter, Groq, Cerebras). */
export const reasoningOf = (message: JsonObject): string | undefined =>
  textOf(message['reasoning_content']) ?? textOf(message['reasoning']);

/** What a spoken answer says. */
export const transcriptOf = (message: JsonObject): string | undefined =>
  textOf(objectOf(message['audio'])?.['transcript']);

/** Content as a text, or as Mistral's list of text and thinking chunks. */
export const splitContent = (content: JsonValue | undefined): { text?: string; reasoning?: string } => {
  if (!Array.isArray(content)) {
    const text = textOf(content);
    return text === undefined ? {} : { text };
  }
  const texts: string[] = [];
  const thoughts: string[] = [];
  for (const item of content) {
    const chunk = objectOf(item);
    if (chunk?.['type'] === 'text') texts.push(textOf(chunk['text']) ?? '');
    if (chunk?.['type'] === 'thinking') {
      const { thinking } = chunk;
      thoughts.push(typeof thinking === 'string' ? thinking : (splitContent(thinking).text ?? ''));
    }
  }
  const text = texts.join('');
  const reasoning = thoughts.join('');
  return { ...(text !== '' && { text }), ...(reasoning !== '' && { reasoning }) };
};
