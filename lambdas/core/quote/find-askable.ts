import type { Admission } from '../admit/admission.ts';
import { longestWait } from '../admit/limit-waits.ts';
import { fullQuota, quotaTake } from '../admit/target-quota.ts';
import { whyNot } from '../call/call-targets.ts';
import type { Shut } from '../call/final-refusal.ts';
import type { Ports } from '../ports.ts';
import type { Plan } from '../route/plan.ts';
import type { Target } from '../target.ts';
import type { Standing } from './judge-request.ts';

/** Whom the call of an admitted request would ask now. */
export interface Askable {
  /** In that order; empty where nobody can be asked. */
  targets: Target[];
  /** They would be kept out too, if there were others. */
  isLastResort: boolean;
  passedOver: Plan['passedOver'];
  /** What keeps out those that can't be asked. */
  shut: Shut[];
}

interface ShutTarget {
  target: Target;
  why: string;
  shut: Extract<Shut, { kind: 'wait' }>;
}

/**
 * Passes over what the call would pass over: targets whose circuit keeps calls out, as far as this process knows, or whose own
 * quota had no room when it was read. Where nobody is left, those follow that the alias may fall back on (their quotas were not
 * read), then what is passed over only for others' sake, then the least bad of those with an open circuit.
 */
export const findAskable = (
  admission: Admission,
  standing: Standing,
  nowMs: number,
  { circuitBoard }: Pick<Ports, 'circuitBoard'>,
): Askable => {
  const { targets, fallbacks } = admission.plan;
  const keptOf = (some: readonly Target[]): ShutTarget[] =>
    some.flatMap((target) => whyKept(target, admission, standing, nowMs, { circuitBoard }) ?? []);
  const without = (some: readonly Target[], kept: readonly ShutTarget[]): Target[] =>
    some.filter((target) => kept.every((one) => one.target !== target));

  const kept = keptOf(targets);
  let free = without(targets, kept);
  if (free.length === 0 && fallbacks !== undefined) {
    const known = new Set(targets.map(({ id }) => id));
    const more = fallbacks('any')
      .flatMap((fallback) => fallback.targets)
      .filter(({ id }) => !known.has(id));
    const moreKept = keptOf(more);
    free = without(more, moreKept);
    kept.push(...moreKept);
  }
  const isLastResort = free.length === 0;
  const asked = isLastResort ? lastResort(kept, { circuitBoard }) : free;
  const others = kept.filter(({ target }) => !asked.includes(target));
  return {
    targets: asked,
    isLastResort,
    passedOver: others.map(({ target, why }) => ({ target: target.id, reason: why })),
    shut: others.map(({ shut }) => shut),
  };
};

const whyKept = (
  target: Target,
  admission: Admission,
  { limits }: Standing,
  nowMs: number,
  { circuitBoard }: Pick<Ports, 'circuitBoard'>,
): ShutTarget | undefined => {
  const take = quotaTake(target, admission);
  const wait = take && longestWait([take], limits, ({ tokens }) => tokens);
  if (wait !== undefined) {
    const { until, why } = fullQuota(target, wait, nowMs);
    return { target, why, shut: { kind: 'wait', until, because: 'quota', target: target.id } };
  }
  const entry = circuitBoard.peek(target.id);
  return entry.kind === 'wait' ? { target, why: whyNot(entry), shut: entry } : undefined;
};

const lastResort = (kept: readonly ShutTarget[], { circuitBoard }: Pick<Ports, 'circuitBoard'>): Target[] => {
  const untold = kept.filter(({ shut }) => shut.because !== 'quota' && shut.isUntold);
  if (untold.length > 0) return untold.map(({ target }) => target);
  const open = kept.filter(({ shut }) => shut.because === 'circuit').map(({ target }) => target);
  const id = circuitBoard.leastBad(open.map((target) => target.id));
  return open.filter((target) => target.id === id);
};
