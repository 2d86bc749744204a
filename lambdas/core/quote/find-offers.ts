import { consultCache } from '../cache/answer-cache.ts';
import { type Asked, usableAliases } from '../decode/decode.ts';
import type { Offer, Refusal } from '../failures.ts';
import type { Ports } from '../ports.ts';
import { planRoute } from '../route/plan.ts';
import { routeSources } from '../route/route-sources.ts';
import type { Target } from '../target.ts';
import { findAskable } from './find-askable.ts';
import { type Draft, draftOf, judge, readStanding } from './judge-request.ts';
import { costsOf } from './quote-costs.ts';

const MOST_OFFERS = 5;
/** More aliases than this are not looked at: a refusal must stay cheap. */
const MOST_CANDIDATES = 32;

/**
 * Cheaper ways to ask the same, as other aliases of the key would see it: expected to cost less, and less at most. The standing
 * of them all is one more read.
 *
 * @param own the request as it was asked
 */
export const draftOffers = (asked: Asked, own: Draft, nowMs: number, ports: Ports): Draft[] => {
  const than = costsOf(own.admission, own.admission.firstTarget);
  return usableAliases(asked.caller, ports.gateway)
    .filter(
      ({ name, targets }) => name !== asked.conversation.model && spaceOf(targets) === spaceOf(asked.alias.targets),
    )
    .slice(0, MOST_CANDIDATES)
    .flatMap((alias) => {
      const instead: Asked = { ...asked, alias, conversation: { ...asked.conversation, model: alias.name } };
      const planned = planRoute(instead, ports.dialects, ports.gateway.aliases, routeSources(ports));
      if (!planned.ok) return [];
      // Each has a cache of its own, or none.
      const consulted = consultCache(instead, planned.plan, ports);
      if (!consulted.ok) return [];
      const besides = consulted.consultation?.ceiling ?? 0n;
      const drafted = draftOf({ ...instead, besides }, planned.plan, nowMs, ports);
      if (!drafted.ok) return [];
      const costs = costsOf(drafted.draft.admission, drafted.draft.admission.firstTarget);
      return costs.mostCost < than.mostCost && costs.expectedCost < than.expectedCost ? [drafted.draft] : [];
    });
};

/** Vectors of another model are no offer; see check-spaces.ts. */
const spaceOf = ([first]: readonly Target[]): string | undefined => first?.embedding?.space;

/** Those of them that would be admitted now and have a target that can be asked, the cheapest first. */
export const offersAmong = (
  drafts: readonly Draft[],
  standing: Awaited<ReturnType<typeof readStanding>>,
  nowMs: number,
  ports: Ports,
): Offer[] =>
  drafts
    .flatMap((draft) => {
      const judged = judge(draft, standing, nowMs, ports);
      if (!judged.ok) return [];
      const { targets, isLastResort } = findAskable(judged.admission, standing, nowMs, ports);
      const [first] = targets;
      // What is asked only for want of others is no offer.
      if (first === undefined || isLastResort) return [];
      return [{ model: judged.admission.asked.conversation.model, ...costsOf(judged.admission, first) }];
    })
    .toSorted((a, b) => (a.mostCost < b.mostCost ? -1 : a.mostCost > b.mostCost ? 1 : 0))
    .slice(0, MOST_OFFERS);

/**
 * A refusal for want of room, with what would be admitted instead. Best effort: without an answer of the store the refusal
 * goes out as it is.
 */
export const withOffers = async (refusal: Refusal, asked: Asked, ports: Ports): Promise<Refusal> => {
  if (refusal.code !== 'budget_exceeded' && refusal.code !== 'rate_limit_exceeded') return refusal;
  try {
    const now = ports.clock.now();
    const planned = planRoute(asked, ports.dialects, ports.gateway.aliases, routeSources(ports));
    const own = planned.ok ? draftOf(asked, planned.plan, now, ports) : undefined;
    if (!own?.ok) return refusal;
    const drafts = draftOffers(asked, own.draft, now, ports);
    if (drafts.length === 0) return { ...refusal, offers: [] };
    const standing = await readStanding(drafts, now, ports);
    return { ...refusal, offers: offersAmong(drafts, standing, now, ports) };
  } catch (error) {
    ports.log.warn('refused without offers', { error });
    return refusal;
  }
};
