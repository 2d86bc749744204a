import type { JsonObject, JsonValue } from '../../core/conversation.ts';
import type { EncodeTarget } from '../../core/dialect.ts';
import { reasoningOf } from './decode-answer.ts';
import { isOf, readDelta } from './reasoning-details.ts';
import { listOf, objectOf } from './wire.ts';

type Target = Pick<EncodeTarget, 'thoughtsIn' | 'checksSignaturesOf'>;

const FIELDS = ['reasoning_content', 'reasoning', 'reasoning_details', 'extra_content'] as const;

/**
 * Messages of a client's own body with what was thought in the form that the server takes, and no signature that it can't
 * check; the array itself where there is nothing to change. Thoughts that have no place there are named; whose signatures go,
 * has been (core/call/keep-signatures.ts).
 */
export const fitThoughts = (
  messages: JsonValue | undefined,
  target: Target,
  dropped: Set<string>,
): JsonValue | undefined => {
  if (!Array.isArray(messages)) return messages;
  const fitted = messages.map((message) => fitMessage(message, target, dropped));
  return fitted.some((message, index) => message !== messages[index]) ? fitted : messages;
};

const fitMessage = (value: JsonValue, target: Target, dropped: Set<string>): JsonValue => {
  const message = objectOf(value);
  if (message === undefined || message['role'] !== 'assistant') return value;
  const calls = message['tool_calls'];
  const fittedCalls = target.thoughtsIn === 'extra_content' ? calls : withoutExtras(calls);
  if (fittedCalls === calls && FIELDS.every((field) => message[field] === undefined)) return value;
  const { reasoning_content, reasoning, reasoning_details, extra_content, ...rest } = message;
  return {
    ...rest,
    ...(fittedCalls !== undefined && { tool_calls: fittedCalls }),
    ...thoughtsOf(message, target, dropped),
  };
};

const thoughtsOf = (
  message: JsonObject,
  { thoughtsIn, checksSignaturesOf }: Target,
  dropped: Set<string>,
): JsonObject => {
  const plain = reasoningOf(message);
  const thought = plain ?? detailedThought(message);
  switch (thoughtsIn) {
    case 'none':
      if (thought !== undefined) dropped.add('reasoning parts');
      return {};
    case 'reasoning_content':
    case 'reasoning':
      return thought === undefined ? {} : { [thoughtsIn]: thought };
    case 'reasoning_details': {
      const details = listOf(message['reasoning_details']).filter((detail) =>
        isOf(objectOf(detail) ?? {}, checksSignaturesOf),
      );
      return {
        ...(plain !== undefined && { reasoning: plain }),
        ...(details.length > 0 && { reasoning_details: details }),
      };
    }
    case 'extra_content':
      if (thought !== undefined) dropped.add('reasoning parts');
      return message['extra_content'] === undefined ? {} : { extra_content: message['extra_content'] };
    case undefined:
      if (thought !== plain) dropped.add('reasoning parts');
      // Nothing is known of the server: what is plain text goes on under the name that the client gave it.
      return Object.fromEntries(
        (['reasoning_content', 'reasoning'] as const).flatMap((field) =>
          message[field] === undefined ? [] : [[field, message[field]]],
        ),
      );
    default:
      return thoughtsIn satisfies never;
  }
};

const withoutExtras = (calls: JsonValue | undefined): JsonValue | undefined => {
  if (!Array.isArray(calls) || calls.every((call) => objectOf(call)?.['extra_content'] === undefined)) return calls;
  return calls.map((call) => {
    const { extra_content: _, ...rest } = objectOf(call) ?? {};
    return rest;
  });
};

/** What was thought, of a client that keeps the details alone. */
const detailedThought = (message: JsonObject): string | undefined => {
  const thoughts = readDelta(message['reasoning_details']).flatMap((thought) =>
    thought.type === 'reasoning' ? [thought.text] : [],
  );
  const text = thoughts.join('');
  return text === '' ? undefined : text;
};
