import type { Conversation } from '../conversation.ts';
import type { LabelledPair } from './labelled-pairs.ts';
import { type CacheScope, scopeKey } from './scope-key.ts';

interface Asked {
  conversation: Conversation;
  scope: CacheScope;
}

const asked = (question: string): Asked => ({
  conversation: {
    model: 'assistant',
    turns: [
      { role: 'system', parts: [{ type: 'text', text: 'You answer questions of our customers.' }] },
      { role: 'user', parts: [{ type: 'text', text: 'Hello' }] },
      { role: 'assistant', parts: [{ type: 'text', text: 'Hello, what can I do for you?' }] },
      { role: 'user', parts: [{ type: 'text', text: question }] },
    ],
    tools: [],
    choices: 1,
    stream: false,
    streamUsage: false,
    sameDialectOnly: [],
    costBearing: [],
  },
  scope: {
    owner: { org: 'acme', team: 'search', user: 'ada' },
    sharedBy: 'team',
    alias: 'assistant',
    model: 'anthropic/claude-haiku-4-5-20251001',
  },
});

/** One field of the hard filter, made another. */
const CHANGES: Readonly<Record<string, (request: Asked) => Asked>> = {
  tenant: (r) => ({ ...r, scope: { ...r.scope, owner: { ...r.scope.owner, team: 'sales' } } }),
  user: (r) => ({ ...r, scope: { ...r.scope, sharedBy: 'user', owner: { ...r.scope.owner, user: 'bob' } } }),
  alias: (r) => ({ ...r, scope: { ...r.scope, alias: 'assistant-small' } }),
  model: (r) => ({ ...r, scope: { ...r.scope, model: 'openai/gpt-5-2025-08-07' } }),
  temperature: (r) => change(r, { temperature: 0.9 }),
  topP: (r) => change(r, { topP: 0.5 }),
  maxOutputTokens: (r) => change(r, { maxOutputTokens: 20 }),
  seed: (r) => change(r, { seed: 7 }),
  stopSequences: (r) => change(r, { stopSequences: ['\n'] }),
  reasoning: (r) => change(r, { reasoning: { effort: 'high' } }),
  toolChoice: (r) => change(r, { toolChoice: { type: 'none' } }),
  format: (r) => change(r, { format: { type: 'json' } }),
  tools: (r) => change(r, { tools: [{ name: 'look_up', parameters: { type: 'object' } }] }),
  system: (r) => changeTurn(r, 0, 'You answer in verse.'),
  turns: (r) => changeTurn(r, 1, 'Good morning'),
};

const change = (request: Asked, more: Partial<Conversation>): Asked => ({
  ...request,
  conversation: { ...request.conversation, ...more },
});

const changeTurn = (request: Asked, index: number, text: string): Asked =>
  change(request, {
    turns: request.conversation.turns.map((turn, i) =>
      i === index ? { ...turn, parts: [{ type: 'text', text }] } : turn,
    ),
  });

/**
 * Whether the hard filter itself lets a pair's requests meet, the second changed as the pair says.
 *
 * @param embedder its name
 * @throws {Error} for a pair that differs in what the filter does not know
 */
export const isInScope =
  (embedder: string) =>
  ({ a, b, differs }: LabelledPair): boolean => {
    const [one, two] = [asked(a), asked(b)];
    const changed = differs === undefined ? two : Object.hasOwn(CHANGES, differs) ? CHANGES[differs]?.(two) : undefined;
    if (changed === undefined)
      throw new Error(
        `the hard filter knows no ${JSON.stringify(differs)}: expected ${Object.keys(CHANGES).join(', ')}`,
      );
    return scopeKey(one.conversation, one.scope, embedder) === scopeKey(changed.conversation, changed.scope, embedder);
  };
