import type { JsonObject, JsonValue } from '../../core/conversation.ts';
import { toolCallId } from './decode-answer.ts';
import { findCall, type StreamedCall, type StreamedCalls } from './find-call.ts';
import { repairContent, typeOf } from './repair-answer.ts';
import { argumentsOf, countOf, objectOf, textOf } from './wire.ts';

interface ToldCall extends StreamedCall {
  /** Among the choice's calls. */
  place: number;
  /** What the client knows it by. */
  toldId: string | undefined;
  hasArguments: boolean;
}

interface Choice extends StreamedCalls<ToldCall> {
  index: number;
  hasRole: boolean;
  /** Those given out, as the reader does (read-chunks.ts). */
  ids: Set<string>;
}

const makeCall = (id: string | undefined, place: number): ToldCall => ({
  id,
  place,
  part: undefined,
  toldId: undefined,
  hasArguments: false,
});

/**
 * Brings the chunks of one stream into the shape that OpenAI's SDKs put together, where a vendor's is another: content as a
 * list of texts and thoughts, tool calls whose number, id or type is missing, is that of another call, or is told again with
 * every piece (SDKs append), arguments as an object or not at all, an answer without a role, choices without an index. Calls
 * get the ids that the reader gives them. A chunk with nothing to repair is returned as it is.
 */
export const createChunkRepairer = (): ((chunk: JsonObject) => JsonObject) => {
  const choices = new Map<number, Choice>();
  let answerId: string | undefined;

  const choiceAt = (index: number): Choice => {
    const known = choices.get(index);
    if (known !== undefined) return known;
    const calls = { calls: [], callsByIndex: new Map(), callsById: new Map() };
    const choice = { index, hasRole: false, ids: new Set<string>(), ...calls };
    choices.set(index, choice);
    return choice;
  };

  const startCall = (choice: Choice, call: ToldCall, entry: JsonObject): JsonObject => {
    call.part = call.place;
    // The reader's rule: an id that another call has is none.
    const isFree = call.id !== undefined && !choice.ids.has(call.id);
    const id = isFree && call.id !== undefined ? call.id : toolCallId(answerId ?? '', choice.index, choice.ids.size);
    choice.ids.add(id);
    const isTold = call.toldId === id || entry['id'] === id;
    call.toldId = id;
    const hasType = textOf(entry['type']) !== undefined;
    return isTold && hasType ? entry : { ...entry, ...(!isTold && { id }), ...(!hasType && { type: typeOf(entry) }) };
  };

  const repairCall = (choice: Choice, value: JsonValue): JsonValue => {
    const entry = objectOf(value);
    if (entry === undefined) return value;
    const called = objectOf(entry['function']) ?? objectOf(entry['custom']) ?? {};
    const name = textOf(called['name']);
    const call = findCall(choice, entry, name, makeCall);
    const { place: index } = call;
    let repaired = entry['index'] === index ? entry : { ...entry, index };
    if (call.part !== undefined) repaired = withoutRepeats(repaired);
    else if (name !== undefined) repaired = startCall(choice, call, repaired);
    else call.toldId ??= textOf(entry['id']);
    const { arguments: told } = called;
    const written = argumentsOf(told);
    if ((written ?? '') !== '' || entry['custom'] !== undefined) call.hasArguments = true;
    // What is nested too deeply to be written stays, and the whole chunk is refused for it (relay.ts).
    if (typeof told === 'string' || told === undefined || (written === undefined && told !== null)) return repaired;
    return { ...repaired, function: { ...objectOf(repaired['function']), arguments: written ?? '' } };
  };

  /** Calls without a word of arguments: clients parse them. */
  const closeCalls = ({ calls }: Choice): JsonObject[] =>
    calls.flatMap((call, index) => {
      if (call.part === undefined || call.hasArguments) return [];
      call.hasArguments = true;
      return [{ index, function: { arguments: '{}' } }];
    });

  const repairDelta = (choice: Choice, delta: JsonObject, isLast: boolean): JsonObject => {
    const { content, tool_calls: calls } = delta;
    const lacksRole = !choice.hasRole && textOf(delta['role']) === undefined;
    choice.hasRole = true;
    const told = Array.isArray(calls) ? calls : [];
    const repaired = told.map((call) => repairCall(choice, call));
    const closing = isLast ? closeCalls(choice) : [];
    const isCalled = closing.length > 0 || repaired.some((call, index) => call !== told[index]);
    if (!lacksRole && !isCalled && !Array.isArray(content)) return delta;
    return {
      ...delta,
      ...(lacksRole && { role: 'assistant' }),
      ...(Array.isArray(content) && repairContent(delta, null)),
      ...(isCalled && { tool_calls: [...repaired, ...closing] }),
    };
  };

  const repairChoice = (value: JsonValue): JsonValue => {
    const body = objectOf(value);
    if (body === undefined) return value;
    const index = countOf(body['index']);
    const choice = choiceAt(index ?? 0);
    const delta = objectOf(body['delta']);
    const repaired = repairDelta(choice, delta ?? {}, textOf(body['finish_reason']) !== undefined);
    if (index !== undefined && repaired === delta) return value;
    return { ...body, index: choice.index, delta: repaired };
  };

  return (chunk) => {
    const { choices: told } = chunk;
    if (!Array.isArray(told) || told.length === 0) return chunk;
    // That of the first chunk that answers, as the reader has it.
    answerId ??= textOf(chunk['id']) ?? '';
    const repaired = told.map(repairChoice);
    return repaired.some((choice, index) => choice !== told[index]) ? { ...chunk, choices: repaired } : chunk;
  };
};

/** What SDKs would append to what they know already, or take for another call. */
const withoutRepeats = (entry: JsonObject): JsonObject => {
  const { id, type, ...rest } = entry;
  const field = entry['custom'] === undefined ? 'function' : 'custom';
  const called = objectOf(entry[field]);
  const isNamed = called?.['name'] !== undefined;
  if ((id === undefined || id === null) && type !== null && !isNamed) return entry;
  const { name: _, ...unnamed } = called ?? {};
  return {
    ...rest,
    ...(textOf(type) !== undefined && { type: textOf(type) ?? '' }),
    ...(called !== undefined && { [field]: unnamed }),
  };
};
