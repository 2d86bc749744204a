import { estimateConversation, type TokenEstimate } from '../admit/estimate.ts';
import { askedIn, type Dialects, dialectOf } from '../codecs.ts';
import type { Conversation } from '../conversation.ts';
import type { Asked } from '../decode/decode.ts';
import { type Refusal, refuse } from '../failures.ts';
import { present } from '../read-json.ts';
import type { CanaryNote, FallbackNote, RouteReceipt } from '../receipt.ts';
import type { Alias, FallbackCause, Target } from '../target.ts';
import { whyNotThere } from './allowed-region.ts';
import { chooseRoute, type Route } from './choose-route.ts';
import { middleOf } from './expected-tokens.ts';
import { gatherFacts } from './gather-facts.ts';
import { holdBack } from './hold-back.ts';
import { whyNot } from './requirements.ts';
import {
  type CanaryDraw,
  type CanaryWord,
  canariesOf,
  NO_SOURCES,
  policiesOf,
  type RouteSources,
} from './route-sources.ts';

/** Which targets may serve the request, in order, and why the others may not. */
export interface Plan {
  targets: [Target, ...Target[]];
  passedOver: { target: string; reason: string }[];
  /** Input tokens as this target counts them: the low estimate decides what fits, the high one what is held. */
  estimateOf(target: Target): TokenEstimate;
  /** Why they stand in this order; absent where it is the configuration's. */
  route?: RouteReceipt;
  /** Which canaries this conversation was drawn for, and which not; absent where no target has one. */
  canaries?: CanaryNote[];
  /** The conversation's name, where it is to be remembered which target has answered it. */
  conversation?: string;
  /**
   * Whether this target is to stand behind the others after all: its circuit was not closed when the plan was made, has closed
   * since, and its slow start has no place for this conversation yet. Absent where there are no others.
   */
  isHeldBack?(target: Target): boolean;
  /** What is known of a canary when its turn has come. Absent where no target has one. */
  confirmCanary?(target: Target): Promise<CanaryWord>;
  /** The cheaper model that answers once a budget is in downgrade; absent where the alias names none. Planned when first asked for. */
  standIn?(): StandIn | undefined;
  /** The other aliases that may answer, with those of their targets that can. Planned when first asked for (plan-fallbacks.ts). */
  fallbacks?(cause: FallbackCause): Fallback[];
  /** Whose targets these are, where the alias's own can't serve the request. */
  fellBack?: FallbackNote;
}

/** Another alias in the place of the one asked for: `asked.conversation.model` still names that one. */
export interface StandIn {
  asked: Asked;
  plan: Plan;
}

/** Another alias that may answer, and those of its targets that can serve the request, in the order of its own policy. */
export interface Fallback {
  alias: string;
  targets: readonly Target[];
  plan: Plan;
}

export type Planned = { ok: true; plan: Plan } | { ok: false; refusal: Refusal };

/**
 * Pure: the same request, configuration and facts give the same plan, and the plan says which facts its order rests on. Circuits
 * and quotas are asked later, at each attempt.
 *
 * @param aliases where stand-ins are found
 * @param sources where facts are found, by policies that need any
 * @param within regions that bind it beside the alias's own: those of the alias that was asked for, where another answers
 */
export const planRoute = (
  asked: Asked,
  dialects: Dialects,
  aliases: ReadonlyMap<string, Alias> = new Map(),
  sources: RouteSources = NO_SOURCES,
  within: readonly (readonly string[])[] = [],
): Planned => {
  const { conversation, alias } = asked;
  const regions = alias.allowRegions === undefined ? within : [...within, alias.allowRegions];
  const estimateOf = rememberEstimates(conversation);
  const route = chooseRoute(asked, () => firstInput(alias.targets.slice(0, 1).map(estimateOf)));
  const able: Target[] = [];
  const passedOver: Plan['passedOver'] = [];
  const draw = drawCanaries(route.targets, asked, sources);
  for (const named of draw?.open ?? route.targets) {
    const target = askedIn(named, asked.surface.name);
    const reason =
      regions.map((allowed) => whyNotThere(target, allowed)).find((reason) => reason !== undefined) ??
      whyNot(target, dialectOf(target, dialects, asked.surface), conversation, estimateOf(target).inputTokensLow);
    if (reason === undefined) able.push(target);
    else passedOver.push({ target: target.id, reason });
  }
  const { targets, ...why } = inOrder(route, able, { asked, estimateOf, sources, draw });
  const [first, ...rest] = targets;
  if (first === undefined) return refuseAll(conversation, alias.name, passedOver);
  const standIn =
    alias.downgradeTo === undefined
      ? {}
      : { standIn: once(() => planStandIn(asked, dialects, aliases, sources, regions)) };
  return { ok: true, plan: { targets: [first, ...rest], passedOver, estimateOf, ...why, ...standIn } };
};

/** Input tokens between the estimates, as the alias's first target counts them. */
const firstInput = ([first]: readonly TokenEstimate[]): number => (first === undefined ? 0 : middleOf(first));

interface Ordering {
  asked: Asked;
  estimateOf: Plan['estimateOf'];
  sources: RouteSources;
  draw: CanaryDraw | undefined;
}

/** Who of them may be asked at all; undefined where there are no canaries among them. */
const drawCanaries = (targets: readonly Target[], asked: Asked, sources: RouteSources): CanaryDraw | undefined =>
  targets.some(({ canaryOf }) => canaryOf !== undefined)
    ? canariesOf(sources).draw(targets, asked, sources)
    : undefined;

/** The targets that can serve the request as the route's policy has them, and what is to be kept of why. */
const inOrder = (
  { policy, rule }: Route,
  able: readonly Target[],
  { asked, estimateOf, sources, draw }: Ordering,
): { targets: Target[] } & Pick<Plan, 'route' | 'conversation' | 'canaries' | 'confirmCanary' | 'isHeldBack'> => {
  // A canary has no place of its own: what is put in order are places, and then it is seen who takes each.
  const places = draw === undefined ? able : draw.placesOf(able);
  const from = draw === undefined ? sources : draw.withHomes(sources);
  const { facts, conversation, isHeldBack } = gatherFacts(policy, places, asked, estimateOf, from);
  const ids = places.map((target) => draw?.placeOf(target) ?? target.id);
  const order =
    facts.policy === 'ordered' ? holdBack([...ids.keys()], facts.slowStart) : policiesOf(sources).order(ids, facts);
  const hasFacts = facts.policy !== 'ordered' || facts.slowStart !== undefined;
  return {
    targets:
      draw === undefined
        ? order.flatMap((i) => places[i] ?? [])
        : draw.arrange(
            order.flatMap((i) => ids[i] ?? []),
            able,
          ),
    ...((hasFacts || rule !== undefined) && {
      route: { ...present('rule', rule), ...(hasFacts && { from: order, facts }) },
    }),
    ...(draw !== undefined && { canaries: draw.notes, confirmCanary: draw.confirm }),
    ...present('conversation', conversation),
    ...present('isHeldBack', isHeldBack),
  };
};

/** The first alias down the chain that can serve the request. The configuration has no circles (check-downgrades.ts). */
const planStandIn = (
  asked: Asked,
  dialects: Dialects,
  aliases: ReadonlyMap<string, Alias>,
  sources: RouteSources,
  within: readonly (readonly string[])[],
): StandIn | undefined => {
  for (let name = asked.alias.downgradeTo; name !== undefined; ) {
    const alias = aliases.get(name);
    if (alias === undefined) return undefined;
    const instead = { ...asked, alias };
    const planned = planRoute(instead, dialects, aliases, sources, within);
    if (planned.ok) return { asked: instead, plan: planned.plan };
    name = alias.downgradeTo;
  }
  return undefined;
};

const once = <T>(make: () => T): (() => T) => {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};

/** One estimate a target and request, however often it is asked for. */
const rememberEstimates = (conversation: Conversation): Plan['estimateOf'] => {
  const known = new Map<string, TokenEstimate>();
  return (target) => {
    const estimate = known.get(target.id) ?? estimateConversation(conversation, target);
    known.set(target.id, estimate);
    return estimate;
  };
};

const refuseAll = (conversation: Conversation, alias: string, passedOver: Plan['passedOver']): Planned => {
  const list = passedOver.map(({ target, reason }) => `${target}: ${reason}`).join('; ');
  const code =
    passedOver.length > 0 && passedOver.every(({ reason }) => reason.startsWith('context:'))
      ? 'context_length_exceeded'
      : 'unsupported_feature';
  return cannot(code, `No target of "${alias}" can serve this request (${conversation.turns.length} turns). ${list}.`);
};

const cannot = (code: 'unsupported_feature' | 'context_length_exceeded', message: string): Planned => ({
  ok: false,
  refusal: refuse(code, message, { shouldRetry: false }),
});
