import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { parseSimulatorModel, type SimulatedBehaviour } from '../../contract/simulator-model.ts';
import { UpstreamError, type UpstreamReply } from '../../core/call/upstream.ts';
import type { JsonObject } from '../../core/conversation.ts';
import type { WireEvent } from '../../core/dialect.ts';
import type { Clock } from '../../core/ports.ts';
import type { UpstreamCall } from '../../core/provider.ts';
import { embed } from './embed.ts';
import { type Meter, makeMeter, type RunningEntry } from './meter.ts';
import { type AnswerPlan, planAnswer } from './plan-answer.ts';
import { countInputTokens } from './tokens.ts';
import { type AnswerHead, deltaOf, usageOf, writeAnswer, writeChoice, writeChunk, writeError } from './write-answer.ts';

export type SimulatorCall = Extract<UpstreamCall, { transport: 'simulator' }>;

export interface Simulator {
  /** @throws {UpstreamError} */
  send(call: SimulatorCall, signal: AbortSignal): Promise<UpstreamReply>;
  meter: Meter;
}

/** What `fail-429` and `fail-503` ask to wait. */
export const SIMULATED_RETRY_AFTER_SECONDS = 5;
/** Tokens after which a stream that nothing slows down lets the rest of the process run. */
const BREATH = 256;
const MOST_CHOICES = 128;

/** One answer under way. */
interface Running {
  call: SimulatorCall;
  behaviour: SimulatedBehaviour;
  plan: AnswerPlan;
  choices: number;
  head: AnswerHead;
  inputTokens: number;
  entry: RunningEntry;
}

/**
 * OpenAI in-process: takes chat completions and embeddings bodies, answers in their wire format, and does what the model's name asks for
 * (contract/simulator-model.ts). Deterministic but for the time. A stop by the signal is obeyed at once.
 */
export const makeSimulator = ({ clock }: { clock: Clock }): Simulator => {
  const meter = makeMeter();

  const send = async (call: SimulatorCall, signal: AbortSignal): Promise<UpstreamReply> => {
    throwIfStopped(signal);
    const entry = meter.start(call.requestId, call.model);
    const refused = (status: number, message: string): UpstreamReply => {
      entry.answer(status);
      return errorReply(status, message);
    };
    const parsed = parseSimulatorModel(call.model);
    if (!parsed.ok) return refused(404, `The model does not exist: ${parsed.message}`);
    const { behaviour } = parsed;
    if (behaviour.embedDimensions === undefined && !Array.isArray(call.body.messages))
      return refused(400, 'Missing required parameter: "messages".');
    const status = failureOf(behaviour, call, entry.attempt);
    if (status !== undefined) {
      await pause(behaviour.slowMs ?? 0, signal);
      return refused(status, `Simulated failure ${status}`);
    }
    if (behaviour.hang && behaviour.cutAfterTokens === undefined) return await silence(signal);
    if (behaviour.embedDimensions !== undefined)
      return await vectors(call, behaviour, behaviour.embedDimensions, entry, signal);
    const running: Running = {
      call,
      behaviour,
      plan: planAnswer(call.body, behaviour),
      choices: choicesOf(call.body),
      head: {
        id: `chatcmpl-${digest(call, entry.attempt).toString('hex').slice(0, 24)}`,
        created: Math.floor(clock.now() / 1000),
        model: call.model,
      },
      inputTokens: countInputTokens(call.body),
      entry,
    };
    return call.stream ? streamed(running, signal) : await whole(running, signal);
  };

  /** Vectors come whole; where they are to be cut, the body breaks off and is billed. */
  const vectors = async (
    call: SimulatorCall,
    behaviour: SimulatedBehaviour,
    dimensions: number,
    entry: RunningEntry,
    signal: AbortSignal,
  ): Promise<UpstreamReply> => {
    const made = embed(call.body, dimensions);
    if (!made.ok) {
      entry.answer(400);
      return errorReply(400, made.message);
    }
    await pause(behaviour.slowMs ?? 0, signal);
    const isCut = behaviour.cutAfterTokens !== undefined;
    entry.answer(200);
    entry.bill({ inputTokens: made.inputTokens, outputTokens: 0 });
    if (!isCut) entry.complete();
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      text: async () => {
        throwIfStopped(signal);
        return isCut ? await breakOff(behaviour, signal) : JSON.stringify(made.body(call.model));
      },
      events: () => refuseEvents(),
    };
  };

  /** Time passes until the last token is there; what is cut then breaks off within the body. */
  const whole = async (running: Running, signal: AbortSignal): Promise<UpstreamReply> => {
    const { behaviour, plan, choices, head, inputTokens, entry } = running;
    await pause(behaviour.slowMs ?? 0, signal);
    const tokens = plan.pieces.length * choices;
    const cut = cutOf(behaviour, tokens);
    entry.answer(200);
    entry.bill({ inputTokens, outputTokens: cut ?? tokens });
    if (cut === undefined) entry.complete();
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      text: async () => {
        throwIfStopped(signal);
        if (cut !== undefined) return await breakOff(behaviour, signal);
        return JSON.stringify(writeAnswer(head, plan, choices, usageOf(inputTokens, tokens)));
      },
      events: () => refuseEvents(),
    };
  };

  const streamed = (running: Running, signal: AbortSignal): UpstreamReply => {
    running.entry.answer(200);
    return {
      status: 200,
      headers: { 'content-type': 'text/event-stream; charset=utf-8' },
      text: async () => {
        let text = '';
        for await (const { data } of events(running, signal)) text += `data: ${data}\n\n`;
        return text;
      },
      events: (): AsyncIterableIterator<WireEvent, undefined> => {
        const stop = new AbortController();
        const generator = events(running, AbortSignal.any([signal, stop.signal]));
        return {
          next: () => generator.next(),
          // Ends a wait for the next token as well, which a generator's own return does not.
          return: () => {
            stop.abort();
            return generator.return(undefined);
          },
          [Symbol.asyncIterator]() {
            return this;
          },
        };
      },
    };
  };

  async function* events(running: Running, signal: AbortSignal): AsyncGenerator<WireEvent, undefined, undefined> {
    const { call, behaviour, plan, choices, head, inputTokens, entry } = running;
    const options = call.body.stream_options;
    const wantsUsage =
      typeof options === 'object' && options !== null && 'include_usage' in options && options.include_usage === true;
    const write = (choice: JsonObject): WireEvent =>
      wireEvent(writeChunk(head, [choice], wantsUsage ? null : undefined));
    const tokens = plan.pieces.length * choices;
    const cut = cutOf(behaviour, tokens);
    const slowMs = behaviour.slowMs ?? 0;
    await pause(slowMs, signal);
    const startedAt = clock.now();
    let delivered = 0;
    for (let choice = 0; choice < choices; choice++) {
      throwIfStopped(signal);
      yield write(writeChoice(choice, { role: 'assistant', content: '', refusal: null }));
      for (const piece of plan.pieces) {
        if (delivered === cut) await breakOff(behaviour, signal);
        if (slowMs > 0) await pause(startedAt + (slowMs * delivered) / tokens - clock.now(), signal);
        else if (delivered % BREATH === BREATH - 1) await setImmediate();
        throwIfStopped(signal);
        entry.bill({ inputTokens: delivered === 0 ? inputTokens : 0, outputTokens: 1 });
        delivered += 1;
        yield write(writeChoice(choice, deltaOf(head, choice, piece)));
      }
      if (delivered === cut) await breakOff(behaviour, signal);
      throwIfStopped(signal);
      if (choice === choices - 1) {
        if (tokens === 0) entry.bill({ inputTokens, outputTokens: 0 });
        entry.complete();
      }
      yield write(writeChoice(choice, {}, plan.finish));
    }
    throwIfStopped(signal);
    if (wantsUsage) yield wireEvent(writeChunk(head, [], usageOf(inputTokens, tokens)));
    yield { type: '', data: '[DONE]' };
  }

  /** Waits, unless less than a millisecond is left; a stop ends the wait. */
  const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
    if (ms >= 1) await clock.sleep(ms, signal);
    throwIfStopped(signal);
  };

  return { send, meter };
};

const failureOf = (behaviour: SimulatedBehaviour, call: SimulatorCall, attempt: number): number | undefined => {
  const { failStatus, flakyPercent } = behaviour;
  if (flakyPercent === undefined) return failStatus;
  const fraction = digest(call, attempt).readUInt32BE(28) / 2 ** 32;
  return fraction < flakyPercent / 100 ? (failStatus ?? 500) : undefined;
};

/** The same call of the same request comes out the same; its retry, or another seed, need not. */
const digest = ({ seed, requestId, model }: SimulatorCall, attempt: number): Buffer =>
  createHash('sha256')
    .update(JSON.stringify([seed, requestId, model, attempt]))
    .digest();

/** Tokens after which the answer breaks off; undefined = it comes whole. */
const cutOf = ({ cutAfterTokens }: SimulatedBehaviour, tokens: number): number | undefined =>
  cutAfterTokens !== undefined && cutAfterTokens <= tokens ? cutAfterTokens : undefined;

const breakOff = (behaviour: SimulatedBehaviour, signal: AbortSignal): Promise<never> => {
  if (behaviour.hang) return silence(signal);
  return Promise.reject(new UpstreamError('reset', 'The connection to the simulator broke off'));
};

const silence = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const stop = () => reject(stopped());
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });

const stopped = (): UpstreamError => new UpstreamError('aborted', 'The call was stopped');

const throwIfStopped = (signal: AbortSignal): void => {
  if (signal.aborted) throw stopped();
};

const choicesOf = ({ n }: JsonObject): number =>
  typeof n === 'number' && n >= 1 ? Math.min(Math.floor(n), MOST_CHOICES) : 1;

const wireEvent = (chunk: JsonObject): WireEvent => ({ type: '', data: JSON.stringify(chunk) });

const errorReply = (status: number, message: string): UpstreamReply => ({
  status,
  headers: {
    'content-type': 'application/json',
    ...(status === 429 || status === 503 ? { 'retry-after': String(SIMULATED_RETRY_AFTER_SECONDS) } : {}),
  },
  text: async () => JSON.stringify(writeError(status, message)),
  events: () => refuseEvents(),
});

const refuseEvents = (): never => {
  throw new UpstreamError('malformed', 'Expected an event stream, got application/json');
};
