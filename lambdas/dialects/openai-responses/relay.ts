import type { JsonObject, JsonValue } from '../../core/conversation.ts';
import type { AnswerContext, EncodeTarget, StreamRelay } from '../../core/dialect.ts';
import { chunkOf } from '../openai-chat/decode-stream.ts';
import { countOf, objectOf, objectsOf, stringifyJson, textOf } from '../openai-chat/wire.ts';
import { costOfTool } from './costs.ts';
import { MALFORMED } from './decode-stream.ts';
import { fitInput } from './fit-input.ts';
import { createEventReader } from './read-events.ts';
import { responseOf } from './response-object.ts';
import { failureText } from './write-events.ts';

/**
 * The client's own body for a target that speaks this dialect. A service tier and the most uses of a search are set where the
 * client names none; items that another vendor answered go without what OpenAI can't read (fit-input.ts).
 */
export const relayRequest = (body: JsonObject, target: EncodeTarget, dropped?: Set<string>): JsonObject => {
  const { max_output_tokens: asked, stream: _, ...rest } = body;
  const limit = target.maxOutputTokens ?? asked;
  return {
    ...rest,
    ...(body['input'] !== undefined && { input: fitInput(body['input'], target, dropped) }),
    model: target.model,
    ...(limit !== undefined && limit !== null && { max_output_tokens: limit }),
    ...(target.stream && { stream: true }),
    ...(target.serviceTier !== undefined && !isSet(body['service_tier']) && { service_tier: target.serviceTier }),
    ...(target.maxWebSearches !== undefined &&
      !isSet(body['max_tool_calls']) &&
      hasSearch(body) && { max_tool_calls: target.maxWebSearches }),
  };
};

const isSet = (value: JsonValue | undefined): boolean => value !== undefined && value !== null;

const hasSearch = (body: JsonObject): boolean =>
  objectsOf(body['tools']).some((tool) => costOfTool(tool, textOf(tool['type']) ?? '', undefined)?.kind === 'tool');

export const relayAnswer = (body: JsonObject, context: AnswerContext): JsonObject => ({
  ...body,
  model: context.alias,
});

/** Passes events on. Each is parsed once, to be read; only those that hold the response are written anew, with the alias in it. */
export const relayStream = (context: AnswerContext): StreamRelay => {
  const reader = createEventReader();
  let sequence = 0;
  /** As the vendor told it last; without what it has said so far. */
  let response: JsonObject | undefined;

  return {
    push(event) {
      if (reader.isOver) return { text: '', events: [] };
      const data = chunkOf(event);
      if (data === 'nothing' || data === 'done') return { text: '', events: [] };
      if (data === 'malformed') return { text: '', events: reader.malformed(MALFORMED) };
      const events = reader.read(data);
      const number = countOf(data['sequence_number']) ?? sequence;
      const told = objectOf(data['response']);
      if (told !== undefined) response = { ...told, model: context.alias };
      // What the vendor calls an error the caller tells the client, in its own words, or hides behind another target: in its
      // place, with the response as it ended and its usage.
      sequence = events.at(-1)?.type === 'error' ? number : number + 1;
      if (events.at(-1)?.type === 'error') return { text: '', events };
      const isOneLine = typeof event.data === 'string' && !event.data.includes('\n') && !event.data.includes('\r');
      const text =
        told !== undefined || !isOneLine
          ? stringifyJson(told === undefined ? data : { ...data, response: response ?? told })
          : (event.data as string);
      if (text === undefined)
        return { text: '', events: reader.malformed('an event of the stream is nested too deeply') };
      const type = event.type === '' ? (textOf(data['type']) ?? '') : event.type;
      return { text: `${type === '' ? '' : `event: ${type}\n`}data: ${text}\n\n`, events };
    },
    end: () => '',
    fail: (refusal) =>
      failureText(refusal, context, sequence, response ?? responseOf(context, { status: 'failed', output: [] })),
  };
};
