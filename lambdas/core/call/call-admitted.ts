import type { Admission } from '../admit/admission.ts';
import type { Consultation } from '../cache/answer-cache.ts';
import type { Ports } from '../ports.ts';
import type { Outcome } from '../receipt.ts';
import { noteCalls } from '../route/note-calls.ts';
import { abandon } from '../settle/abandon.ts';
import type { CallRequest, CallResult, LateResult } from './call.ts';
import { callRequestOf } from './call-request.ts';
import { type CallPorts, callTargets } from './call-targets.ts';
import { watchForStop } from './watch-for-stop.ts';

/** Calls the targets of an admitted request, where no kept answer does, until its client hangs up or somebody cancels it. @throws what broke, with nothing left behind but the open entry */
export const callAdmitted = async (
  clientSignal: AbortSignal,
  admission: Admission,
  ports: Ports,
  consultation?: Consultation,
): Promise<CallResult> => {
  const { requestId, run } = admission;
  const runs = { team: admission.asked.caller.team, ids: run?.runs.map(({ id }) => id) ?? [] };
  const stop = watchForStop(clientSignal, requestId, runs, ports);
  try {
    const request = noteCalls(callRequestOf(admission, stop, ports), admission, ports);
    const call = (request: CallRequest) => callTargets(request, ports);
    const answer = (request: CallRequest) => consultation?.answerOr(request, admission, call) ?? call(request);
    // Who wants a kept answer alone waits for milliseconds, and is to be told by the status that there is none.
    const isOnly = consultation !== undefined && admission.asked.labels.cache === 'only';
    const result = await (isOnly ? answer(request) : answerWithHeartbeats(request, answer, ports));
    if (result.kind === 'streaming') result.ended.then(stop.end, stop.end);
    else if (result.kind === 'waiting') whenEnded(result.result).then(stop.end, stop.end);
    else stop.end();
    return result;
  } catch (error) {
    stop.end();
    await abandon(admission, ports);
    throw error;
  }
};

const whenEnded = async (result: Promise<LateResult>): Promise<void> => {
  const late = await result;
  if (late.kind === 'streaming') await late.ended;
};

const answerWithHeartbeats = async (
  request: CallRequest,
  answer: (request: CallRequest) => Promise<LateResult>,
  ports: Pick<CallPorts, 'clock'>,
): Promise<CallResult> => {
  const { heartbeatMs } = request.alias.timeouts;
  if (heartbeatMs === undefined || !request.conversation.stream) return answer(request);
  const { withHeartbeats } = await import('./heartbeats.ts');
  const reader = new AbortController();
  const signal = AbortSignal.any([request.signal, reader.signal]);
  return withHeartbeats(answer({ ...request, signal }), {
    heartbeatMs,
    clock: ports.clock,
    leave: () => reader.abort('client-gone' satisfies Outcome),
    failText: (refusal) => request.surface.encodeStream(request.context).fail(refusal),
  });
};
