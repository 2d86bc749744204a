import type { Pinned } from '../core/pins/hear-pins.ts';
import { type RegionAnswer, regionsToAsk } from '../core/pins/heard-lifecycle.ts';

/**
 * What Bedrock's own API says of the models there, in every region that something is pinned in; nothing is asked, nor loaded,
 * where nothing is Bedrock's. Never rejects for what AWS or the network does.
 */
export const askLifecycles = async (pinned: Pinned): Promise<RegionAnswer[]> => {
  const regions = regionsToAsk(pinned);
  if (regions.length === 0) return [];
  const { readLifecycles } = await import('../adapters/bedrock-models/read-lifecycles.ts');
  return readLifecycles(regions);
};
