import type { Receipt } from '../../lambdas/core/receipt.ts';
import { orderTargets } from '../../lambdas/core/route/order-targets.ts';

/** The order of targets made again from a receipt alone: what stands in it must be all that the order rests on. */
export const replayOrder = ({ targets, route }: Pick<Receipt['plan'], 'targets' | 'route'>): string[] => {
  if (route?.facts === undefined || route.from === undefined) return targets;
  const listed: string[] = [];
  route.from.forEach((number, i) => {
    listed[number] = targets[i] ?? '';
  });
  return orderTargets(listed, route.facts).map((number) => listed[number] ?? '');
};
