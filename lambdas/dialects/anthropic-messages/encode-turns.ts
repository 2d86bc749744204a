import type { AssistantPart, JsonObject, TextPart, Turn, UserPart } from '../../core/conversation.ts';
import { makeCallIds } from './call-ids.ts';
import type { ModelTraits } from './claude-models.ts';
import { encodeAssistantPart, encodeText, encodeUserPart } from './encode-content.ts';

export interface Message {
  role: 'user' | 'assistant' | 'system';
  content: JsonObject[];
}

export interface EncodedTurns {
  system: JsonObject[];
  messages: Message[];
}

/** What stands for the user's first word where a conversation begins with the assistant: Anthropic wants a user there. */
const OPENING = 'The conversation begins.';

/**
 * Turns as Anthropic wants them: the leading system turns apart, consecutive turns of a role made one, tool results first in
 * the turn that follows their calls, nothing empty. A system turn further on goes as one where the model takes that, else as
 * user text within `<system>` tags at its place.
 */
export const encodeTurns = (turns: readonly Turn[], traits: ModelTraits, dropped: Set<string>): EncodedTurns => {
  const firstOther = turns.findIndex(({ role }) => role !== 'system');
  const start = firstOther === -1 ? turns.length : firstOther;
  const system = turns.slice(0, start).flatMap(({ parts }) => encodeTexts(parts as TextPart[]));
  const ids = makeCallIds();
  const messages: Message[] = [];
  const following = nextRoles(turns);
  for (const [index, turn] of turns.entries()) {
    if (index < start) continue;
    const before = messages.at(-1)?.role;
    const isPlace = (before === 'user' || before === 'system') && following[index] !== 'user';
    const takesSystem = traits.takesLateSystem && isPlace;
    append(messages, encodeTurn(turn, { ids, dropped, takesSystem }));
  }
  for (const message of messages) putResultsFirst(message);
  trimPrefill(messages);
  if (messages[0]?.role !== 'user') messages.unshift({ role: 'user', content: [{ type: 'text', text: OPENING }] });
  return { system, messages };
};

interface Surroundings {
  ids: ReturnType<typeof makeCallIds>;
  dropped: Set<string>;
  /** Whether a system turn may stand here as one. */
  takesSystem: boolean;
}

/**
 * Anthropic's rule for messages of role `system`: after a user's turn, and before the assistant's or at the end.
 *
 * @returns for each turn the role of the next one that is no system turn
 */
const nextRoles = (turns: readonly Turn[]): (Turn['role'] | undefined)[] => {
  const roles: (Turn['role'] | undefined)[] = [];
  let next: Turn['role'] | undefined;
  for (let index = turns.length - 1; index >= 0; index -= 1) {
    roles[index] = next;
    const role = turns[index]?.role;
    if (role !== 'system') next = role;
  }
  return roles;
};

const encodeTurn = (turn: Turn, { ids, dropped, takesSystem }: Surroundings): Message => {
  switch (turn.role) {
    case 'system':
      return takesSystem
        ? { role: 'system', content: encodeTexts(turn.parts) }
        : { role: 'user', content: encodeTexts(turn.parts.map(asUserText)) };
    case 'user':
      return {
        role: 'user',
        content: present(turn.parts.map((part: UserPart) => encodeUserPart(part, ids, dropped))),
      };
    case 'assistant':
      return {
        role: 'assistant',
        content: present(turn.parts.map((part: AssistantPart) => encodeAssistantPart(part, ids, dropped))),
      };
    default:
      return turn satisfies never;
  }
};

const encodeTexts = (parts: readonly TextPart[]): JsonObject[] => present(parts.map((part) => encodeText(part)));

const present = (blocks: readonly (JsonObject | undefined)[]): JsonObject[] =>
  blocks.filter((block) => block !== undefined);

const asUserText = (part: TextPart): TextPart =>
  part.text === '' ? part : { ...part, text: `<system>\n${part.text}\n</system>` };

const append = (messages: Message[], message: Message): void => {
  if (message.content.length === 0) return;
  const last = messages.at(-1);
  if (last?.role === message.role) last.content.push(...message.content);
  else messages.push(message);
};

const putResultsFirst = (message: Message): void => {
  if (message.role !== 'user') return;
  const isResult = ({ type }: JsonObject) => type === 'tool_result';
  message.content = [...message.content.filter(isResult), ...message.content.filter((block) => !isResult(block))];
};

/** An answer that the model is to continue may not end in white space. */
const trimPrefill = (messages: Message[]): void => {
  const last = messages.at(-1);
  const block = last?.content.at(-1);
  if (last?.role !== 'assistant' || block?.type !== 'text' || typeof block.text !== 'string') return;
  block.text = block.text.trimEnd();
  if (block.text !== '') return;
  last.content.pop();
  if (last.content.length === 0) messages.pop();
};
