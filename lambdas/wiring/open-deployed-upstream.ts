import { makeNodeHttpUpstream } from '../adapters/http/make-node-http-upstream.ts';
import { type Upstream, UpstreamError } from '../core/call/upstream.ts';
import type { Clock } from '../core/ports.ts';
import type { ProviderKind } from '../core/target.ts';

/**
 * One port over the transports that the configured kinds of providers need. What only some of them need is loaded here and
 * now, while the environment starts, and where none is configured never.
 */
export const openDeployedUpstream = async (kinds: ReadonlySet<ProviderKind>, clock: Clock): Promise<Upstream> => {
  const http = makeNodeHttpUpstream();
  const [bedrock, simulator] = await Promise.all([
    kinds.has('bedrock') ? openBedrock() : undefined,
    kinds.has('simulator') ? openSimulator(clock) : undefined,
  ]);
  return {
    send: async (call, signal, options) => {
      switch (call.transport) {
        case 'http':
          return http.send(call, signal, options);
        case 'bedrock':
          return (bedrock ?? notConfigured('Bedrock')).send(call, signal);
        case 'simulator':
          return (simulator ?? notConfigured('simulator')).send(call, signal);
      }
    },
  };
};

const openBedrock = async () => {
  const [{ makeBedrockUpstream }] = await Promise.all([
    import('../adapters/bedrock/make-bedrock-upstream.ts'),
    // It would be loaded with the first call, which would wait for it.
    import('../adapters/bedrock/bedrock-sdk.ts'),
  ]);
  return makeBedrockUpstream();
};

const openSimulator = async (clock: Clock) => {
  const { makeSimulator } = await import('../adapters/simulator/make-simulator.ts');
  return makeSimulator({ clock });
};

const notConfigured = (what: string): never => {
  throw new UpstreamError('connect', `No ${what} is configured`);
};
