import type { JsonObject } from '../../core/conversation.ts';
import { countOf, textOf } from './wire.ts';

/** A tool call of a stream, as far as its deltas have told it. */
export interface StreamedCall {
  id: string | undefined;
  /** Its place; undefined until its name is known. */
  part: number | undefined;
}

export interface StreamedCalls<Call extends StreamedCall> {
  calls: Call[];
  /** By the delta's `index`. */
  callsByIndex: Map<number, Call>;
  callsById: Map<string, Call>;
}

/**
 * Which call a delta belongs to. OpenAI numbers them; Gemini's endpoint leaves the number out and others send 0 for each,
 * so an id of its own makes a call of its own.
 *
 * @param makeCall gets its place among the calls
 */
export const findCall = <Call extends StreamedCall>(
  { calls, callsByIndex, callsById }: StreamedCalls<Call>,
  delta: JsonObject,
  name: string | undefined,
  makeCall: (id: string | undefined, place: number) => Call,
): Call => {
  const index = countOf(delta['index']);
  const id = textOf(delta['id']);
  const known =
    index !== undefined
      ? callsByIndex.get(index)
      : id !== undefined
        ? callsById.get(id)
        : name === undefined
          ? calls.at(-1)
          : undefined;
  if (known !== undefined && (id === undefined || known.id === undefined || known.id === id)) {
    // An id that comes after the start would contradict the one given out then.
    if (known.part !== undefined || known.id !== undefined || id === undefined) return known;
    known.id = id;
    if (!callsById.has(id)) callsById.set(id, known);
    return known;
  }
  const call = makeCall(id, calls.length);
  calls.push(call);
  if (id !== undefined && !callsById.has(id)) callsById.set(id, call);
  if (index !== undefined) callsByIndex.set(index, call);
  return call;
};
