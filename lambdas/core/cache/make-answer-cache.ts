import type { LateResult } from '../call/call.ts';
import type { Asked } from '../decode/decode.ts';
import type { Clock, Log, Ports } from '../ports.ts';
import type { Plan } from '../route/plan.ts';
import { type AnswerCache, type CacheParts, type Consultation, type Consulted, notCached } from './answer-cache.ts';
import { makeAuditor } from './auditor.ts';
import { makeBreaker } from './breaker.ts';
import { type CacheDesk, questionOf } from './cache-question.ts';
import { type Eligibility, judgeRequest, type WhyNotCached } from './eligibility.ts';
import { makeFlights } from './flights.ts';
import { openConsultation } from './open-consultation.ts';
import { findUnheld } from './unheld.ts';
import { makeWrongHitBook } from './wrong-hit-book.ts';

/** The caches of one process. */
export const makeAnswerCache = (parts: CacheParts, { clock, log }: { clock: Clock; log: Log }): AnswerCache => {
  const wrongHits = parts.semantic && makeWrongHitBook(parts.semantic.wrongHits, clock, log);
  const background = new Set<Promise<void>>();
  const auditor =
    parts.semantic && wrongHits && makeAuditor({ embedder: parts.semantic.embedder, book: wrongHits }, { clock });
  void wrongHits?.refresh();
  const desk: CacheDesk = {
    parts,
    flights: makeFlights(clock),
    breakers: { exact: makeBreaker(clock), semantic: makeBreaker(clock) },
    ...(wrongHits && { wrongHits }),
    ...(auditor && { auditor }),
    behind(work) {
      background.add(work);
      void work.finally(() => background.delete(work));
    },
  };
  return {
    consult: (asked, plan, ports) => consult(asked, plan, desk, ports),
    async settled(signal) {
      await auditor?.settled(signal);
      await Promise.all(background);
      await wrongHits?.settled();
    },
  };
};

const consult = (asked: Asked, plan: Plan, desk: CacheDesk, ports: Ports): Consulted => {
  const { conversation, surface, body, alias, labels } = asked;
  const policy = alias.cache;
  if (policy === undefined) return { ok: true };
  const judged = judgeRequest(conversation, policy, labels.cache, plan.targets[0].dialect);
  const isOnly = labels.cache === 'only';
  if (!judged.exact.may && !judged.semantic.may) {
    const why = whyNeither(judged);
    return isOnly
      ? { ok: false, refusal: notCached(`This request is not answered from a cache (${why})`) }
      : { ok: true, consultation: withoutCache(why) };
  }
  const unheld = findUnheld(body, surface.name, conversation.sameDialectOnly);
  const question = questionOf(asked, plan, policy, judged, unheld, desk);
  return { ok: true, consultation: openConsultation(question, desk, ports) };
};

/** The exact cache's reason says more where both are configured: it is the stricter one's that is left out. */
const whyNeither = ({ exact, semantic }: Eligibility): WhyNotCached => {
  const reasons = [exact, semantic].flatMap((use) => (use.may ? [] : [use.why]));
  return reasons.find((why) => why !== 'not-configured') ?? 'not-configured';
};

/** A request that the caches have nothing to do with: its receipt says why. */
const withoutCache = (why: WhyNotCached): Consultation => ({
  ceiling: 0n,
  start: () => {},
  answerOr: (request, { receipt }, call): Promise<LateResult> => {
    receipt.cache = { result: 'off', why };
    return call(request);
  },
  kept: async () => {},
});
