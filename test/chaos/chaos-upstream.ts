import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Vendor } from '../support/vendors.ts';
import { type Fault, faultAt, type Phase } from './faults.ts';
import { INPUT_TOKENS, meteredOpenai } from './metered-openai.ts';
import { misbehave } from './misbehave.ts';
import { makeSelfSigned } from './self-signed.ts';

/** One call as the upstream saw it. Times as `performance.now()` says them. */
export interface ChaosCall {
  target: string;
  /** Of its target, from 1. */
  number: number;
  /** Who asked: `client N` in the text of the request. */
  client: number | undefined;
  fault: Fault['kind'];
  isStream: boolean;
  at: number;
  /** Absent while it is under way. */
  endedAt?: number;
  /** `left`: closed by the other side before the whole answer was out; `broken`: by the fault. */
  end?: 'completed' | 'broken' | 'left';
  inputTokens: number;
  /** What was handed over so far, a token a piece. */
  outputTokens: number;
}

/** A provider of many targets, each of which fails on a timeline of its own. */
export interface ChaosUpstream {
  /** `https://127.0.0.1:PORT`; a target's address goes on with `/TARGET`. */
  origin: string;
  /** Begins a target's timeline; its calls are counted from 1 again. */
  plan(target: string, timeline: readonly Phase[]): void;
  calls: ChaosCall[];
  callsOf(target: string): ChaosCall[];
  /** Forgets the calls that have ended, so that a long run does not grow. */
  forget(): void;
  /** Resolves when no call is under way. */
  whenQuiet(): Promise<void>;
  /** The host is lost: connections break, and new ones are refused. */
  goDown(): Promise<void>;
  /** At the same address again. */
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}

export interface ChaosOptions {
  /** The wire format; OpenAI's unless given. */
  vendor?: Vendor;
  /** The answer to a client. */
  piecesFor?: (client: number | undefined) => string[];
  /** Speaks TLS with a certificate that nobody trusts. */
  isUntrusted?: boolean;
}

export const ANSWER = ['All', ' is', ' well', '.'];

/** Starts the upstream on a free port; every target is healthy until it is planned otherwise. */
export const startChaosUpstream = async ({
  vendor = meteredOpenai,
  piecesFor = () => ANSWER,
  isUntrusted = false,
}: ChaosOptions = {}): Promise<ChaosUpstream> => {
  const plans = new Map<string, { timeline: readonly Phase[]; since: number; calls: number }>();
  let underWay = 0;
  let whenQuiet: (() => void)[] = [];

  const ended = (call: ChaosCall, end: NonNullable<ChaosCall['end']>): void => {
    call.endedAt = performance.now();
    call.end = end;
    underWay -= 1;
    if (underWay > 0) return;
    for (const resolve of whenQuiet) resolve();
    whenQuiet = [];
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const at = performance.now();
    const path = request.url ?? '';
    const body = await readText(request);
    const target = /^\/([^/]+)/.exec(path)?.[1] ?? '';
    const plan = plans.get(target) ?? { timeline: [], since: at, calls: 0 };
    plans.set(target, plan);
    plan.calls += 1;
    const fault = faultAt(plan.timeline, plan.calls, at - plan.since);
    const client = /client (\d+)/.exec(body)?.[1];
    const call: ChaosCall = {
      target,
      number: plan.calls,
      client: client === undefined ? undefined : Number(client),
      fault: fault.kind,
      isStream: /"stream":\s*true/.test(body) || path.endsWith('converse-stream'),
      at,
      inputTokens: INPUT_TOKENS,
      outputTokens: 0,
    };
    upstream.calls.push(call);
    underWay += 1;
    let isBrokenHere = false;
    response.once('close', () =>
      ended(call, response.writableFinished ? 'completed' : isBrokenHere ? 'broken' : 'left'),
    );
    const { pieces, isStream } = { pieces: piecesFor(call.client), isStream: call.isStream };
    const delivered = (count: number): void => {
      call.outputTokens += count;
    };
    isBrokenHere = ['reset', 'cut', 'wrong-length'].includes(fault.kind);
    await misbehave(fault, { vendor, pieces, isStream, response, delivered });
  };
  const listener: RequestListener = (request, response) => {
    serve(request, response).catch(() => response.destroy());
  };

  const makeServer = (): Server => {
    const server = isUntrusted ? createTlsServer(makeSelfSigned(Date.now()), listener) : createServer(listener);
    server.keepAliveTimeout = 120_000;
    return server;
  };
  let server = makeServer();
  let port = 0;
  const listen = async (): Promise<void> => {
    for (;;) {
      server.listen({ port, host: '127.0.0.1', backlog: 4_096 });
      try {
        await once(server, 'listening');
        break;
      } catch (error) {
        // While it was down its port was anybody's: a connection that goes out may have it for a moment.
        if (port === 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
        await sleep(20);
      }
    }
    port = (server.address() as AddressInfo).port;
  };
  const goDown = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  await listen();

  const upstream: ChaosUpstream = {
    origin: `http${isUntrusted ? 's' : ''}://127.0.0.1:${port}`,
    plan: (target, timeline) => void plans.set(target, { timeline, since: performance.now(), calls: 0 }),
    calls: [],
    callsOf: (target) => upstream.calls.filter((call) => call.target === target),
    forget: () => {
      upstream.calls = upstream.calls.filter(({ end }) => end === undefined);
    },
    whenQuiet: () => (underWay === 0 ? Promise.resolve() : new Promise((resolve) => whenQuiet.push(resolve))),
    goDown,
    comeBack: async () => {
      server = makeServer();
      await listen();
    },
    stop: goDown,
  };
  return upstream;
};

const readText = async (message: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};
