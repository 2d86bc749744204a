import type { Admission } from '../admit/admission.ts';
import type { Answer } from '../conversation.ts';
import { type Ports, StoreUnavailable } from '../ports.ts';
import type { CacheReceipt } from '../receipt.ts';
import { withinDeadline } from '../store-deadline.ts';
import type { Target } from '../target.ts';
import { type CacheDesk, type CacheQuestion, modelOf } from './cache-question.ts';
import type { CachedAnswer } from './cache-stores.ts';
import { judgeAnswer } from './eligibility.ts';
import type { EmbeddedQuestion } from './look-up.ts';
import { entryId } from './scope-key.ts';

/** A whole answer as others may be given it. */
export interface Shareable {
  entry: CachedAnswer;
  /** Whether those may be given it who ask later. */
  isKept: boolean;
}

/** Not for those who ask later, but for those who ask at this very moment: their calls would come to the same. */
const SHARED: ReadonlySet<string> = new Set(['truncated', 'refusal', 'invalid-output', 'empty', 'another-model']);

/**
 * What others may be given of an answer.
 *
 * @param answer undefined where it was too long to be remembered
 * @returns undefined where nobody may be given it; why it is not kept, the receipt says
 */
export const judgeForSharing = (
  answer: Answer | undefined,
  { by, dropped }: { by: Target; dropped: string[] },
  { tenant, key, target, plan, policy, asked }: CacheQuestion,
  { requestId }: Admission,
  arrivedAt: number,
  note: CacheReceipt,
): Shareable | undefined => {
  const why =
    answer === undefined
      ? 'too-long'
      : modelOf(by) === modelOf(target)
        ? judgeAnswer(answer, 'exact', asked.conversation.format)
        : // Who asks next is meant to be answered by the first of its plan.
          'another-model';
  if (why !== undefined) note.notKept = why;
  if (answer === undefined || (why !== undefined && !SHARED.has(why))) return undefined;
  // What it would have cost is known of the plan's own targets.
  if (!plan.targets.some(({ id }) => id === by.id)) return undefined;
  const ttlMs = Math.max(policy.exact?.ttlMs ?? 0, policy.semantic?.ttlMs ?? 0);
  const entry: CachedAnswer = {
    tenant,
    key,
    answer,
    dropped,
    target: by.id,
    requestId,
    team: asked.caller.team,
    user: asked.labels.user,
    alias: asked.alias.name,
    createdAt: arrivedAt,
    expiresAt: arrivedAt + ttlMs,
  };
  return { entry, isKept: why === undefined };
};

/** Keeps an answer, then the vector that leads to it. Best effort: never rejects. */
export const keepCached = async (
  entry: CachedAnswer,
  question: CacheQuestion,
  embedded: Promise<EmbeddedQuestion> | undefined,
  { parts }: CacheDesk,
  { clock, log }: Ports,
): Promise<void> => {
  try {
    const outcome = await withinDeadline('keep', () => parts.responses.keep(entry, clock.now()), clock);
    if (outcome !== 'kept') {
      log.debug('answer not kept', { request_id: entry.requestId, outcome });
      return;
    }
    const { vector } = (await embedded) ?? {};
    if (vector !== undefined)
      await withinDeadline('put', () => keepVector(entry, vector, question, { parts, clock }), clock);
  } catch (error) {
    const fields = { request_id: entry.requestId, error };
    if (error instanceof StoreUnavailable) log.warn('answer not kept', fields);
    else log.error('keeping an answer broke', fields);
  }
};

const keepVector = async (
  entry: CachedAnswer,
  vector: Float32Array,
  { semantic, policy, asked }: CacheQuestion,
  { parts, clock }: Pick<CacheDesk, 'parts'> & Pick<Ports, 'clock'>,
): Promise<void> => {
  if (parts.semantic === undefined || policy.semantic === undefined) return;
  if (judgeAnswer(entry.answer, 'semantic') !== undefined) return;
  const { tenant, team, user, alias, createdAt } = entry;
  const { scope, question } = semantic;
  await parts.semantic.index.put(
    {
      id: entryId(scope, { org: asked.caller.org, team, user }, question),
      tenant,
      scope,
      embedder: parts.semantic.embedder.name,
      vector,
      question,
      answerKey: entry.key,
      team,
      user,
      alias,
      createdAt,
      expiresAt: createdAt + policy.semantic.ttlMs,
    },
    clock.now(),
  );
};
