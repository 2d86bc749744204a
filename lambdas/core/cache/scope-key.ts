import { type Canonical, canonicalText } from '../audit/canonical-text.ts';
import type { Conversation } from '../conversation.ts';
import { digestOf } from '../digest.ts';
import type { CachePolicy } from './eligibility.ts';

/** Grows whenever what keys are made of changes: older entries are never met again. */
const KEY_VERSION = 1;
/** Two keys in 178 bits meet by chance nowhere in this world. */
const KEY_LENGTH = 30;

/** Whose answers they are. */
export interface CacheOwner {
  org: string;
  team: string;
  user: string;
}

export interface CacheScope {
  owner: CacheOwner;
  sharedBy: CachePolicy['sharedBy'];
  alias: string;
  /** What answers it: provider, version, and where it may be. */
  model: string;
  /** Values of the body's fields that the conversation can't hold, as JSON texts. */
  unheld?: ReadonlyMap<string, string>;
}

/**
 * Who shares an entry, as a text that stores can partition by: `team`, with what it is a part of. No name runs into
 * the next, whatever signs are in it.
 */
export const tenantOf = ({ org, team, user }: CacheOwner, sharedBy: CachePolicy['sharedBy']): string =>
  canonicalText(
    sharedBy === 'org' ? ['org', org] : sharedBy === 'team' ? ['team', org, team] : ['user', org, team, user],
  );

/** The exact cache's key: everything that bears on the answer, whichever dialect said it. */
export const exactKey = (conversation: Conversation, scope: CacheScope): string =>
  digestOf(canonicalText(['exact', KEY_VERSION, scopeFields(scope), requestFields(conversation)]), KEY_LENGTH);

/**
 * The semantic cache's hard filter: all of that but the last turn's words, and what makes its vectors. Two requests that
 * differ in any of it never meet; the last turn's words are what is compared.
 *
 * @param embedder name and version
 */
export const scopeKey = (conversation: Conversation, scope: CacheScope, embedder: string): string => {
  const { turns, ...rest } = conversation;
  const earlier = { ...rest, turns: turns.slice(0, -1) };
  return digestOf(
    canonicalText(['semantic', KEY_VERSION, embedder, scopeFields(scope), requestFields(earlier)]),
    KEY_LENGTH,
  );
};

/** Which entry of a scope: the same words of the same user again take their former place. */
export const entryId = (scope: string, owner: CacheOwner, question: string): string =>
  digestOf(canonicalText([scope, owner.org, owner.team, owner.user, question]), KEY_LENGTH);

const scopeFields = ({ owner, sharedBy, alias, model, unheld }: CacheScope): Canonical => [
  tenantOf(owner, sharedBy),
  alias,
  model,
  // Sorted: the order of the body's fields says nothing.
  [...(unheld ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)),
];

/** How the answer travels and who asks: nothing that the model sees. */
const NOT_IN_KEY: ReadonlySet<string> = new Set([
  'stream',
  'streamUsage',
  'user',
  'model',
  'sameDialectOnly',
  'storedIn',
]);

/** Every member but those named, so that one that is added to the type tells requests apart from its first day. */
const requestFields = (conversation: Conversation): Canonical =>
  Object.entries(conversation)
    .filter(([name, value]) => !NOT_IN_KEY.has(name) && value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => [name, canonical(name, value)]);

/** Members that hold a client's own JSON, where order, nulls and fractions count. */
const RAW_JSON: ReadonlySet<string> = new Set(['parameters', 'schema']);

/** One text for one value: kinds are told apart, so that no value is another's look-alike. */
const canonical = (name: string, value: unknown): Canonical => {
  if (RAW_JSON.has(name)) return ['json', JSON.stringify(value)];
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return ['number', String(value)];
    case 'object':
      if (value === null) return ['null'];
      if (Array.isArray(value)) return ['list', ...value.map((item) => canonical('', item))];
      return Object.fromEntries(
        Object.entries(value)
          // Where a provider's own cache ends changes the bill, not the answer.
          .filter(([member, inner]) => inner !== undefined && member !== 'cache')
          .map(([member, inner]) => [member, canonical(member, inner)]),
      );
    default:
      throw new TypeError(`a conversation holds no ${typeof value}`);
  }
};
