import type { Admission } from '../admit/admission.ts';
import type { Answer } from '../conversation.ts';
import { type Clock, type Ports, StoreUnavailable } from '../ports.ts';
import type { Outcome } from '../receipt.ts';
import { auditHit } from './audit-hit.ts';
import type { Embedder } from './embedder.ts';
import type { WrongHitBook } from './wrong-hit-book.ts';

/** A semantic hit whose answer is on its way to its client. */
export interface AuditableHit {
  /** The hit's own. */
  admission: Admission;
  kept: Answer;
  /** The target that gave it. */
  target: string;
  /** Cosine of the two questions, not rounded. */
  score: number;
}

/** Asks some of the semantic hits upstream as well, beside the requests (docs/decisions/044). */
export interface Auditor {
  /** Draws by the alias's `auditShare`, where calls may begin that nobody waits for. Returns at once and never throws. */
  consider(hit: AuditableHit, ports: Ports): void;
  /** Resolves when no audit is under way. Where the signal aborts, it is cut short, and settled all the same. */
  settled(signal?: AbortSignal): Promise<void>;
}

export interface AuditorParts {
  embedder: Embedder;
  book: WrongHitBook;
}

/** A busy alias must not ask upstream nearly as often as if it had no cache: for a rate, a sample is enough. */
const MOST_AUDITS_A_MINUTE = 6;
const MINUTE_MS = 60_000;

/** At most one audit at a time and `MOST_AUDITS_A_MINUTE`, a process. */
export const makeAuditor = (parts: AuditorParts, { clock }: { clock: Pick<Clock, 'now'> }): Auditor => {
  let underWay: { done: Promise<void>; controller: AbortController } | undefined;
  /** When the audits of the last minute began. */
  let begun: number[] = [];

  const hasRoom = (): boolean => {
    const now = clock.now();
    begun = begun.filter((at) => at <= now && now - at < MINUTE_MS);
    return underWay === undefined && begun.length < MOST_AUDITS_A_MINUTE;
  };

  const run = async (hit: AuditableHit, ports: Ports, signal: AbortSignal): Promise<void> => {
    try {
      await auditHit(hit, parts, ports, signal);
    } catch (error) {
      const fields = { of: hit.admission.requestId, error };
      if (error instanceof StoreUnavailable) ports.log.warn('an audit of the semantic cache met no store', fields);
      else ports.log.error('an audit of the semantic cache broke', fields);
    } finally {
      underWay = undefined;
    }
  };

  return {
    consider(hit, ports) {
      const share = hit.admission.asked.alias.cache?.semantic?.auditShare ?? 0;
      if (ports.mayLinger?.() === false || ports.random.fraction() >= share) return;
      if (!hasRoom()) {
        ports.log.debug('an audit of the semantic cache was left out', { of: hit.admission.requestId, why: 'busy' });
        return;
      }
      begun.push(clock.now());
      const controller = new AbortController();
      underWay = { done: Promise.resolve(), controller };
      underWay.done = run(hit, ports, controller.signal);
    },

    async settled(signal) {
      const cut = (): void => underWay?.controller.abort('cancelled' satisfies Outcome);
      if (signal?.aborted === true) cut();
      signal?.addEventListener('abort', cut, { once: true });
      await underWay?.done;
      signal?.removeEventListener('abort', cut);
    },
  };
};
