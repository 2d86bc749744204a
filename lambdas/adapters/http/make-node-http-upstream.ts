import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { UpstreamError } from '../../core/call/upstream.ts';
import type { HttpCall, HttpUpstream, HttpUpstreamOptions } from './make-http-upstream.ts';
import { toReply } from './to-reply.ts';
import { toUpstreamError } from './to-upstream-error.ts';

/**
 * The same as `makeHttpUpstream` by Node's own client, for functions: undici would be half of their bundle, and the
 * processor time that it saves is nothing where one request runs at a time.
 */
export const makeNodeHttpUpstream = (options: HttpUpstreamOptions = {}): HttpUpstream => {
  const { connectTimeoutMs = 5_000, keepAliveMs = 4_000, connections = 1_024 } = options;
  // The timeout only ends idle connections: a request is told of it and does not listen.
  const agentOptions = { keepAlive: true, maxSockets: connections, maxFreeSockets: connections, timeout: keepAliveMs };
  const http = new HttpAgent(agentOptions);
  const https = new HttpsAgent(agentOptions);
  const underWay = new Set<ClientRequest>();

  const start = (call: HttpCall, signal: AbortSignal, connectMs: number): ClientRequest => {
    const url = new URL(call.url);
    const isPlain = url.protocol === 'http:';
    const request = (isPlain ? httpRequest : httpsRequest)(url, {
      agent: isPlain ? http : https,
      method: 'POST',
      headers: {
        'user-agent': 'tollgate',
        ...call.headers,
        'accept-encoding': 'identity',
        'content-length': Buffer.byteLength(call.body),
      },
      signal,
    });
    underWay.add(request);
    request.once('close', () => underWay.delete(request));
    limitConnecting(request, isPlain ? 'connect' : 'secureConnect', connectMs);
    return request;
  };

  return {
    send: async (call, signal, { connectMs = connectTimeoutMs } = {}) => {
      if (signal.aborted) throw new UpstreamError('aborted', 'The call was stopped before it was sent');
      let response: IncomingMessage;
      try {
        response = await answerOf(start(call, signal, connectMs), call.body);
      } catch (error) {
        throw toUpstreamError(error, signal, false);
      }
      return toReply(response.statusCode ?? 0, response.headers, response, signal);
    },
    close: async () => {
      for (const request of underWay) request.destroy(new UpstreamError('reset', 'The gateway is stopping'));
      http.destroy();
      https.destroy();
    },
  };
};

const answerOf = (request: ClientRequest, body: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    request.once('response', resolve);
    // Stays: a connection that breaks under an answer is told here as well as to the reader of the body.
    request.on('error', reject);
    request.end(body);
  });

/** Gives a new connection so long to be made; a kept one is made already. */
const limitConnecting = (request: ClientRequest, made: 'connect' | 'secureConnect', timeoutMs: number): void => {
  request.once('socket', (socket: Socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(
      () => request.destroy(new UpstreamError('connect', 'No connection to the provider in time')),
      timeoutMs,
    );
    const clear = (): void => clearTimeout(timer);
    socket.once(made, clear);
    request.once('close', clear);
  });
};
