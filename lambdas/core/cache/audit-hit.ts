import type { Admission } from '../admit/admission.ts';
import { admit } from '../admit/admit.ts';
import { outputLimitFor } from '../admit/output-limit.ts';
import type { CallResult } from '../call/call.ts';
import { callAdmitted } from '../call/call-admitted.ts';
import type { Asked } from '../decode/decode.ts';
import { refuse } from '../failures.ts';
import { modelOf } from '../observe/model-of.ts';
import type { Ports } from '../ports.ts';
import { present } from '../read-json.ts';
import type { Plan } from '../route/plan.ts';
import { settle } from '../settle/settle.ts';
import type { AuditableHit, AuditorParts } from './auditor.ts';
import { compareWithKept, comparisonCeiling, isComparable, noteVerdict } from './judge-audit.ts';

/**
 * Asks the model what a semantic hit was answered from the cache, and notes whether the two answers say the same. A request
 * of its own, by the same caller, under the same limits and budgets, with an entry and a receipt; but nobody's that is in
 * need: it stands back from everything that is short. Every way out settles what it has opened.
 *
 * @param signal cuts it short; its entry is settled all the same
 * @throws what broke, with nothing left behind but the open entry
 */
export const auditHit = async (
  hit: AuditableHit,
  parts: AuditorParts,
  ports: Ports,
  signal: AbortSignal,
): Promise<void> => {
  const { log } = ports;
  const of = hit.admission.requestId;
  const wish = wishOf(hit, parts);
  const why =
    whyNot(hit, wish, ports) ?? ((await isComparable(hit.kept, parts.embedder, ports)) ? undefined : 'unreadable');
  if (why !== undefined) {
    log.debug('an audit of the semantic cache was left out', { of, why });
    return;
  }
  const admitted = await admit(wish.asked, wish.plan, ports);
  if (!admitted.ok) {
    log.debug('an audit of the semantic cache was left out', { of, why: admitted.refusal.code });
    return;
  }
  const { admission } = admitted;
  const { receipt, requestId } = admission;
  const isShort = isInTheWay(admission) || admission.asked.besides !== wish.asked.besides;
  const result = isShort || signal.aborted ? STOOD_BACK : await callAdmitted(signal, admission, ports);
  const { verdict, embedding } = await compareWithKept(hit.kept, result, parts.embedder, ports);
  receipt.cacheAudit = { of, verdict };
  if (embedding !== undefined) receipt.cache = { result: 'off', embedding };
  try {
    Object.assign(receipt.cacheAudit, await noteVerdict(hit, verdict, parts, ports));
  } catch (error) {
    log.warn('an audit of the semantic cache may not be counted', { request_id: requestId, of, error });
  }
  await settle(result, admission, ports);
  log.info('audit of the semantic cache', {
    request_id: requestId,
    alias: wish.asked.conversation.model,
    ...receipt.cacheAudit,
  });
};

const STOOD_BACK: CallResult = {
  kind: 'failed',
  outcome: 'failed',
  refusal: refuse('cancelled', 'The audit stood back.'),
  attempts: [],
};

/** The same question to the same model, whole, and nobody else in its place: another one's answer proves nothing. */
const wishOf = (hit: AuditableHit, { embedder }: AuditorParts): { asked: Asked; plan: Plan } => {
  const { admission, kept } = hit;
  const { idempotencyKey: _, ...asked } = admission.asked;
  // A run counts its calls, and may have ended: this is none of them.
  const { run: __, ...labels } = asked.labels;
  // Streams alone have options.
  const { stream: ___, stream_options: ____, ...body } = asked.body;
  const { targets, passedOver, estimateOf } = admission.plan;
  return {
    asked: {
      ...asked,
      labels,
      body,
      // It is nobody's loss if it comes to nothing.
      alias: { ...asked.alias, attempts: 1 },
      conversation: { ...asked.conversation, stream: false, ...present('maxOutputTokens', auditLimit(hit)) },
      besides: comparisonCeiling(kept, embedder),
      auditOf: admission.requestId,
    },
    plan: { targets: [targets[0]], passedOver, estimateOf },
  };
};

/** An answer to the same question is about as long: what is held for it, and what a call that is cut short is charged, need be no more. */
const MORE_THAN_KEPT = 2;
const MORE_TOKENS = 256;

/**
 * The output limit of an audit, tokens; undefined where it is the request's own. Thinking varies with nothing that was kept: its
 * budget stays on top. An answer that is longer all the same is cut, and shows nothing.
 */
const auditLimit = ({ admission, kept }: AuditableHit): number | undefined => {
  const { asked, plan, isBudgeted } = admission;
  const outputTokens = kept.usage?.outputTokens ?? 0;
  if (outputTokens === 0) return undefined;
  const own = outputLimitFor(asked.conversation, asked.alias, plan.targets[0], isBudgeted).tokens;
  const { budgetTokens = 0 } = asked.conversation.reasoning ?? {};
  const enough = MORE_THAN_KEPT * outputTokens + MORE_TOKENS + budgetTokens;
  return enough < own ? enough : undefined;
};

/** What is left of a budget, or of a rate limit, is for those who ask: an audit takes none of the last half. */
const isInTheWay = ({ receipt, limits, outputLimit }: Admission): boolean =>
  receipt.budget.state !== 'ok' ||
  outputLimit.setBy === 'clamp' ||
  limits.some(({ remaining, limit }) => remaining < limit / 2);

/** Why it would prove nothing, or be in somebody's way. */
const whyNot = (
  { admission, target }: AuditableHit,
  { plan }: { plan: Plan },
  { circuitBoard }: Ports,
): string | undefined => {
  const [first] = plan.targets;
  const [asked, answered] = [modelOf(first.id), modelOf(target)];
  if (asked.Provider !== answered.Provider || asked.Model !== answered.Model) return 'another-model';
  if (admission.asked.labels.cache === 'only') return 'client-says-only';
  if (isInTheWay(admission)) return 'scarce';
  const entry = circuitBoard.peek(first.id);
  return entry.kind === 'go' && entry.probe === undefined ? undefined : 'circuit';
};
