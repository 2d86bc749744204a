import { bundleFunctions } from './test/real/support/bundle-gateway.ts';
import { cachedDeployable } from './test/support/cached-deployable.ts';
const all = bundleFunctions(cachedDeployable());
for (const [id, { startBytes, moreBytes }] of Object.entries(all)) console.log(id, startBytes, moreBytes);
