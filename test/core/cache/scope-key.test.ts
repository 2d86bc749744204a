import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type CacheScope, entryId, exactKey, scopeKey, tenantOf } from '../../../lambdas/core/cache/scope-key.ts';
import type { Conversation, Turn } from '../../../lambdas/core/conversation.ts';

const EMBEDDER = 'minilm/1';

const user = (text: string): Turn => ({ role: 'user', parts: [{ type: 'text', text }] });
const base = (question: string): Conversation => ({
  model: 'assistant',
  turns: [{ role: 'system', parts: [{ type: 'text', text: 'Be brief.' }] }, user('Hello'), user(question)],
  tools: [{ name: 'look_up', description: 'finds', parameters: { type: 'object', properties: { a: {}, b: {} } } }],
  choices: 1,
  stream: false,
  streamUsage: false,
  sameDialectOnly: [],
  costBearing: [],
});
const scope: CacheScope = {
  owner: { org: 'acme', team: 'search', user: 'ada' },
  sharedBy: 'team',
  alias: 'assistant',
  model: 'anthropic/claude-haiku-4-5-20251001',
};

interface Asked {
  conversation: Conversation;
  scope: CacheScope;
  embedder: string;
}

/** Every field of the hard filter with values that all differ from one another: none of any two may meet. */
const number = fc.double({ min: 0, max: 2, noNaN: true });
const word = fc.string({ minLength: 1, maxLength: 8 });
type Setter = (asked: Asked, value: never) => Asked;
const inScope =
  <V>(set: (value: V) => Partial<CacheScope>) =>
  (asked: Asked, value: V): Asked => ({ ...asked, scope: { ...asked.scope, ...set(value) } });
const inConversation =
  <V>(set: (value: V) => Partial<Conversation>) =>
  (asked: Asked, value: V): Asked => ({ ...asked, conversation: { ...asked.conversation, ...set(value) } });
const field = <V>(values: fc.Arbitrary<V>, set: (asked: Asked, value: V) => Asked) => ({
  values: values as fc.Arbitrary<unknown>,
  set: set as unknown as Setter,
});

const FIELDS = {
  org: field(
    word,
    inScope((org) => ({ owner: { ...scope.owner, org } })),
  ),
  team: field(
    word,
    inScope((team) => ({ owner: { ...scope.owner, team } })),
  ),
  user: field(
    word,
    inScope((name) => ({ sharedBy: 'user', owner: { ...scope.owner, user: name } })),
  ),
  alias: field(
    word,
    inScope((alias) => ({ alias })),
  ),
  model: field(
    word,
    inScope((model) => ({ model })),
  ),
  unheld: field(
    fc.tuple(word, word),
    inScope(([name, value]) => ({ unheld: new Map([[name, value]]) })),
  ),
  embedder: field(word, (asked, embedder) => ({ ...asked, embedder })),
  temperature: field(
    number,
    inConversation((temperature) => ({ temperature })),
  ),
  topP: field(
    number,
    inConversation((topP) => ({ topP })),
  ),
  topK: field(
    fc.integer(),
    inConversation((topK) => ({ topK })),
  ),
  seed: field(
    fc.integer(),
    inConversation((seed) => ({ seed })),
  ),
  presencePenalty: field(
    number,
    inConversation((presencePenalty) => ({ presencePenalty })),
  ),
  frequencyPenalty: field(
    number,
    inConversation((frequencyPenalty) => ({ frequencyPenalty })),
  ),
  maxOutputTokens: field(
    fc.nat(),
    inConversation((maxOutputTokens) => ({ maxOutputTokens })),
  ),
  stopSequences: field(
    fc.array(word, { minLength: 1 }),
    inConversation((stopSequences) => ({ stopSequences })),
  ),
  reasoning: field(
    fc.nat(),
    inConversation((budgetTokens) => ({ reasoning: { budgetTokens } })),
  ),
  choices: field(
    fc.integer({ min: 2 }),
    inConversation((choices) => ({ choices })),
  ),
  logprobs: field(
    fc.nat(),
    inConversation((top) => ({ logprobs: { top } })),
  ),
  parallelToolCalls: field(
    fc.boolean(),
    inConversation((parallelToolCalls) => ({ parallelToolCalls })),
  ),
  betas: field(
    fc.array(word, { minLength: 1 }),
    inConversation((betas) => ({ betas })),
  ),
  toolChoice: field(
    word,
    inConversation((name) => ({ toolChoice: { type: 'tool', name } })),
  ),
  tools: field(
    fc.tuple(word, word),
    inConversation(([name, description]) => ({ tools: [{ name, description }] })),
  ),
  parameters: field(
    fc.jsonValue(),
    inConversation((value) => ({ tools: [{ name: 'x', parameters: { value: JSON.parse(JSON.stringify(value)) } }] })),
  ),
  format: field(
    word,
    inConversation((name) => ({ format: { type: 'json-schema', name, schema: {} } })),
  ),
  system: field(
    word,
    inConversation((text) => ({
      turns: [{ role: 'system', parts: [{ type: 'text', text }] }, user('Hello'), user('Q')],
    })),
  ),
  'earlier turn': field(
    word,
    inConversation((text) => ({ turns: [user(text), user('Q')] })),
  ),
  'number of earlier turns': field(
    fc.integer({ min: 3, max: 9 }),
    inConversation((count) => ({ turns: Array.from({ length: count }, () => user('Q')) })),
  ),
} as const;

const keyOf = ({ conversation, scope, embedder }: Asked): string => scopeKey(conversation, scope, embedder);
const exactKeyOf = ({ conversation, scope }: Asked): string => exactKey(conversation, scope);

test('requests that differ in any field of the hard filter never meet, whatever is asked', () => {
  const changes = fc.constantFrom(...Object.keys(FIELDS)).chain((name) =>
    fc.record({
      name: fc.constant(name as keyof typeof FIELDS),
      values: fc.uniqueArray(FIELDS[name as keyof typeof FIELDS].values, {
        minLength: 2,
        maxLength: 2,
        selector: (value) => JSON.stringify(value),
      }),
    }),
  );
  fc.assert(
    fc.property(changes, word, ({ name, values }, question) => {
      const { set } = FIELDS[name];
      const asked: Asked = { conversation: base(question), scope, embedder: EMBEDDER };
      const [one, two] = values.map((value) => set(asked, value as never));
      if (one === undefined || two === undefined) return;
      expect(keyOf(one)).not.toBe(keyOf(two));
      if (name !== 'embedder') expect(exactKeyOf(one)).not.toBe(exactKeyOf(two));
    }),
    { numRuns: 1_500 },
  );
});

test('two fields with values of one another are two requests', () => {
  const asked: Asked = { conversation: base('Q'), scope, embedder: EMBEDDER };
  const keys = Object.entries(FIELDS).map(([name, { set, values }]) => [
    name,
    keyOf(set(asked, fc.sample(values, { numRuns: 1, seed: 1 })[0] as never)),
  ]);
  expect(new Set(keys.map(([, key]) => key)).size).toBe(keys.length);
});

test('what the model does not see keeps requests together: streaming, the end user’s name, cache points, the last words', () => {
  const plain = base('How are you?');
  const other: Conversation = { ...base('Where are you?'), stream: true, streamUsage: true, user: 'bob' };
  const marked: Conversation = {
    ...other,
    turns: other.turns.map((turn) =>
      turn.role === 'user'
        ? { ...turn, parts: turn.parts.map((part) => ({ ...part, cache: { ttl: '5m' as const } })) }
        : turn,
    ),
  };
  expect(scopeKey(marked, scope, EMBEDDER)).toBe(scopeKey(plain, scope, EMBEDDER));
  expect(exactKey(marked, scope)).not.toBe(exactKey(plain, scope));
  expect(exactKey({ ...plain, stream: true }, scope)).toBe(exactKey(plain, scope));
});

test('a field that is undefined and one that is absent are one request', () => {
  const absent = base('Q');
  expect(exactKey({ ...absent, seed: undefined } as unknown as Conversation, scope)).toBe(exactKey(absent, scope));
});

test('a number and its text, null and "null", an empty list and an absent one are apart', () => {
  const tools = (value: unknown) => ({ ...base('Q'), tools: [{ name: 'x', parameters: { value } }] }) as Conversation;
  const keys = [tools(1), tools('1'), tools(null), tools('null'), tools([]), tools({}), tools(undefined)].map((one) =>
    exactKey(one, scope),
  );
  expect(new Set(keys).size).toBe(keys.length);
});

test('the order of a schema’s properties counts: the model may write them in it', () => {
  const format = (schema: Record<string, never[]>) => ({
    ...base('Q'),
    format: { type: 'json-schema' as const, name: 'x', schema },
  });
  expect(exactKey(format({ a: [], b: [] }), scope)).not.toBe(exactKey(format({ b: [], a: [] }), scope));
});

test('no name of a tenant runs into the next: whatever a team or user is called, it is nobody else', () => {
  const hostile = fc.oneof(
    word,
    fc.constantFrom('","', '#', 'search","ada', '["team","acme","search"]', '\\', '\u0000', 'ﬁ', 'fi'),
  );
  const owner = fc.record({ org: hostile, team: hostile, user: hostile });
  fc.assert(
    fc.property(
      owner,
      owner,
      fc.constantFrom('org', 'team', 'user' as const),
      fc.constantFrom('org', 'team', 'user' as const),
      (a, b, one, two) => {
        const shared = { org: [a.org, b.org], team: [a.team, b.team], user: [a.user, b.user] };
        const names = { org: ['org'], team: ['org', 'team'], user: ['org', 'team', 'user'] } as const;
        const isOne = one === two && names[one].every((name) => shared[name][0] === shared[name][1]);
        expect(tenantOf(a, one) === tenantOf(b, two)).toBe(isOne);
      },
    ),
  );
});

test('crafted words of a question or a system prompt reach no other tenant', () => {
  const mine = { ...scope, owner: { org: 'acme', team: 'sales', user: 'eve' } };
  const target = scopeKey(base('Q'), scope, EMBEDDER);
  fc.assert(
    fc.property(
      fc.oneof(word, fc.constantFrom('search', tenantOf(scope.owner, 'team'), target, JSON.stringify(scope))),
      (text) => {
        const crafted: Conversation = {
          ...base(text),
          turns: [{ role: 'system', parts: [{ type: 'text', text }] }, user(text)],
        };
        expect(scopeKey(crafted, mine, EMBEDDER)).not.toBe(target);
        expect(scopeKey(base(text), mine, EMBEDDER)).not.toBe(target);
      },
    ),
  );
});

test('the same words of the same user are one entry of a scope, those of two users are two', () => {
  const bob = { ...scope.owner, user: 'bob' };
  expect(entryId('s', scope.owner, 'Q')).toBe(entryId('s', { ...scope.owner }, 'Q'));
  expect(
    new Set([
      entryId('s', scope.owner, 'Q'),
      entryId('s', bob, 'Q'),
      entryId('t', scope.owner, 'Q'),
      entryId('s', scope.owner, 'q'),
    ]).size,
  ).toBe(4);
});
