import { createHash } from 'node:crypto';
import type { Conversation } from '../conversation.ts';

/** Half of them meet only among some sixteen million conversations, and all that would cost is a discount. */
const NAME_LENGTH = 12;

/**
 * What tells a conversation from others: the session that the client names, else what all its requests begin with, the
 * system prompt, the tools and the first turn of its user. Of one team and alias, so that nobody can meet another's.
 */
export const nameConversation = (
  conversation: Conversation,
  scope: { team: string; alias: string; session?: string | undefined },
): string => {
  const hash = createHash('sha256').update(JSON.stringify([scope.team, scope.alias]));
  if (scope.session !== undefined) hash.update(`session ${scope.session}`);
  else for (const part of stablePrefix(conversation)) hash.update(JSON.stringify(part));
  return hash
    .digest('base64')
    .replace(/[^A-Za-z0-9]/g, '')
    .slice(0, NAME_LENGTH);
};

function* stablePrefix({ turns, tools }: Conversation): Generator<unknown> {
  yield tools;
  for (const turn of turns) {
    yield turn;
    if (turn.role === 'user') return;
  }
}
