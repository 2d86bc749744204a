import { makeBedrockUpstream } from '../adapters/bedrock/make-bedrock-upstream.ts';
import { makeNodeHttpUpstream } from '../adapters/http/make-node-http-upstream.ts';
import type { GatewayConfig } from '../contract/config.ts';
import { type Clock, type Upstream, UpstreamError } from '../core/ports.ts';

/**
 * One port over the transports that a deployed configuration can name. What only some configurations need is loaded here
 * and now, while the environment starts, and by others never.
 */
export const openDeployedUpstream = async (config: GatewayConfig, clock: Clock): Promise<Upstream> => {
  const kinds = new Set(Object.values(config.providers).map(({ kind }) => kind));
  const [simulator] = await Promise.all([
    kinds.has('simulator') ? import('#simulator').then(({ makeSimulator }) => makeSimulator({ clock })) : undefined,
    kinds.has('bedrock') ? import('#bedrock-sdk') : undefined,
  ]);
  const http = makeNodeHttpUpstream();
  const bedrock = makeBedrockUpstream();
  return {
    send: async (call, signal) => {
      switch (call.transport) {
        case 'http':
          return http.send(call, signal);
        case 'bedrock':
          return bedrock.send(call, signal);
        case 'simulator':
          if (simulator === undefined) throw new UpstreamError('connect', 'No simulator is configured');
          return simulator.send(call, signal);
      }
    },
  };
};
