import { MAX_RUN_DEPTH, RUN_ID, RUN_ID_WORDS } from '../../contract/scope-names.ts';
import type { NamedRun } from '../admit/run-book.ts';
import { badRun } from '../admit/run-refusals.ts';
import type { Caller } from '../authenticate/authenticate.ts';
import type { CacheControl } from '../cache/eligibility.ts';
import type { Conversation } from '../conversation.ts';
import { type Refusal, refuse } from '../failures.ts';
import { present } from '../read-json.ts';

/** What the request says about itself outside its body. */
export interface RequestLabels {
  /** The end user that budgets and limits apply to. */
  user: string;
  tags: Record<string, string>;
  /** The agent run that the request is part of. */
  run?: NamedRun;
  /** The client's own name for the conversation, so that it stays where its prompt cache is. */
  session?: string;
  /** What the request lets the caches do; all that they can where absent. */
  cache?: CacheControl;
  /** Ends a stream with an SSE comment that names the cost. */
  costTrailer: boolean;
}

export type ReadLabels = { ok: true; labels: RequestLabels } | { ok: false; refusal: Refusal };

const MAX_USER_LENGTH = 256;
const MAX_SESSION_LENGTH = 256;
const MAX_TAGS = 16;
const TAG = /^([A-Za-z0-9_.-]{1,64})=([\x21-\x2b\x2d-\x3c\x3e-\x7e]{1,128})$/;

/**
 * The end user is `x-tollgate-user`, else the body's own field, for keys that may act for others; else the key's own user,
 * so that leaving it out escapes nothing. Tags pinned on the key win over tags in the request.
 */
export const readLabels = (headers: Headers, conversation: Conversation, caller: Caller): ReadLabels => {
  const scopes = readScopeLabels(headers, conversation.user, caller);
  if (!scopes.ok) return scopes;
  const run = readRun(headers, caller);
  if (!run.ok) return run;
  const session = headers.get('x-tollgate-session')?.trim() ?? '';
  if (session.length > MAX_SESSION_LENGTH)
    return invalid(
      `The session's name has ${session.length} characters, at most ${MAX_SESSION_LENGTH} are allowed.`,
      'x-tollgate-session',
    );
  const cache = readCacheControl(headers);
  if (!cache.ok) return cache;
  return {
    ok: true,
    labels: {
      ...present('cache', cache.cache),
      user: scopes.user,
      tags: scopes.tags,
      ...present('run', run.run),
      ...(session !== '' && { session }),
      costTrailer: headers.get('x-tollgate-trailer') === 'cost',
    },
  };
};

const CACHE_CONTROLS: ReadonlySet<string> = new Set<CacheControl>(['off', 'refresh', 'only']);

const readCacheControl = (
  headers: Headers,
): { ok: true; cache: CacheControl | undefined } | { ok: false; refusal: Refusal } => {
  const header = headers.get('x-tollgate-cache')?.trim().toLowerCase() ?? '';
  if (header === '') return { ok: true, cache: undefined };
  if (CACHE_CONTROLS.has(header)) return { ok: true, cache: header as CacheControl };
  return invalid(
    `x-tollgate-cache: expected "off" (neither ask nor keep), "refresh" (keep a new answer) or "only" (ask nothing else), got ${shortened(header)}.`,
    'x-tollgate-cache',
  );
};

export type ReadScopeLabels =
  | { ok: true; user: string; tags: Record<string, string> }
  | { ok: false; refusal: Refusal };

/** The end user and the tags that a request of this caller is for. @param bodyUser the body's own field */
export const readScopeLabels = (headers: Headers, bodyUser: string | undefined, caller: Caller): ReadScopeLabels => {
  const named = headerText(headers.get('x-tollgate-user')) ?? bodyUser;
  const user = caller.rights.has('act-for-users') && named !== undefined && named !== '' ? named : caller.user;
  if (CONTROL_CHARACTER.test(user))
    return invalid("The end user's name has a control character in it, which is not allowed.", 'user');
  if (user.length > MAX_USER_LENGTH)
    return invalid(
      `The end user's name has ${user.length} characters, at most ${MAX_USER_LENGTH} are allowed.`,
      'user',
    );
  const tags = readTags(headers.get('x-tollgate-tags'));
  if (typeof tags === 'string') return invalid(tags, 'x-tollgate-tags');
  return { ok: true, user, tags: { ...tags, ...caller.tags } };
};

export type ReadRun = { ok: true; run: NamedRun | undefined } | { ok: false; refusal: Refusal };

/**
 * `x-tollgate-run` names the run; `x-tollgate-parent-run` the one that started it, or several from the top down
 * (`job/plan`). What belongs to the caller's team is all that a name can mean.
 */
export const readRun = (headers: Headers, caller: Pick<Caller, 'rights' | 'keyId'>): ReadRun => {
  const [runHeader, parentHeader] = ['x-tollgate-run', 'x-tollgate-parent-run'] as const;
  const id = headers.get(runHeader)?.trim() ?? '';
  const parent = headers.get(parentHeader)?.trim() ?? '';
  const bad = (param: typeof runHeader | typeof parentHeader, problem: string): ReadRun => ({
    ok: false,
    refusal: badRun(param, problem),
  });
  if (id === '') {
    if (parent !== '')
      return bad(parentHeader, `names a parent, but there is no run that it could be of. Add ${runHeader}`);
    if (caller.rights.has('require-run'))
      return bad(
        runHeader,
        `the key ${caller.keyId} must name the agent run of every request, and this one names none`,
      );
    return { ok: true, run: undefined };
  }
  if (!RUN_ID.test(id)) return bad(runHeader, `expected ${RUN_ID_WORDS}, got ${shortened(id)}`);
  if (parent === '') return { ok: true, run: { id, parents: [] } };
  if (parent.length > MAX_RUN_DEPTH * 129)
    return bad(parentHeader, `expected at most ${MAX_RUN_DEPTH - 1} runs, got ${parent.length} characters`);
  const parents = parent.split('/').toReversed();
  const wrong = parents.find((name) => !RUN_ID.test(name));
  if (wrong !== undefined)
    return bad(
      parentHeader,
      `expected a run, or several from the top down such as job/plan, each ${RUN_ID_WORDS}; got ${shortened(wrong)}`,
    );
  return { ok: true, run: { id, parents } };
};

const shortened = (text: string): string => JSON.stringify(text.length > 140 ? `${text.slice(0, 140)}…` : text);

const CONTROL_CHARACTER = /\p{Cc}/u;

/**
 * Header values come as Latin-1, one character a byte, while clients write UTF-8: read back as UTF-8 where they are, so
 * that a user has one name whether it stands in the header or in the body.
 */
const headerText = (value: string | null): string | undefined => {
  if (value === null) return undefined;
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.toString('latin1') !== value) return value;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return value;
  }
};

/** `x-tollgate-tags`; a text says what is wrong with them. */
export const readTags = (header: string | null): Record<string, string> | string => {
  if (header === null || header.trim() === '') return {};
  const pairs = header.split(',').map((pair) => pair.trim());
  if (pairs.length > MAX_TAGS) return `x-tollgate-tags: got ${pairs.length} tags, at most ${MAX_TAGS} are allowed.`;
  const tags = new Map<string, string>();
  for (const pair of pairs) {
    const [, name, value] = TAG.exec(pair) ?? [];
    if (name === undefined || value === undefined)
      return `x-tollgate-tags: expected name=value pairs separated by commas, names of letters, digits, "_", "." and "-" (at most 64), values of visible ASCII (at most 128), got ${shortened(pair)}.`;
    if (tags.has(name))
      return `x-tollgate-tags: the tag ${JSON.stringify(name)} comes twice, with the values ${JSON.stringify(tags.get(name))} and ${JSON.stringify(value)}; a request has one value of each.`;
    tags.set(name, value);
  }
  // Not by assignment: `__proto__` is a name like any other.
  return Object.fromEntries(tags);
};

const invalid = (message: string, param: string): { ok: false; refusal: Refusal } => ({
  ok: false,
  refusal: refuse('invalid_request', message, { param, shouldRetry: false }),
});
