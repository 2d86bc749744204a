import type { Admission } from '../admit/admission.ts';
import type { Ports } from '../ports.ts';
import { abandon } from '../settle/abandon.ts';
import type { CallResult } from './call.ts';
import { callRequestOf } from './call-request.ts';
import { callTargets } from './call-targets.ts';
import { watchForStop } from './watch-for-stop.ts';

/** Calls the targets of an admitted request, until its client hangs up or somebody cancels it. @throws what broke, with nothing left behind but the open entry */
export const callAdmitted = async (
  clientSignal: AbortSignal,
  admission: Admission,
  ports: Ports,
): Promise<CallResult> => {
  const { requestId, run } = admission;
  const runs = { team: admission.asked.caller.team, ids: run?.runs.map(({ id }) => id) ?? [] };
  const stop = watchForStop(clientSignal, requestId, runs, ports);
  try {
    const result = await callTargets(callRequestOf(admission, stop, ports), ports);
    if (result.kind === 'streaming') result.ended.then(stop.end, stop.end);
    else stop.end();
    return result;
  } catch (error) {
    stop.end();
    await abandon(admission, ports);
    throw error;
  }
};
