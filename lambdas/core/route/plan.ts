import { estimateConversation, type TokenEstimate } from '../admit/estimate.ts';
import { type Dialects, dialectOf } from '../codecs.ts';
import type { Conversation } from '../conversation.ts';
import type { Asked } from '../decode/decode.ts';
import { type Refusal, refuse } from '../failures.ts';
import type { Alias, Target } from '../target.ts';
import { whyNot } from './requirements.ts';

/** Which targets may serve the request, in order, and why the others may not. */
export interface Plan {
  targets: [Target, ...Target[]];
  passedOver: { target: string; reason: string }[];
  /** Input tokens as this target counts them: the low estimate decides what fits, the high one what is held. */
  estimateOf(target: Target): TokenEstimate;
  /** The cheaper model that answers once a budget is in downgrade; absent where the alias names none. Planned when first asked for. */
  standIn?(): StandIn | undefined;
}

/** Another alias in the place of the one asked for: `asked.conversation.model` still names that one. */
export interface StandIn {
  asked: Asked;
  plan: Plan;
}

export type Planned = { ok: true; plan: Plan } | { ok: false; refusal: Refusal };

/**
 * Pure: the same request and configuration give the same plan. Circuits are asked later, at each attempt.
 *
 * @param aliases where stand-ins are found
 */
export const planRoute = (
  asked: Asked,
  dialects: Dialects,
  aliases: ReadonlyMap<string, Alias> = new Map(),
): Planned => {
  const { conversation, alias } = asked;
  const targets: Target[] = [];
  const passedOver: Plan['passedOver'] = [];
  const estimateOf = rememberEstimates(conversation);
  for (const target of alias.targets) {
    const reason = whyNot(target, dialectOf(target, dialects), conversation, estimateOf(target).inputTokensLow);
    if (reason === undefined) targets.push(target);
    else passedOver.push({ target: target.id, reason });
  }
  const [first, ...rest] = targets;
  if (first === undefined) return refuseAll(conversation, alias.name, passedOver);
  const standIn = alias.downgradeTo === undefined ? {} : { standIn: once(() => planStandIn(asked, dialects, aliases)) };
  return { ok: true, plan: { targets: [first, ...rest], passedOver, estimateOf, ...standIn } };
};

/** The first alias down the chain that can serve the request. The configuration has no circles (check-downgrades.ts). */
const planStandIn = (asked: Asked, dialects: Dialects, aliases: ReadonlyMap<string, Alias>): StandIn | undefined => {
  for (let name = asked.alias.downgradeTo; name !== undefined; ) {
    const alias = aliases.get(name);
    if (alias === undefined) return undefined;
    const instead = { ...asked, alias };
    const planned = planRoute(instead, dialects, aliases);
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
  const code = passedOver.every(({ reason }) => reason.startsWith('context:'))
    ? 'context_length_exceeded'
    : 'unsupported_feature';
  return cannot(code, `No target of "${alias}" can serve this request (${conversation.turns.length} turns). ${list}.`);
};

const cannot = (code: 'unsupported_feature' | 'context_length_exceeded', message: string): Planned => ({
  ok: false,
  refusal: refuse(code, message, { shouldRetry: false }),
});
