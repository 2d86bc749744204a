import type { Admission } from '../admit/admission.ts';
import type { CallRequest, LateResult, StreamEnd } from '../call/call.ts';
import { waitAtMost } from '../call/with-patience.ts';
import { collectAnswer } from '../collect-answer.ts';
import type { Answer, StreamEvent } from '../conversation.ts';
import type { Ports } from '../ports.ts';
import type { CacheReceipt } from '../receipt.ts';
import { attemptCost } from '../settle/attempt-cost.ts';
import type { Target } from '../target.ts';
import { type Consultation, notCached } from './answer-cache.ts';
import type { CacheDesk, CacheQuestion } from './cache-question.ts';
import { embeddingCeiling, embeddingCost } from './embedding-cost.ts';
import { type Hit, makeFinder } from './find-answer.ts';
import { judgeForKeeping, keepCached } from './keep-answer.ts';
import { replay } from './replay.ts';

/** How long an answer's end waits until it is kept. */
const KEEP_MS = 250;

/** One request's way through the caches: a kept answer, or a call whose answer is kept. */
export const openConsultation = (question: CacheQuestion, desk: CacheDesk, ports: Ports): Consultation => {
  const { exact, semantic, tenant, key, asked } = question;
  const note: CacheReceipt = { result: 'miss' };
  const finder = makeFinder(question, desk, note, ports);
  /** Where a vector is paid for, by its price. */
  const price = semantic.may ? desk.parts.semantic?.embedder.target : undefined;
  let kept: Promise<void> = Promise.resolve();

  /** What the question's vector has cost, once nothing else is waited for. */
  const billEmbedding = async (): Promise<void> => {
    const embedded = finder.embedded();
    if (embedded === undefined || price === undefined) return;
    // The client waits for nothing else any more.
    finder.giveUpEmbedding();
    const { inputTokens } = await embedded;
    if (inputTokens === 0) return;
    note.embedding = { target: price.id, inputTokens, cost: embeddingCost(price, inputTokens).toString() };
  };

  const callAndKeep = async (
    request: CallRequest,
    admission: Admission,
    call: (request: CallRequest) => Promise<LateResult>,
  ): Promise<LateResult> => {
    const arrivedAt = admission.arrivedAt ?? ports.clock.now();
    // Others of this process that ask the same wait for this one.
    const land = exact.may ? desk.flights.begin(tenant, key) : () => {};
    const end = async (answer: Answer | undefined, by: { by: Target; dropped: string[] }): Promise<void> => {
      const entry = judgeForKeeping(answer, by, question, admission, arrivedAt, note);
      land(entry);
      if (entry !== undefined) {
        const keeping = keepCached(entry, question, finder.embedded(), desk, ports);
        desk.behind(keeping);
        kept = waitAtMost(keeping, KEEP_MS, ports.clock);
      }
      await billEmbedding();
    };
    const endWithout = async (): Promise<void> => {
      land();
      await billEmbedding();
    };
    const streamed = gatherAnswers();
    const watch = async (result: LateResult): Promise<LateResult> => {
      if (result.kind === 'failed') await endWithout();
      else if (result.kind === 'answered') await end(result.answer, { by: result.target, dropped: result.dropped });
      if (result.kind !== 'streaming') return result;
      const { target: by, dropped } = result;
      const watchEnd = async (): Promise<StreamEnd> => {
        try {
          const stream = await result.ended;
          if (stream.outcome !== 'answered') await endWithout();
          else await end(streamed.last(), { by, dropped: [...dropped, ...(stream.unsaid ?? [])] });
          return stream;
        } finally {
          // Whatever broke, nobody waits for it.
          land();
        }
      };
      return { ...result, ended: watchEnd() };
    };
    try {
      return await watch(await call({ ...request, gather: streamed.gather }));
    } catch (error) {
      land();
      throw error;
    }
  };

  return {
    ceiling: price === undefined ? 0n : embeddingCeiling(semantic.question, price),
    start: finder.start,
    async answerOr(request, admission, call) {
      if (exact.may && semantic.why !== undefined && semantic.why !== 'not-configured')
        note.whyNotSemantic = semantic.why;
      let hit = await finder.find();
      const flight = hit === undefined ? finder.fly(request.signal) : undefined;
      if (flight !== undefined) hit = await flight;
      // Not before it is known: who is kept company is told by a header what has been decided so far.
      admission.receipt.cache = note;
      const given = hit && unlessItBreaks(() => give(hit, question, request, admission, note), hit, note, ports);
      // Who has left or was stopped is told so by the call.
      if (given === undefined && asked.labels.cache !== 'only') return callAndKeep(request, admission, call);
      await billEmbedding();
      if (hit !== undefined && given !== undefined) {
        const { found, score } = hit;
        if (score !== undefined)
          desk.auditor?.consider({ admission, kept: found.answer, target: found.target, score }, ports);
        return given;
      }
      const refusal = notCached(`There is no kept answer to this request of "${asked.alias.name}"`);
      return { kind: 'failed', refusal, outcome: 'not-cached', attempts: [] };
    },
    kept: () => kept,
  };
};

/** @returns undefined where it can't be said: an answer that other code has kept is no reason to fail */
const unlessItBreaks = (
  give: () => LateResult,
  { found }: Hit,
  note: CacheReceipt,
  { log }: Pick<Ports, 'log'>,
): LateResult | undefined => {
  try {
    return give();
  } catch (error) {
    log.error('cache broke', { what: 'answer', of: found.requestId, error });
    note.failures = [...(note.failures ?? []), 'answer'];
    return undefined;
  }
};

/** The kept answer once more, and in the receipt whose it was and what it saved. */
const give = (
  { found, result, score }: Hit,
  { plan, target }: CacheQuestion,
  request: CallRequest,
  admission: Admission,
  note: CacheReceipt,
): LateResult => {
  const by = plan.targets.find(({ id }) => id === found.target) ?? { ...target, id: found.target };
  const { usage } = found.answer;
  const call = { target: by, startedAt: 0, durationMs: 0, seenOutputTokens: 0, ...(usage && { usage }) };
  const given = replay(found, by, request);
  Object.assign(note, {
    result,
    requestId: found.requestId,
    saved: attemptCost(call, admission).cost.toString(),
    ...(score !== undefined && { score: Math.round(score * 10_000) / 10_000 }),
  } satisfies Partial<CacheReceipt>);
  return given;
};

/** Characters of an answer that is remembered while it passes: what is longer fits into no store. */
const MOST_GATHERED = 1_000_000;

/** Puts the answer of each attempt together as it passes; of several the last one is given. */
const gatherAnswers = () => {
  let last: () => Answer | undefined = () => undefined;
  return {
    gather(): (event: StreamEvent) => void {
      const collector = collectAnswer();
      let length = 0;
      last = () => (length <= MOST_GATHERED ? collector.answer : undefined);
      return (event) => {
        length += 'text' in event ? event.text.length : 'arguments' in event ? event.arguments.length : 0;
        if (length <= MOST_GATHERED) collector.see(event);
      };
    },
    last: (): Answer | undefined => last(),
  };
};
