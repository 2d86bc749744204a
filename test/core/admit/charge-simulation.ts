import { type Bucket, chargeUnits, returnUnits, takeUnits } from '../../../lambdas/core/admit/gcra.ts';
import { chargedTokens, tokenCharge } from '../../../lambdas/core/admit/limit-takes.ts';

/**
 * Clients that share one tokens-per-minute limit for ten minutes, to weigh what a request may be charged at the door against
 * what it really uses (docs/decisions/003). Each asks, waits for its answer, thinks, and asks again; refused, it comes back
 * when it was told to.
 */
export interface Workload {
  clients: number;
  /** Between an answer and the next request, milliseconds on average. */
  thinkMs: number;
  input: () => number;
  output: () => number;
  /** The output limit that the requests name. */
  named?: number;
  tokensPerMinute: number;
}

/** How much is charged before anybody has counted. */
export type ChargeRule = (request: {
  inputHigh: number;
  limit: number;
  tokensPerMinute: number;
  real: number;
}) => number;

export const USUAL_TOKENS = 4_096;

export const RULES = {
  /** What only a clairvoyant could charge. */
  truth: ({ real }) => real,
  inputOnly: ({ inputHigh }) => inputHigh,
  wholeLimit: ({ inputHigh, limit }) => inputHigh + limit,
  chosen: ({ inputHigh, limit, tokensPerMinute }) =>
    chargedTokens({ tokensPerMinute }, tokenCharge(inputHigh, limit, { usualTokens: USUAL_TOKENS, choices: 1 })),
} satisfies Record<string, ChargeRule>;

export interface Simulated {
  /** Tokens really used in the worst minute, as a multiple of the limit. GCRA by itself allows 2. */
  worstMinute: number;
  /** Tokens really used, as a part of what the limit allows in all. */
  throughput: number;
  refusals: number;
}

const MINUTES = 10;
const END_MS = MINUTES * 60_000;
const FIRST_TOKEN_MS = 400;
const TOKENS_PER_SECOND = 70;
/** The high estimate of the input against its true count. */
const OVERESTIMATE = 1.4;

interface Step {
  at: number;
  input: number;
  output: number;
  /** What was charged; absent = it asks. */
  units?: number;
}

/** @param random in [0, 1) */
export const simulate = (workload: Workload, rule: ChargeRule, random: () => number): Simulated => {
  const { clients, thinkMs, tokensPerMinute: limit } = workload;
  const asks = (at: number): Step => ({
    at,
    input: Math.round(workload.input()),
    output: Math.round(workload.output()),
  });
  const think = () => 1 + Math.floor(-Math.log(1 - random()) * thinkMs);
  const steps: Step[] = Array.from({ length: clients }, () => asks(0));
  const used: { at: number; tokens: number }[] = [];
  let bucket: Bucket | undefined;
  let refusals = 0;

  for (let step = takeEarliest(steps); step !== undefined && step.at <= END_MS; step = takeEarliest(steps)) {
    const { at, input, output, units } = step;
    const real = input + output;
    if (units !== undefined) {
      const by = { limit, units: Math.abs(real - units), nowMs: at };
      bucket = real < units ? returnUnits(bucket, by) : chargeUnits(bucket, by);
      steps.push(asks(at + think()));
      continue;
    }
    const inputHigh = Math.round(input * OVERESTIMATE);
    const asked = rule({ inputHigh, limit: workload.named ?? USUAL_TOKENS, tokensPerMinute: limit, real });
    const outcome = takeUnits(bucket, { limit, units: asked, nowMs: at });
    if (outcome.kind === 'refused') {
      refusals += 1;
      if (outcome.never) steps.push(asks(at + think()));
      else steps.push({ ...step, at: at + outcome.retryAfterMs + Math.floor(random() * 50) });
      continue;
    }
    bucket = outcome.bucket;
    const ms = FIRST_TOKEN_MS + Math.round((output * 1_000) / TOKENS_PER_SECOND);
    used.push({ at, tokens: input });
    for (let tenth = 1; tenth <= 10; tenth++) used.push({ at: at + (ms * tenth) / 10, tokens: output / 10 });
    steps.push({ ...step, at: at + ms, units: asked });
  }
  const total = used.reduce((sum, { tokens }) => sum + tokens, 0);
  return { worstMinute: worstMinuteOf(used) / limit, throughput: total / (limit * MINUTES), refusals };
};

const takeEarliest = (steps: Step[]): Step | undefined => {
  let first = 0;
  for (let i = 1; i < steps.length; i++) if ((steps[i]?.at ?? 0) < (steps[first]?.at ?? 0)) first = i;
  return steps.splice(first, 1)[0];
};

const worstMinuteOf = (used: { at: number; tokens: number }[]): number => {
  const sorted = used.toSorted((a, b) => a.at - b.at);
  let worst = 0;
  let sum = 0;
  let from = 0;
  for (const { at, tokens } of sorted) {
    sum += tokens;
    for (let oldest = sorted[from]; oldest !== undefined && oldest.at <= at - 60_000; oldest = sorted[from]) {
      sum -= oldest.tokens;
      from += 1;
    }
    worst = Math.max(worst, sum);
  }
  return worst;
};
