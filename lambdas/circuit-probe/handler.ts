import deployed from 'tollgate:config';
import { openDeployedProber } from '../wiring/open-deployed-prober.ts';
import { handleProbeEvent, type ProbeEvent } from './handle-probe-event.ts';

const prober = openDeployedProber('circuit-probe', deployed, process.env);

/** The background prober: the stream of circuits switches its schedule on, the schedule lets it probe, and it switches that off again. */
export const handler = (event: ProbeEvent, context: object): Promise<object> => {
  prober.log.beginInvocation(context);
  return handleProbeEvent(event, prober);
};
