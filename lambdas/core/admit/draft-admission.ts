import { epochOf, LANES } from '../../contract/timing.ts';
import { randomText } from '../authenticate/api-key.ts';
import type { Downgrading } from '../budget/stand-in.ts';
import type { Ports } from '../ports.ts';
import { present } from '../read-json.ts';
import type { StandIn } from '../route/plan.ts';
import { accountsOf, scopesOf } from './accounts.ts';
import type { Admitted } from './admission.ts';
import { ceilingAt, chargeAt } from './at-target.ts';
import { isBounded, takesOf } from './limit-takes.ts';
import { type LoweredLimits, outputLimitOf } from './output-limit.ts';
import { reserveBeside } from './pass-over-canaries.ts';
import { makeRequestId } from './request-id.ts';
import { runEntryOf } from './run-book.ts';
import { badRun } from './run-refusals.ts';
import { firstToAsk } from './target-quota.ts';

/** What is asked of the scopes: at first what the client wants, then what they have left room for. */
export interface Wish extends StandIn {
  /** The budget for whose sake a stand-in is asked for. */
  by?: Downgrading;
  /** The output limit that back-pressure allows, where it does not allow all. */
  mostTokens?: number;
  /** Its canaries were left out, since there is no room for them. */
  isWithoutCanaries?: true;
  /** How often that has been lowered. */
  clamps: number;
}

type DraftPorts = Pick<Ports, 'random' | 'runs' | 'gateway' | 'circuitBoard'>;

/**
 * What the scopes are asked for at `nowMs`, the store's time. The run that the request names belongs to it, with all that has
 * started it, as far as this process knows; a refusal where there can be no such run.
 */
export const draftAdmission = (
  { asked, plan, mostTokens }: Wish,
  nowMs: number,
  { gateway, random, runs, circuitBoard }: DraftPorts,
): Admitted => {
  const { conversation, caller, labels, surface } = asked;
  const chain = labels.run === undefined ? { ok: true as const, ids: [] } : runs.chainOf(caller.team, labels.run);
  if (!chain.ok) return { ok: false, refusal: badRun('x-tollgate-parent-run', chain.problem) };

  const { user, tags } = labels;
  // The alias is the one that was asked for, also where a stand-in answers.
  const scopes = scopesOf(caller, { user, tags, aliases: [conversation.model], runs: chain.ids });
  const accounts = accountsOf(scopes, gateway.budgets, nowMs);
  const isBudgeted = isBounded(scopes, accounts, gateway.limits);
  const firstTarget = firstToAsk(plan, { circuitBoard });
  const lowered: LoweredLimits = { ...present('all', mostTokens), byTarget: new Map() };
  const sized = { asked, plan, isBudgeted, lowered };
  const outputLimit = outputLimitOf(sized, firstTarget);
  const epoch = epochOf(nowMs);
  return {
    ok: true,
    admission: {
      asked,
      plan,
      requestId: makeRequestId({ epoch, lane: Math.floor(random.fraction() * LANES), random: randomText(random, 16) }),
      nonce: randomText(random, 12),
      epoch,
      accounts,
      takes: takesOf(scopes, gateway.limits, chargeAt(firstTarget, { asked, plan }, outputLimit.tokens)),
      hold: ceilingAt(firstTarget, { asked, plan }, outputLimit.tokens) + reserveBeside(firstTarget, sized),
      capVersion: gateway.policyVersion,
      isBudgeted,
      firstTarget,
      outputLimit,
      lowered,
      quotas: [],
      quotaWrites: [],
      limits: [],
      ...(chain.ids.length > 0 && { run: runEntryOf(caller.team, chain.ids, gateway.budgets) }),
      runEndsAt: null,
      receipt: {
        surface: surface.name,
        stream: conversation.stream,
        plan: {
          targets: plan.targets.map(({ id }) => id),
          passedOver: [...plan.passedOver],
          ...present('route', plan.route),
          ...present('canaries', plan.canaries),
        },
        ...(plan.fellBack && { fallbacks: [plan.fellBack] }),
        // From its opening on: also one whose process dies says that it was nobody's request.
        ...(asked.auditOf !== undefined && { cacheAudit: { of: asked.auditOf, verdict: 'unknown' as const } }),
        estimate: { ...plan.estimateOf(firstTarget), outputTokens: outputLimit.tokens },
        attempts: [],
        dropped: [],
        budget: { state: 'ok', scope: null },
        outputLimit,
      },
    },
  };
};
