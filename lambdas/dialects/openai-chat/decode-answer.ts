import type {
  Alternative,
  Answer,
  AssistantPart,
  JsonObject,
  JsonValue,
  ToolCallPart,
} from '../../core/conversation.ts';
import { isDeeperThan, MAX_DEPTH } from '../../core/read-json.ts';
import { citationsOf } from './citations.ts';
import { decodeLogprobs } from './logprobs.ts';
import { extraSignature, placeThoughts, signText } from './reasoning-details.ts';
import { decodeStop } from './stop-reasons.ts';
import { findUnsaid } from './unsaid.ts';
import { decodeUsage } from './usage.ts';
import { argumentsOf, objectOf, objectsOf, textOf } from './wire.ts';

/**
 * Reads a `chat.completion`.
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
  const [own = decodeChoice(first, id, 0), ...alternatives] = choices.map((choice, index) =>
    decodeChoice(choice, id, index),
  );
  // One that failed fails them all: nobody asked for fewer.
  const failed = alternatives.find(({ stop }) => stop.reason === 'error');
  const usage = decodeUsage(usageOf(answer, choices), answer['service_tier']);
  const unsaid = [...findUnsaid(answer, choices)];
  return {
    id,
    model: textOf(answer['model']) ?? '',
    ...own,
    ...(failed !== undefined && own.stop.reason !== 'error' && { stop: failed.stop }),
    ...(alternatives.length > 0 && { alternatives }),
    ...(unsaid.length > 0 && { unsaid }),
    ...(usage !== undefined && { usage }),
  };
};

const decodeChoice = (choice: JsonObject, answerId: string, index: number): Alternative => {
  const parts = withLogprobs(decodeMessage(objectOf(choice['message']) ?? {}, answerId, index), choice);
  const kinds = new Set(parts.map(({ type }) => type));
  return { parts, stop: decodeStop(textOf(choice['finish_reason']) ?? '', kinds, choice) };
};

const withLogprobs = (parts: AssistantPart[], choice: JsonObject): AssistantPart[] => {
  const logprobs = decodeLogprobs(choice['logprobs']);
  const at = logprobs === undefined ? -1 : parts.findIndex(({ type }) => type === 'text');
  return parts.map((part, index) =>
    index === at && part.type === 'text' && logprobs !== undefined ? { ...part, logprobs } : part,
  );
};

/** Groq's first models told it in `x_groq`, Moonshot tells it in the choice. */
export const usageOf = (body: JsonObject, choices: readonly JsonObject[]): JsonValue | undefined =>
  body['usage'] ?? objectOf(body['x_groq'])?.['usage'] ?? choices.at(-1)?.['usage'];

const decodeMessage = (message: JsonObject, answerId: string, choice: number): AssistantPart[] => {
  const { reasoning, text = transcriptOf(message) } = splitContent(message['content']);
  const thought = reasoningOf(message) ?? reasoning;
  const refusal = textOf(message['refusal']);
  const called = objectsOf(message['tool_calls']);
  const legacyCall = objectOf(message['function_call']);
  const calls = called.length === 0 && legacyCall !== undefined ? [{ function: legacyCall }] : called;
  const ids = new Set<string>();
  const rest: AssistantPart[] = [
    ...(text === undefined ? [] : [{ type: 'text' as const, text, ...citationsOf(message) }]),
    ...(refusal === undefined ? [] : [{ type: 'refusal' as const, text: refusal }]),
    ...calls.map((call, index) => decodeToolCall(call, toolCallId(answerId, choice, index), ids)),
  ];
  return signText(placeThoughts(message['reasoning_details'], rest, thought), extraSignature(message));
};

/** @param ids those that were given out: results are paired by them, so a vendor's second use of one gets another */
const decodeToolCall = (call: JsonObject, spareId: string, ids: Set<string>): ToolCallPart => {
  const called = objectOf(call['function']) ?? objectOf(call['custom']) ?? {};
  const written = argumentsOf(called['arguments']) ?? argumentsOf(called['input']) ?? '';
  const told = textOf(call['id']);
  const id = told === undefined || ids.has(told) ? spareId : told;
  ids.add(id);
  return {
    type: 'tool-call',
    id,
    name: textOf(called['name']) ?? '',
    arguments: written === '' ? '{}' : written,
    ...extraSignature(call),
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
