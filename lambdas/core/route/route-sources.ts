import type { TokenEstimate } from '../admit/estimate.ts';
import type { Asked } from '../decode/decode.ts';
import type { Ports } from '../ports.ts';
import { present } from '../read-json.ts';
import type { Target } from '../target.ts';
import type { Home } from './home-book.ts';
import type { OrderFacts, PolicyFacts, PolicyName } from './order-facts.ts';
import type { TargetStatistics } from './target-statistics.ts';

/** What a policy may look at. */
export interface Looks {
  asked: Asked;
  estimateOf(target: Target): TokenEstimate;
  sources: RouteSources;
  /** The conversation's. */
  name(): string;
  /** In [0, 1): one draw a plan. */
  draw(): number;
}

export interface PolicyLooks {
  facts: PolicyFacts;
  /** Whether the target that answers becomes the conversation's home. */
  hasHome: boolean;
}

/** The policies beyond `ordered` (policies.ts). */
export interface Policies {
  gather(policy: Exclude<PolicyName, 'ordered'>, targets: readonly Target[], looks: Looks): PolicyLooks;
  order(ids: readonly string[], facts: OrderFacts): number[];
}

/** Where a plan's facts come from. All of it is in memory: planning asks no store. */
export interface RouteSources {
  /** Milliseconds since 1970. */
  now: number;
  /** In [0, 1). Asked for only where chance decides. */
  draw(): number;
  statisticsOf(target: string): TargetStatistics | undefined;
  /** The share of conversations that a target gets whose circuit has closed of late; 1 elsewhere. It only grows. */
  shareOf(target: string): number;
  homeOf(conversation: string): Home | undefined;
  /** Absent where no alias has any policy but `ordered`. */
  policies?: Policies;
}

/** @throws {TypeError} where the wiring has left them out */
export const policiesOf = ({ policies }: RouteSources): Policies => {
  if (policies === undefined) throw new TypeError('policies were not loaded');
  return policies;
};

export const routeSources = ({
  clock,
  random,
  circuitBoard,
  statistics,
  homes,
  policies,
}: Pick<Ports, 'clock' | 'random' | 'circuitBoard' | 'statistics' | 'homes' | 'policies'>): RouteSources => {
  const now = clock.now();
  return {
    now,
    draw: () => random.fraction(),
    statisticsOf: (target) => statistics.of(target),
    shareOf: (target) => circuitBoard.shareOf(target),
    homeOf: (conversation) => homes.homeOf(conversation, now),
    ...present('policies', policies),
  };
};

/** Of somebody who knows nothing and leaves nothing to chance. */
export const NO_SOURCES: RouteSources = {
  now: 0,
  draw: () => 0.5,
  statisticsOf: () => undefined,
  shareOf: () => 1,
  homeOf: () => undefined,
};
