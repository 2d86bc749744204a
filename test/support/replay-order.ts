import type { Receipt } from '../../lambdas/core/receipt.ts';
import { arrangeCanaries, placesBehind } from '../../lambdas/core/route/arrange-canaries.ts';
import { orderTargets } from '../../lambdas/core/route/order-targets.ts';

/** The order of targets made again from a receipt alone: what stands in it must be all that the order rests on. */
export const replayOrder = ({
  targets,
  route,
  canaries,
  passedOver = [],
}: Pick<Receipt['plan'], 'targets' | 'route' | 'canaries'> &
  Partial<Pick<Receipt['plan'], 'passedOver'>>): string[] => {
  if (canaries === undefined) return replayPolicy(targets, route);
  // What was passed over when its turn came is in the plan all the same.
  const unable = new Set(passedOver.flatMap(({ target }) => (targets.includes(target) ? [] : [target])));
  return arrangeCanaries(replayPolicy(placesBehind(targets, canaries), route), canaries, (id) => !unable.has(id));
};

const replayPolicy = (places: string[], route: Receipt['plan']['route']): string[] => {
  if (route?.facts === undefined || route.from === undefined) return places;
  const listed: string[] = [];
  route.from.forEach((number, i) => {
    listed[number] = places[i] ?? '';
  });
  return orderTargets(listed, route.facts).map((number) => listed[number] ?? '');
};
