import type { TokenEstimate } from '../admit/estimate.ts';
import type { Asked } from '../decode/decode.ts';
import type { Target } from '../target.ts';
import { nameConversation } from './conversation-name.ts';
import { hashFraction } from './hash-fraction.ts';
import type { OrderFacts, PolicyName, SlowStart } from './order-facts.ts';
import { type Looks, policiesOf, type RouteSources } from './route-sources.ts';

export interface GatheredFacts {
  facts: OrderFacts;
  /** The conversation's name, where its home is to be remembered. */
  conversation?: string;
  /** Whether a slow start that has begun since then puts this target behind the others. Absent where there are none. */
  isHeldBack?: (target: Target) => boolean;
}

/** Looks up what the policy needs to know of the targets that can serve the request, and nothing else. */
export const gatherFacts = (
  policy: PolicyName,
  targets: readonly Target[],
  asked: Asked,
  estimateOf: (target: Target) => TokenEstimate,
  sources: RouteSources,
): GatheredFacts => {
  // One target needs no order.
  if (targets.length < 2) return { facts: { policy: 'ordered' } };
  const name = once(() =>
    nameConversation(asked.conversation, {
      team: asked.caller.team,
      alias: asked.alias.name,
      session: asked.labels.session,
    }),
  );
  const draw = once(() => rounded(sources.draw()));
  const looks = { asked, estimateOf, sources, name, draw };
  const { facts, hasHome } =
    policy === 'ordered' ? { facts: { policy }, hasHome: false } : policiesOf(sources).gather(policy, targets, looks);
  const place = () => placeOf(asked, { name, draw });
  const slowStart = slowStartOf(targets, place, sources);
  const later = new Set(targets.filter((_, i) => slowStart?.shares.every(([known]) => known !== i) ?? true));
  return {
    facts: slowStart === undefined ? facts : { ...facts, slowStart },
    ...(hasHome && { conversation: name() }),
    isHeldBack: (target) => later.has(target) && isBehind(place, sources.shareOf(target.id)),
  };
};

/** The slow start of those whose circuits have closed of late. */
const slowStartOf = (
  targets: readonly Target[],
  place: () => number,
  { shareOf }: Pick<RouteSources, 'shareOf'>,
): SlowStart | undefined => {
  const shares = targets.flatMap(({ id }, i): [number, number][] => {
    const share = shareOf(id);
    return share < 1 ? [[i, share]] : [];
  });
  return shares.length === 0 ? undefined : { place: place(), shares };
};

/**
 * A conversation's place in a slow start is its name's, so that it comes back once and stays; one that has only just begun has
 * nowhere to stay, and takes its chance, so that many alike do not come at once.
 */
const placeOf = ({ conversation, labels }: Asked, { name, draw }: Pick<Looks, 'name' | 'draw'>): number => {
  const isNew = labels.session === undefined && conversation.turns.every(({ role }) => role !== 'assistant');
  return isNew ? draw() : rounded(hashFraction(`${name()} slow start`));
};

/** The place is made only where it matters: a name is a hash of all that a conversation begins with. */
const isBehind = (place: () => number, share: number): boolean => share < 1 && place() >= share;

/** Six digits are enough to choose by, and to read. */
const rounded = (fraction: number): number => Math.floor(fraction * 1e6) / 1e6;

const once = <T>(make: () => T): (() => T) => {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};
