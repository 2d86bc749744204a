import type { Admission } from '../admit/admission.ts';
import type { CallRequest, LateResult, StreamEnd } from '../call/call.ts';
import { LONGEST_SILENCE_MS } from '../call/call-policy.ts';
import { waitAtMost } from '../call/with-patience.ts';
import { collectAnswer } from '../collect-answer.ts';
import type { Answer, Conversation, StreamEvent } from '../conversation.ts';
import type { Ports } from '../ports.ts';
import type { CacheReceipt, Outcome } from '../receipt.ts';
import { attemptCost } from '../settle/attempt-cost.ts';
import type { Target } from '../target.ts';
import { type Consultation, notCached } from './answer-cache.ts';
import type { CacheDesk, CacheQuestion } from './cache-question.ts';
import { embeddingCeiling, embeddingCost } from './embedding-cost.ts';
import { type Hit, makeFinder } from './find-answer.ts';
import { type Flight, follow, type OwnFlight } from './flights.ts';
import { judgeForSharing, keepCached } from './keep-answer.ts';
import { replay } from './replay.ts';

/** Until a call is so old, those who ask the same as a stream wait for its end; after that they ask for themselves. */
const STREAM_WAITS_MS = 10_000;

/** How long an answer's end waits until it is kept. */
const KEEP_MS = 250;

/** One request's way through the caches: a kept answer, or a call whose answer is kept. */
export const openConsultation = (question: CacheQuestion, desk: CacheDesk, ports: Ports): Consultation => {
  const { exact, semantic, tenant, key, asked } = question;
  const isOnly = asked.labels.cache === 'only';
  const note: CacheReceipt = { result: 'miss' };
  const finder = makeFinder(question, desk, note, ports);
  /** Where a vector is paid for, by its price. */
  const price = semantic.may ? desk.parts.semantic?.embedder.target : undefined;
  const ceiling = price === undefined ? 0n : embeddingCeiling(semantic.question, price);
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
    own: OwnFlight | undefined,
  ): Promise<LateResult> => {
    const arrivedAt = admission.arrivedAt ?? ports.clock.now();
    const end = async (answer: Answer | undefined, by: { by: Target; dropped: string[] }): Promise<void> => {
      const shared = judgeForSharing(answer, by, question, admission, arrivedAt, note);
      own?.land(shared === undefined ? {} : { hit: { found: shared.entry, result: 'hit-exact' } });
      if (shared?.isKept === true) {
        const keeping = keepCached(shared.entry, question, finder.embedded(), desk, ports);
        desk.behind(keeping);
        kept = waitAtMost(keeping, KEEP_MS, ports.clock);
      }
      await billEmbedding();
    };
    const endWithout = async (outcome: Outcome): Promise<void> => {
      own?.land(outcome === 'client-gone' || outcome === 'cancelled' ? { wasLeft: true } : {});
      await billEmbedding();
    };
    const streamed = gatherAnswers(own);
    const watch = async (result: LateResult): Promise<LateResult> => {
      if (result.kind === 'failed') await endWithout(result.outcome);
      else if (result.kind === 'answered') await end(result.answer, { by: result.target, dropped: result.dropped });
      if (result.kind !== 'streaming') return result;
      const { target: by, dropped } = result;
      const watchEnd = async (): Promise<StreamEnd> => {
        try {
          const stream = await result.ended;
          if (stream.outcome !== 'answered') await endWithout(stream.outcome);
          else await end(streamed.last(), { by, dropped: [...dropped, ...(stream.unsaid ?? [])] });
          return stream;
        } finally {
          // Whatever broke, nobody waits for it.
          own?.land({});
        }
      };
      return { ...result, ended: watchEnd() };
    };
    try {
      return await watch(await call({ ...request, gather: streamed.gather }));
    } catch (error) {
      own?.land({});
      throw error;
    }
  };

  /** Of several who ask the same at one moment, one calls; the others are given what it comes to, if that is theirs too. */
  const flyTogether = async (request: CallRequest, admission: Admission): Promise<{ hit?: Hit; own?: OwnFlight }> => {
    if (isOnly || !(exact.reads || semantic.reads)) return {};
    for (;;) {
      // Between the look and the beginning nobody else has a turn.
      const flight = desk.flights.under(tenant, key);
      if (flight === undefined) return { own: desk.flights.begin(tenant, key) };
      const mostMs = patienceOf(flight, request, admission, ports.clock.now());
      const landing = await follow(flight, { signal: request.signal, mostMs, clock: ports.clock });
      if (landing?.hit !== undefined) return { hit: landing.hit };
      if (landing?.wasLeft !== true || request.signal.aborted) return {};
    }
  };

  const answerIt = (hit: Hit | undefined, request: CallRequest, admission: Admission): LateResult | undefined => {
    // Not before it is known: who is kept company is told by a header what has been decided so far.
    admission.receipt.cache = note;
    return hit && unlessItBreaks(() => give(hit, question, request, admission, note), hit, note, ports);
  };

  return {
    ceiling,
    start: finder.start,
    async answerOr(request, admission, call) {
      if (exact.may && semantic.why !== undefined && semantic.why !== 'not-configured')
        note.whyNotSemantic = semantic.why;
      let hit = await finder.findSame();
      let own: OwnFlight | undefined;
      const beganAt = ports.clock.now();
      if (hit === undefined) ({ hit, own } = await flyTogether(request, admission));
      const waitedMs = ports.clock.now() - beganAt;
      // What is not held is not bought.
      const mayEmbed = ceiling === 0n || (admission.asked.besides ?? 0n) >= ceiling;
      if (mayEmbed) hit ??= await finder.findAlike();
      else if (hit === undefined) note.whyNotSemantic = 'no-room';
      const given = answerIt(hit, request, admission);
      if (hit !== undefined && given !== undefined) {
        own?.land({ hit });
        await billEmbedding();
        const { found, score } = hit;
        if (score !== undefined)
          desk.auditor?.consider({ admission, kept: found.answer, target: found.target, score }, ports);
        return given;
      }
      if (!isOnly) return callAndKeep(laterBy(waitedMs, request, admission), admission, call, own);
      await billEmbedding();
      const refusal = notCached(`There is no kept answer to this request of "${asked.alias.name}"`);
      return { kind: 'failed', refusal, outcome: 'not-cached', attempts: [] };
    },
    kept: () => kept,
  };
};

/**
 * How long another's call is waited for. A stream is asked for to see its beginning; who wants the whole waits as long as a
 * call may take, if a whole one still fits in after it, else half that long.
 */
const patienceOf = (flight: Flight, { deadlineAt, conversation }: CallRequest, admission: Admission, now: number) => {
  if (conversation.stream) return flight.beganAt + STREAM_WAITS_MS - now;
  const ownMs = deadlineAt - now;
  return Math.min(ownMs, Math.max(ownMs / 2, latestEnd(conversation, admission) - now - ownMs));
};

/** What was waited for another's call is not taken from the own one, as far as that may be. */
const laterBy = (waitedMs: number, request: CallRequest, admission: Admission): CallRequest => {
  const { deadlineAt, conversation } = request;
  const latest = latestEnd(conversation, admission);
  return { ...request, deadlineAt: Math.max(deadlineAt, Math.min(deadlineAt + waitedMs, latest)) };
};

/** The front door lets a plain answer be silent for so long, and an agent's run ends when it ends. */
const latestEnd = ({ stream }: Conversation, { runEndsAt, arrivedAt }: Admission): number =>
  Math.min(
    stream || arrivedAt === undefined ? Number.POSITIVE_INFINITY : arrivedAt + LONGEST_SILENCE_MS,
    runEndsAt ?? Number.POSITIVE_INFINITY,
  );

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
const gatherAnswers = (own: OwnFlight | undefined) => {
  let last: () => Answer | undefined = () => undefined;
  return {
    gather(): (event: StreamEvent) => void {
      const collector = collectAnswer();
      let length = 0;
      last = () => (length <= MOST_GATHERED ? collector.answer : undefined);
      return (event) => {
        own?.heard();
        length += lengthOf(event);
        if (length <= MOST_GATHERED) collector.see(event);
        // Nobody will be given it, however it ends.
        else own?.land({});
      };
    },
    last: (): Answer | undefined => last(),
  };
};

/** Characters that an event adds to what is remembered, about. */
const lengthOf = (event: StreamEvent): number => {
  switch (event.type) {
    case 'text-delta':
    case 'refusal-delta':
    case 'reasoning-delta':
      return event.text.length;
    case 'tool-call-delta':
      return event.arguments.length;
    case 'redacted-reasoning':
      return event.data.length;
    case 'signature':
      return event.signature.length;
    // Each token with the likeliest ones beside it is many times what it says.
    case 'logprobs':
      return JSON.stringify(event.tokens).length;
    case 'citation':
      return JSON.stringify(event.citation).length;
    default:
      return 0;
  }
};
