import type { TokenEstimate } from '../admit/estimate.ts';
import type { Asked } from '../decode/decode.ts';
import type { Ports } from '../ports.ts';
import { present } from '../read-json.ts';
import type { CanaryNote } from '../receipt.ts';
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

/** What becomes of the canaries among a route's targets (draw-canaries.ts). */
export interface Canaries {
  draw(targets: readonly Target[], asked: Asked, sources: Pick<RouteSources, 'now' | 'shareOf'>): CanaryDraw;
}

/** What is known of a canary at the moment of its turn: it may be asked, it was taken back, or nobody could tell in time. */
export type CanaryWord = 'drawn' | 'back' | 'unknown';

/** One conversation's draw. A place is a target that is no canary, by its id: a canary stands in that of the same region. */
export interface CanaryDraw {
  notes: CanaryNote[];
  /** Those that may be asked: the targets, and the canaries that were drawn. */
  open: readonly Target[];
  /** Of each place who stands for it where the policy compares them: the target itself, else, where it can't serve the request, its canary. */
  placesOf(able: readonly Target[]): Target[];
  placeOf(target: Target): string;
  /** Where the conversation's home is a canary, it is that place. */
  withHomes(sources: RouteSources): RouteSources;
  /** Waits, a second at most, where what is known is too old to go by. */
  confirm(target: Target): Promise<CanaryWord>;
  /** Places in the policy's order → targets in the order in which they are asked. */
  arrange(places: readonly string[], able: readonly Target[]): Target[];
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
  /** Absent where no target has a canary. */
  canaries?: Canaries;
}

/** @throws {TypeError} where the wiring has left them out */
export const policiesOf = ({ policies }: RouteSources): Policies => {
  if (policies === undefined) throw new TypeError('policies were not loaded');
  return policies;
};

/** @throws {TypeError} where the wiring has left them out */
export const canariesOf = ({ canaries }: { canaries?: Canaries | undefined }): Canaries => {
  if (canaries === undefined) throw new TypeError('canaries were not loaded');
  return canaries;
};

export const routeSources = ({
  clock,
  random,
  circuitBoard,
  statistics,
  homes,
  policies,
  canaries,
}: Pick<
  Ports,
  'clock' | 'random' | 'circuitBoard' | 'statistics' | 'homes' | 'policies' | 'canaries'
>): RouteSources => {
  const now = clock.now();
  return {
    now,
    draw: () => random.fraction(),
    statisticsOf: (target) => statistics.of(target),
    shareOf: (target) => circuitBoard.shareOf(target),
    homeOf: (conversation) => homes.homeOf(conversation, now),
    ...present('policies', policies),
    ...present('canaries', canaries),
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
