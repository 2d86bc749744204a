import type { Asked } from '../decode/decode.ts';
import type { CanaryNote } from '../receipt.ts';
import type { Target } from '../target.ts';
import { arrangeCanaries, canaryStanding, placeOfTarget } from './arrange-canaries.ts';
import { nameConversation } from './conversation-name.ts';
import { hashFraction } from './hash-fraction.ts';
import type { Canaries, CanaryDraw, RouteSources } from './route-sources.ts';

/** A share that somebody has set; `unread` = nobody knows yet. */
export type ShareByHand = (
  pair: { alias: string; target: string; canary: string },
  nowMs: number,
) => number | 'unread' | undefined;

/**
 * Draws by the conversation's name, so that a conversation stays with one of the two versions, in every process, and one that
 * has come to the canary stays there while its share grows. The pair is in the draw: the next canary is tried by others, and
 * what `weighted` draws is another thing.
 */
export const makeCanaries = (byHand: ShareByHand): Canaries => ({
  draw: (targets, asked, sources) => {
    const name = nameConversation(asked.conversation, {
      team: asked.caller.team,
      alias: asked.alias.name,
      session: asked.labels.session,
    });
    const notes = canaryPairs(targets).map((pair) => noteOf(pair, name, asked, sources, byHand));
    const standings = new Map(notes.map((note) => [note.target, canaryStanding(note)]));
    return drawnFrom(
      targets,
      notes,
      targets.filter((target) => target.canaryOf === undefined || standings.get(versionOf(target)) !== 'out'),
    );
  },
});

/** A canary and the target whose place it takes, `provider/model` both, with the configured share. */
export interface CanaryPair {
  canary: string;
  target: string;
  share: number;
  /** The canary's, by region. */
  ids: string[];
}

/** `provider/model`: a target without its region. */
const versionOf = ({ provider, model }: Pick<Target, 'provider' | 'model'>): string => `${provider.name}/${model}`;

export const canaryPairs = (targets: readonly Target[]): CanaryPair[] => {
  const pairs = new Map<string, CanaryPair>();
  for (const target of targets) {
    if (target.canaryOf === undefined) continue;
    const canary = versionOf(target);
    const ids = [...(pairs.get(canary)?.ids ?? []), target.id];
    pairs.set(canary, { canary, ...target.canaryOf, ids });
  }
  return [...pairs.values()];
};

const noteOf = (
  { canary, target, share, ids }: CanaryPair,
  name: string,
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
    place: Math.floor(hashFraction(`${name} canary ${target} ${canary}`) * 1e6) / 1e6,
    share: typeof set === 'number' ? set : share,
    ...(typeof set === 'number' && { byHand: true }),
    ...(slowStart < 1 && { slowStart }),
    ...(set === 'unread' && { unread: true }),
  };
};

const drawnFrom = (targets: readonly Target[], notes: CanaryNote[], open: readonly Target[]): CanaryDraw => {
  const placeOf = ({ id }: Pick<Target, 'id'>): string => placeOfTarget(id, notes);
  return {
    notes,
    open,
    placeOf,
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
