import { MAX_TURNS } from '../../contract/bounds.ts';
import type { JsonValue, Turn } from '../../core/conversation.ts';
import { fail, got, readArray, readObject, readOneOf } from '../../core/read-json.ts';
import { readAssistantBlock, readBlocks, readTextBlock, readUserBlock } from './decode-content.ts';
import { unsealParts } from './envelopes.ts';
import type { Notes } from './notes.ts';

/** The top-level `system`: a string or text blocks. */
export const readSystem = (value: JsonValue | undefined, notes: Notes): Turn[] => {
  if (value === undefined || value === null) return [];
  const parts = readBlocks(value, 'system', (block, param) => {
    readOneOf(block.type, `${param}.type`, ['text']);
    return readTextBlock(block, param, notes);
  });
  return parts.length === 0 ? [] : [{ role: 'system', parts }];
};

export const readMessages = (value: JsonValue | undefined, notes: Notes): Turn[] => {
  const turns = readArray(value, 'messages', { min: 1, max: MAX_TURNS }).map((message, index) =>
    readMessage(message, `messages[${index}]`, notes),
  );
  checkPairs(turns);
  return turns;
};

const readMessage = (value: JsonValue, param: string, notes: Notes): Turn => {
  const message = readObject(value, param);
  const role = readOneOf(message.role, `${param}.role`, ['user', 'assistant', 'system']);
  const at = `${param}.content`;
  switch (role) {
    case 'user': {
      const parts = readBlocks(message.content, at, (block, path) => readUserBlock(block, path, notes));
      if (parts.length === 0) fail(at, `${at}: a user's message can't be empty`);
      return { role, parts };
    }
    case 'assistant':
      return {
        role,
        parts: unsealParts(readBlocks(message.content, at, (block, path) => readAssistantBlock(block, path, notes))),
      };
    case 'system': {
      // Instructions between messages, which Anthropic takes since Claude Opus 4.8. Changes of tools may stand there too.
      const parts = readBlocks(message.content, at, (block, path) => {
        if (block.type === 'text') return readTextBlock(block, path, notes);
        notes.bind(`${path} (${got(block.type)})`);
        return { type: 'text' as const, text: JSON.stringify(block) };
      });
      return { role, parts };
    }
    default:
      return role satisfies never;
  }
};

/** The calls of the last assistant's turn that wait for their results. */
interface Waiting {
  calls: Map<string, string>;
  /** Results may come only in the user's turns right after the calls. */
  isAnswered: boolean;
}

/** Each result belongs to a call of the assistant's turn before it, each call gets one, and no id is used twice. */
const checkPairs = (turns: readonly Turn[]): void => {
  const seen = new Set<string>();
  let waiting: Waiting = { calls: new Map(), isAnswered: false };
  for (const [index, turn] of turns.entries()) {
    if (turn.role === 'assistant') {
      if (waiting.isAnswered) {
        refuseUnanswered(waiting);
        waiting = { calls: new Map(), isAnswered: false };
      }
      for (const [position, part] of turn.parts.entries()) {
        if (part.type !== 'tool-call') continue;
        const param = `messages[${index}].content[${position}].id`;
        if (seen.has(part.id)) fail(param, `${param}: the id ${got(part.id)} was used before; tool_use ids are unique`);
        seen.add(part.id);
        waiting.calls.set(part.id, param);
      }
    }
    if (turn.role !== 'user') continue;
    waiting.isAnswered = true;
    for (const [position, part] of turn.parts.entries()) {
      if (part.type !== 'tool-result' || waiting.calls.delete(part.callId)) continue;
      const param = `messages[${index}].content[${position}].tool_use_id`;
      fail(
        param,
        `${param}: no tool_use with the id ${got(part.callId)} waits for a result in the assistant's message before`,
      );
    }
  }
  if (waiting.isAnswered) refuseUnanswered(waiting);
};

const refuseUnanswered = ({ calls }: Waiting): void => {
  for (const [id, param] of calls)
    fail(param, `${param}: the tool_use ${got(id)} has no tool_result in the message after it`);
};
