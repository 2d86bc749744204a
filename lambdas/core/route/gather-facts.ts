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
  const slowStart = slowStartOf(targets, asked, { sources, name, draw });
  return {
    facts: slowStart === undefined ? facts : { ...facts, slowStart },
    ...(hasHome && { conversation: name() }),
  };
};

/**
 * The slow start of those whose circuits have closed of late. A conversation's place is its name's, so that it comes back once
 * and stays; one that has only just begun has nowhere to stay, and takes its chance, so that many alike do not come at once.
 */
const slowStartOf = (
  targets: readonly Target[],
  { conversation, labels }: Asked,
  { sources, name, draw }: Pick<Looks, 'sources' | 'name' | 'draw'>,
): SlowStart | undefined => {
  const shares = targets.flatMap(({ id }, i): [number, number][] => {
    const share = sources.shareOf(id);
    return share < 1 ? [[i, share]] : [];
  });
  if (shares.length === 0) return undefined;
  const isNew = labels.session === undefined && conversation.turns.every(({ role }) => role !== 'assistant');
  return { place: isNew ? draw() : rounded(hashFraction(`${name()} slow start`)), shares };
};

/** Six digits are enough to choose by, and to read. */
const rounded = (fraction: number): number => Math.floor(fraction * 1e6) / 1e6;

const once = <T>(make: () => T): (() => T) => {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};
