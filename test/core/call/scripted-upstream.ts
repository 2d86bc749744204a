import { type Upstream, UpstreamError, type UpstreamErrorKind } from '../../../lambdas/core/call/upstream.ts';
import type { WireEvent } from '../../../lambdas/core/dialect.ts';
import type { Clock } from '../../../lambdas/core/ports.ts';

/** One step of a scripted stream: an event that comes after a while. */
export interface ScriptedEvent {
  afterMs?: number;
  event: WireEvent;
}

/** What one call is met with. `hang` never comes to anything; only the signal ends it. */
export type Script =
  | { broken: UpstreamErrorKind; afterMs?: number }
  | { hang: true }
  | {
      status: number;
      headers?: Record<string, string>;
      body: string | { hang: true } | { broken: UpstreamErrorKind };
      afterMs?: number;
    }
  | { stream: ScriptedEvent[]; end: 'close' | 'hang' | { broken: UpstreamErrorKind }; afterMs?: number };

export interface SentCall {
  host: string;
  at: number;
  body: unknown;
  apiKey: string | undefined;
  /** When our side aborted it. */
  abortedAt?: number;
  /** Events that were asked for. */
  pulled: number;
  /** Whether the connection is still in use: neither read to its end, nor broken, nor aborted. */
  isOpen: boolean;
}

export interface ScriptedUpstream extends Upstream {
  calls: SentCall[];
}

/** Plays scripts by host (by model, for Bedrock): each call takes its host's next one, the last one again and again. */
export const makeScriptedUpstream = (scripts: Record<string, Script[]>, clock: Clock): ScriptedUpstream => {
  const calls: SentCall[] = [];
  const played = new Map<string, number>();
  return {
    calls,
    async send(call, signal) {
      const host = call.transport === 'http' ? new URL(call.url).hostname : call.model;
      const apiKey = call.transport === 'http' ? call.headers['x-key'] : undefined;
      const body: unknown = typeof call.body === 'string' ? JSON.parse(call.body) : call.body;
      const turn = played.get(host) ?? 0;
      played.set(host, turn + 1);
      const list = scripts[host] ?? [];
      const script = list[Math.min(turn, list.length - 1)];
      if (script === undefined) throw new Error(`no script for ${host}`);
      const sent: SentCall = { host, at: clock.now(), body, apiKey, pulled: 0, isOpen: true };
      calls.push(sent);
      signal.addEventListener('abort', () => {
        sent.abortedAt = clock.now();
        sent.isOpen = false;
      });
      const aborted = () => new UpstreamError('aborted', 'aborted');
      const never = () =>
        new Promise<never>((_, reject) => {
          if (signal.aborted) return reject(aborted());
          signal.addEventListener('abort', () => reject(aborted()), { once: true });
        });
      const pause = async (ms = 0) => {
        if (ms > 0) await clock.sleep(ms, signal);
        if (signal.aborted) throw aborted();
      };

      if ('hang' in script) return never();
      await pause(script.afterMs);
      const breakOff = (kind: UpstreamErrorKind) => {
        sent.isOpen = false;
        return new UpstreamError(kind, kind);
      };
      if ('broken' in script) throw breakOff(script.broken);

      const text = async (): Promise<string> => {
        if ('stream' in script) throw new Error('a stream was read as text');
        const { body } = script;
        if (typeof body !== 'string') {
          if ('broken' in body) throw breakOff(body.broken);
          return never();
        }
        sent.isOpen = false;
        return body;
      };
      async function* events(): AsyncGenerator<WireEvent> {
        if (script === undefined || !('stream' in script)) throw new Error('text was read as a stream');
        for (const { afterMs, event } of script.stream) {
          sent.pulled += 1;
          await pause(afterMs);
          yield event;
        }
        sent.pulled += 1;
        if (script.end === 'hang') await never();
        if (typeof script.end === 'object') throw breakOff(script.end.broken);
        sent.isOpen = false;
      }
      const isStream = 'stream' in script;
      return { status: isStream ? 200 : script.status, headers: isStream ? {} : (script.headers ?? {}), text, events };
    },
  };
};
