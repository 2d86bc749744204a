import { createHash } from 'node:crypto';
import type { Admission, Admitted } from '../admit/admission.ts';
import { admit } from '../admit/admit.ts';
import { randomText } from '../authenticate/api-key.ts';
import type { JsonValue } from '../conversation.ts';
import type { Asked } from '../decode/decode.ts';
import { type Refusal, refuse } from '../failures.ts';
import type { Ports } from '../ports.ts';
import type { Plan } from '../route/plan.ts';
import type { AnswerClaim, ClaimOutcome, KeptAnswer } from './answer-store.ts';

/** Admitted, refused, or answered before: then nothing was held and nothing is called. */
export type AdmittedOnce = Admitted | { ok: false; replay: KeptAnswer };

type AdmitOncePorts = Parameters<typeof admit>[2] & Pick<Ports, 'answers'>;

/** How long a duplicate waits for the answer under way, and how often it looks. */
const PATIENCE_MS = 5_000;
const LOOK_EVERY_MS = 500;
/** A claim outlives its call by this much, for settling and keeping. One whose process died is free again afterwards. */
const LEASE_RESERVE_MS = 30_000;
/** What a duplicate is told to wait at most, and at least, when waiting here did not help. */
const RETRY_AFTER_MS = 5_000;
const LEAST_RETRY_AFTER_MS = 1_000;

/**
 * `admit`, and beside its first trip the claim of the request's idempotency key: a duplicate of what was answered gets that
 * answer, a duplicate of what is under way waits a little, and neither is admitted.
 *
 * @throws {StoreUnavailable}, also where only the claim got no answer: without it there could be two bills
 */
export const admitOnce = async (
  asked: Asked,
  plan: Plan,
  ports: AdmitOncePorts,
  onHeld?: () => void,
): Promise<AdmittedOnce> => {
  if (asked.idempotencyKey === undefined) return admit(asked, plan, ports, { onHeld });
  const claim = draftClaim(asked, asked.idempotencyKey, ports);
  const claiming = ports.answers.claim(claim, ports.clock.now());
  const mayGo = claiming.then(
    ({ kind }) => kind === 'claimed',
    () => false,
  );
  const [admitted, claimed] = await Promise.allSettled([admit(asked, plan, ports, { mayGo, onHeld }), claiming]);
  if (claimed.status === 'rejected') throw claimed.reason;
  if (claimed.value.kind === 'claimed') {
    if (admitted.status === 'rejected') {
      await releaseClaim(claim, ports);
      throw admitted.reason;
    }
    return underClaim(admitted.value, claim, ports);
  }
  const outcome = await outwait(claim, claimed.value, ports);
  if (outcome.kind === 'claimed') {
    // Whoever had it gave it up without an answer.
    try {
      return await underClaim(await admit(asked, plan, ports, { onHeld }), claim, ports);
    } catch (error) {
      await releaseClaim(claim, ports);
      throw error;
    }
  }
  if (outcome.kind === 'answered') return { ok: false, replay: outcome.answer };
  return { ok: false, refusal: refusalOf(outcome, ports.clock.now()) };
};

const underClaim = async (admitted: Admitted, claim: AnswerClaim, ports: AdmitOncePorts): Promise<Admitted> => {
  if (!admitted.ok) {
    await releaseClaim(claim, ports);
    return admitted;
  }
  const admission: Admission = { ...admitted.admission, claim };
  return { ok: true, admission };
};

/** Looks again while the answer is under way. */
const outwait = async (
  claim: AnswerClaim,
  first: ClaimOutcome,
  { answers, clock }: AdmitOncePorts,
): Promise<ClaimOutcome> => {
  let outcome = first;
  for (let waitedMs = 0; outcome.kind === 'in-progress' && waitedMs < PATIENCE_MS; waitedMs += LOOK_EVERY_MS) {
    await clock.sleep(LOOK_EVERY_MS);
    outcome = await answers.claim({ ...claim, leaseUntil: claim.leaseUntil + waitedMs + LOOK_EVERY_MS }, clock.now());
  }
  return outcome;
};

/** Frees the key for the next try: nothing whole came of this one. Where that fails, the lease runs out. */
export const releaseClaim = async (
  claim: AnswerClaim,
  { answers, log }: Pick<Ports, 'answers' | 'log'>,
): Promise<void> => {
  try {
    await answers.release(claim);
  } catch (error) {
    log.warn('idempotency key not released: it is free again when its lease runs out', { error });
  }
};

const draftClaim = (asked: Asked, idempotencyKey: string, { clock, random }: AdmitOncePorts): AnswerClaim => ({
  key: `${asked.caller.keyId}#${sha256(idempotencyKey)}`,
  fingerprint: fingerprintOf(asked),
  owner: randomText(random, 20),
  leaseUntil: clock.now() + asked.alias.timeouts.totalMs + LEASE_RESERVE_MS,
});

/** The same request, however its JSON was laid out: surface, body, for whom it is, and what it asks for by header. */
const fingerprintOf = ({ surface, body, labels, conversation: { betas = [] } }: Asked): string =>
  sha256(canonical([surface.name, body, labels.user, labels.tags, ...betas]));

/** JSON with the members of objects in one order. */
const canonical = (value: JsonValue): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter((member): member is [string, JsonValue] => member[1] !== undefined);
  return `{${members
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`)
    .join(',')}}`;
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const refusalOf = (
  outcome: Extract<ClaimOutcome, { kind: 'in-progress' | 'mismatch' | 'too-large' }>,
  nowMs: number,
): Refusal => {
  switch (outcome.kind) {
    case 'in-progress':
      // Nobody can tell from here whether it lives. Either way the key is somebody's again by the lease's end.
      return refuse(
        'idempotency_in_progress',
        `A request with this idempotency-key is under way, or its process died; the key is free at the latest at ${new Date(Math.max(outcome.leaseUntil, nowMs)).toISOString()}. Ask again in a few seconds: an answer that has come by then is given once more, and not billed again.`,
        {
          param: 'idempotency-key',
          retryAfterMs: Math.max(LEAST_RETRY_AFTER_MS, Math.min(RETRY_AFTER_MS, outcome.leaseUntil - nowMs)),
        },
      );
    case 'mismatch':
      return refuse(
        'idempotency_mismatch',
        'This idempotency-key came with another request before. Send the same request under it (route, body, x-tollgate-user and x-tollgate-tags alike), or use a new key for a new request.',
        { param: 'idempotency-key', shouldRetry: false },
      );
    case 'too-large':
      return refuse(
        'idempotency_too_large',
        `The request with this idempotency-key was answered as ${outcome.requestId}, with more than is kept for a second time. Its receipt says what it cost; use a new key to ask again.`,
        { param: 'idempotency-key', shouldRetry: false },
      );
    default:
      return outcome satisfies never;
  }
};
