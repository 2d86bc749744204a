import { makeBedrockUpstream } from '../adapters/bedrock/make-bedrock-upstream.ts';
import { makeHttpUpstream } from '../adapters/http/make-http-upstream.ts';
import { makeSimulator } from '../adapters/simulator/make-simulator.ts';
import type { Meter } from '../adapters/simulator/meter.ts';
import { systemClock } from '../adapters/system/clock.ts';
import type { Upstream } from '../core/call/upstream.ts';

export interface LocalUpstream {
  upstream: Upstream;
  /** What the simulator says it delivered. */
  meter: Meter;
  closeUpstream(): Promise<void>;
}

/** One port over the transports: each call names its own. */
export const openLocalUpstream = (): LocalUpstream => {
  const http = makeHttpUpstream();
  const bedrock = makeBedrockUpstream();
  const simulator = makeSimulator({ clock: systemClock });
  const upstream: Upstream = {
    send: (call, signal, options) => {
      switch (call.transport) {
        case 'http':
          return http.send(call, signal, options);
        case 'bedrock':
          return bedrock.send(call, signal);
        case 'simulator':
          return simulator.send(call, signal);
      }
    },
  };
  return { upstream, meter: simulator.meter, closeUpstream: () => http.close() };
};
