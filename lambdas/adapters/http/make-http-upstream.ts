import { Agent, type Dispatcher } from 'undici';
import { UpstreamError, type UpstreamReply } from '../../core/call/upstream.ts';
import type { UpstreamCall } from '../../core/provider.ts';
import { toReply } from './to-reply.ts';
import { toUpstreamError } from './to-upstream-error.ts';

export type HttpCall = Extract<UpstreamCall, { transport: 'http' }>;

export interface HttpUpstreamOptions {
  /** Time for DNS, TCP and TLS together, where a call does not name its own. */
  connectTimeoutMs?: number;
  /**
   * How long an idle connection is kept where the server names no time. Short of the 5 s after which uvicorn (vLLM and
   * most Python servers) closes without a word: a call that meets the close would be lost, and is never sent twice.
   */
  keepAliveMs?: number;
  /** Most connections to one origin; a call beyond them waits for one. */
  connections?: number;
}

export interface SendOptions {
  /** Time for DNS, TCP and TLS together; a kept connection needs none. */
  connectMs?: number;
}

export interface HttpUpstream {
  /**
   * Sends once, follows no redirect (configured hosts only), and lets the caller keep time. The reply's body must be
   * read, or the signal aborted: until then it occupies its connection.
   *
   * @throws {UpstreamError}
   */
  send(call: HttpCall, signal: AbortSignal, options?: SendOptions): Promise<UpstreamReply>;
  /** Closes idle connections and breaks the others. */
  close(): Promise<void>;
}

/** Calls vendors over HTTP/1.1 with kept-alive connections. */
export const makeHttpUpstream = (options: HttpUpstreamOptions = {}): HttpUpstream => {
  const { connectTimeoutMs = 5_000, keepAliveMs = 4_000, connections = 1_024 } = options;
  const makeAgent = (timeoutMs: number): Agent =>
    new Agent({
      allowH2: false,
      connect: { timeout: timeoutMs },
      connections,
      keepAliveTimeout: keepAliveMs,
      pipelining: 1,
      // The caller times the first token, the gaps and the whole.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  /** undici knows one bound an agent; there are as many as the configuration names. */
  const agents = new Map<number, Agent>();
  const agentFor = (timeoutMs: number): Agent => {
    const agent = agents.get(timeoutMs) ?? makeAgent(timeoutMs);
    agents.set(timeoutMs, agent);
    return agent;
  };
  return {
    send: async (call, signal, { connectMs = connectTimeoutMs } = {}) => {
      if (signal.aborted) throw new UpstreamError('aborted', 'The call was stopped before it was sent');
      const response = await request(agentFor(connectMs), call, signal);
      return toReply(response.statusCode, response.headers, response.body, signal);
    },
    close: async () => {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
    },
  };
};

const request = async (agent: Agent, call: HttpCall, signal: AbortSignal): Promise<Dispatcher.ResponseData> => {
  try {
    const { origin, pathname, search } = new URL(call.url);
    return await agent.request({
      origin,
      path: `${pathname}${search}`,
      method: 'POST',
      headers: { 'user-agent': 'tollgate', ...call.headers, 'accept-encoding': 'identity' },
      body: call.body,
      signal,
    });
  } catch (error) {
    throw toUpstreamError(error, signal, false);
  }
};
