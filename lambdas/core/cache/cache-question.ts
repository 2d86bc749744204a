import { canonicalText } from '../audit/canonical-text.ts';
import type { Asked } from '../decode/decode.ts';
import type { Plan } from '../route/plan.ts';
import type { Target } from '../target.ts';
import type { CacheParts } from './answer-cache.ts';
import type { Auditor } from './auditor.ts';
import type { Breaker } from './breaker.ts';
import type { CachePolicy, CacheUse, Eligibility, WhyNotCached } from './eligibility.ts';
import type { Flights } from './flights.ts';
import { exactKey, scopeKey, tenantOf } from './scope-key.ts';
import type { WrongHitBook } from './wrong-hit-book.ts';

/** What all consultations of a process share. */
export interface CacheDesk {
  parts: CacheParts;
  flights: Flights;
  breakers: { exact: Breaker; semantic: Breaker };
  /** Where there is a semantic cache. */
  wrongHits?: WrongHitBook;
  auditor?: Auditor;
  /** Work that may go on behind an answer. It must not reject. */
  behind(work: Promise<void>): void;
}

/** One request as the caches see it. */
export interface CacheQuestion {
  asked: Asked;
  plan: Plan;
  policy: CachePolicy;
  /** What the keys are of: the target that the plan has first. */
  target: Target;
  tenant: string;
  key: string;
  exact: Use;
  semantic: Use & { question: string; scope: string };
}

/** `may`: kept and, where it `reads`, looked for. */
interface Use {
  may: boolean;
  reads: boolean;
  why?: WhyNotCached;
}

export const questionOf = (
  asked: Asked,
  plan: Plan,
  policy: CachePolicy,
  { exact, semantic, question }: Eligibility,
  unheld: ReadonlyMap<string, string>,
  { parts }: CacheDesk,
): CacheQuestion => {
  const { caller, labels, alias, conversation } = asked;
  const [target] = plan.targets;
  const owner = { org: caller.org, team: caller.team, user: labels.user };
  // What was answered where it may not be any more is not given any more.
  const model = canonicalText([modelOf(target), alias.allowRegions?.toSorted()]);
  const scope = { owner, sharedBy: policy.sharedBy, alias: alias.name, model, unheld };
  const embedder = parts.semantic?.embedder.name;
  return {
    asked,
    plan,
    policy,
    target,
    tenant: tenantOf(owner, policy.sharedBy),
    key: exactKey(conversation, scope),
    exact: useOf(exact),
    semantic:
      embedder === undefined || question === undefined
        ? { ...useOf(semantic), may: false, reads: false, question: '', scope: '' }
        : { ...useOf(semantic), question, scope: scopeKey(conversation, scope, embedder) },
  };
};

/**
 * Whose answers are of one kind: every region serves the same model, but a deployment that is given another one, or a
 * provider that is pointed at another server, serves another.
 */
export const modelOf = ({ provider, model, serves, region = '' }: Target): string => {
  const baseUrl = region === '' ? provider.baseUrl : provider.baseUrl.replaceAll(region, '{region}');
  return canonicalText([provider.name, provider.kind, baseUrl, provider.apiVersion, model, serves]);
};

const useOf = (use: CacheUse): Use =>
  use.may ? { may: true, reads: use.reads } : { may: false, reads: false, why: use.why };
