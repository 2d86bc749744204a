import type { JsonObject } from '../conversation.ts';
import type { Asked } from '../decode/decode.ts';
import { isJsonObject } from '../decode/read-body.ts';
import type { CanaryNote } from '../receipt.ts';
import { pinOf, type Target } from '../target.ts';
import { arrangeCanaries, canaryStanding, placeOfTarget } from './arrange-canaries.ts';
import { nameConversation } from './conversation-name.ts';
import { hashFraction } from './hash-fraction.ts';
import type { Canaries, CanaryDraw, CanaryWord, RouteSources } from './route-sources.ts';

/** A share that somebody has set; `unread` = nobody knows yet. */
export type ShareByHand = (
  pair: { alias: string; target: string; canary: string },
  nowMs: number,
) => number | 'unread' | undefined;

/** Reads anew what is too old to go by. */
export type FreshShare = (pair: { alias: string; target: string; canary: string }) => Promise<ReturnType<ShareByHand>>;

/**
 * Draws by the conversation's name, so that a conversation stays with one of the two versions, in every process, and one that
 * has come to the canary stays there while its share grows. The pair is in the draw: the next canary is tried by others, and
 * what `weighted` draws is another thing.
 */
export const makeCanaries = (byHand: ShareByHand, fresh?: FreshShare): Canaries => ({
  draw: (targets, asked, sources) => {
    const name = nameForDraw(asked);
    const notes = canaryPairs(targets).map((pair) => noteOf(pair, name, asked, sources, byHand));
    const noteFor = (target: Target) => notes.find((note) => note.target === pinOf(target));
    const open = targets.flatMap((target): Target[] => {
      const note = target.canaryOf && noteFor(target);
      if (target.canaryOf === undefined || note === undefined) return [target];
      if (canaryStanding(note) === 'out') return [];
      return [isOnTrial(note) ? { ...target, canaryOf: { ...target.canaryOf, onTrial: true } } : target];
    });
    const confirm: CanaryDraw['confirm'] = async (target) => {
      const note = noteFor(target);
      if (note === undefined || target.canaryOf === undefined || fresh === undefined) return 'drawn';
      const share = await fresh({ alias: asked.alias.name, target: note.of, canary: note.target });
      return wordOf(note, share, target.canaryOf.share);
    };
    return drawnFrom(targets, notes, open, confirm);
  },
});

/** By what is known of the share now: one that was to come behind its target anyway need not be known. */
const wordOf = (note: CanaryNote, set: ReturnType<ShareByHand>, configured: number): CanaryWord => {
  if (set === 'unread') return canaryStanding(note) === 'first' ? 'unknown' : 'drawn';
  const { unread: _, ...known } = note;
  return canaryStanding({ ...known, share: set ?? configured }) === 'out' ? 'back' : 'drawn';
};

const isOnTrial = ({ share, unread }: CanaryNote): boolean => share < 1 || unread === true;

/**
 * What the draw goes by; undefined where the request goes on from an answer that the vendor keeps, and nothing in it says from
 * which conversation: it would be another one with each of its turns. The user is in it, since a prompt with examples begins
 * alike for all.
 */
const nameForDraw = ({ conversation, caller, alias, labels, body }: Asked): string | undefined => {
  const session = labels.session ?? (conversation.hasRemoteInput ? vendorsName(body) : undefined);
  if (session === undefined && conversation.hasRemoteInput && body['previous_response_id'] != null) return undefined;
  const name = nameConversation(conversation, { team: caller.team, alias: alias.name, session });
  return session === undefined && labels.user !== undefined ? `${name} ${labels.user}` : name;
};

/** The conversation that the vendor keeps, as the client names it. */
const vendorsName = ({ conversation }: JsonObject): string | undefined => {
  const id = conversation !== undefined && isJsonObject(conversation) ? conversation['id'] : conversation;
  return typeof id === 'string' ? id : undefined;
};

/** A canary and the target whose place it takes, `provider/model` both, with the configured share. */
export interface CanaryPair {
  canary: string;
  target: string;
  share: number;
  /** The canary's, by region. */
  ids: string[];
}

export const canaryPairs = (targets: readonly Target[]): CanaryPair[] => {
  const pairs = new Map<string, CanaryPair>();
  for (const target of targets) {
    if (target.canaryOf === undefined) continue;
    const canary = pinOf(target);
    const ids = [...(pairs.get(canary)?.ids ?? []), target.id];
    pairs.set(canary, { canary, ...target.canaryOf, ids });
  }
  return [...pairs.values()];
};

/** That of those who get a canary only once all do. */
const LAST_PLACE = 0.999999;

const noteOf = (
  { canary, target, share, ids }: CanaryPair,
  name: string | undefined,
  { alias, conversation }: Pick<Asked, 'alias' | 'conversation'>,
  { now, shareOf }: Pick<RouteSources, 'now' | 'shareOf'>,
  byHand: ShareByHand,
): CanaryNote => {
  const set = byHand({ alias: alias.name, target, canary }, now);
  const slowStart = Math.min(...ids.map(shareOf));
  return {
    ...(alias.name !== conversation.model && { alias: alias.name }),
    target: canary,
    of: target,
    place: name === undefined ? LAST_PLACE : Math.floor(hashFraction(`${name} canary ${target} ${canary}`) * 1e6) / 1e6,
    share: typeof set === 'number' ? set : share,
    ...(typeof set === 'number' && { byHand: true }),
    ...(slowStart < 1 && { slowStart }),
    ...(set === 'unread' && { unread: true }),
    ...(name === undefined && { unnamed: true }),
  };
};

const drawnFrom = (
  targets: readonly Target[],
  notes: CanaryNote[],
  open: readonly Target[],
  confirm: CanaryDraw['confirm'],
): CanaryDraw => {
  const placeOf = ({ id }: Pick<Target, 'id'>): string => placeOfTarget(id, notes);
  return {
    notes,
    open,
    placeOf,
    confirm,
    placesOf: (able) =>
      targets.flatMap((target) => {
        if (target.canaryOf !== undefined) return [];
        return able.find(({ id }) => id === target.id) ?? able.find((other) => placeOf(other) === target.id) ?? [];
      }),
    withHomes: (sources) => ({
      ...sources,
      homeOf: (conversation) => {
        const home = sources.homeOf(conversation);
        return home && { ...home, target: placeOf({ id: home.target }) };
      },
    }),
    arrange: (places, able) => {
      const byId = new Map(able.map((target) => [target.id, target]));
      return arrangeCanaries(places, notes, (id) => byId.has(id)).flatMap((id) => byId.get(id) ?? []);
    },
  };
};
