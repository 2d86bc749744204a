import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** AWS's own runtime client for Node. Its native part is left out: it has a way without, which this asks for. */
const RIC = 'aws-lambda-ric@4.0.2';
const FOLDER = resolve('.servers', 'lambda-ric-4.0.2');

const installRuntime = (): string => {
  const root = join(FOLDER, 'node_modules', 'aws-lambda-ric');
  if (!existsSync(join(root, 'rapid-client.node.json'))) {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(join(FOLDER, 'package.json'), '{"private":true}');
    const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--save-exact', RIC];
    execFileSync('npm', install, { cwd: FOLDER, stdio: 'pipe' });
    writeFileSync(join(root, 'rapid-client.node.json'), '{}');
  }
  return join(root, 'index.mjs');
};

/** An answer as API Gateway gets it from Lambda. */
export interface Invocation {
  /** Status, headers and cookies; resolves with the answer's first bytes. Rejects where the function answered with an error. */
  prelude: Promise<{ statusCode: number; headers: Record<string, string> }>;
  /** Pieces of the body as they come. The function is never told whether anybody reads them. */
  body: AsyncIterableIterator<string>;
  /** How it ended: undefined, or the type of the error in the trailer. */
  ended: Promise<string | undefined>;
  /** What a function answered that does not stream. Rejects where it answered with an error. */
  plain: Promise<unknown>;
}

export interface RunningLambda {
  invoke(event: object): Invocation;
  /** Milliseconds of processor time that the process took until it asked for its first event; undefined where /proc is absent. */
  readonly startCpuMs: number | undefined;
  /** Milliseconds of processor time until now, and the most memory that was resident, MB; undefined where /proc is absent. */
  usage(): { cpuMs: number; peakMb: number } | undefined;
  /** What the function has logged so far. */
  logged(): string;
  stop(): Promise<void>;
}

/** Ends the prelude of a streamed answer. */
const SEPARATOR = Buffer.alloc(8);
const TIMEOUT_MS = 60_000;

/**
 * Runs a function's folder (`index.mjs`, export `handler`) under AWS's runtime client, with a Runtime API of our own, as
 * Lambda does. Like API Gateway, it reads every answer to its end, whoever may have left.
 *
 * @param nodeOptions flags for the process, such as Lambda gives it for its memory
 */
export const runLambda = async (
  folder: string,
  env: Record<string, string>,
  nodeOptions: readonly string[] = [],
): Promise<RunningLambda> => {
  const bootstrap = installRuntime();
  const waiting: ServerResponse[] = [];
  const queue: Pending[] = [];
  const underWay = new Map<string, Pending>();
  const ready = Promise.withResolvers<void>();
  let startCpuMs: number | undefined;
  let child: ChildProcess | undefined;
  // A file, which Node writes at once: what was logged before an answer is there when the answer is. A pipe is read later.
  const logFolder = mkdtempSync(join(tmpdir(), 'tollgate-lambda-'));
  const logFile = join(logFolder, 'log');
  const logHandle = openSync(logFile, 'a');
  const readLog = (): string => readFileSync(logFile, 'utf8');

  const give = (response: ServerResponse, pending: Pending): void => {
    underWay.set(pending.id, pending);
    response.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': pending.id,
      'lambda-runtime-deadline-ms': String(Date.now() + TIMEOUT_MS),
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:000000000000:function:gateway',
      'lambda-runtime-trace-id': 'Root=1-0-0',
    });
    response.end(JSON.stringify(pending.event));
  };

  const server = createServer(async (request, response) => {
    const [, action = '', id = ''] = /\/runtime\/invocation\/(?:(next)$|([^/]+)\/)/.exec(request.url ?? '') ?? [];
    if (action === 'next') {
      startCpuMs ??= cpuMsOf(child?.pid);
      ready.resolve();
      const next = queue.shift();
      if (next === undefined) waiting.push(response);
      else give(response, next);
      return;
    }
    const pending = underWay.get(id);
    if (pending === undefined) {
      ready.reject(new Error(`the function did not start: ${await textOf(request)}`));
      response.writeHead(202).end('{}');
      return;
    }
    await takeAnswer(request, pending);
    underWay.delete(id);
    response.writeHead(202).end('{"status":"OK"}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  child = spawn(process.execPath, [...nodeOptions, bootstrap, 'index.handler'], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'] ?? '',
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1: 'true',
      LAMBDA_TASK_ROOT: folder,
      _HANDLER: 'index.handler',
      AWS_LAMBDA_FUNCTION_NAME: 'gateway',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/gateway',
      AWS_LAMBDA_LOG_STREAM_NAME: 'stream',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      ...env,
    },
    stdio: ['ignore', logHandle, logHandle],
  });
  closeSync(logHandle);
  const exited = once(child, 'exit').then(() => {
    const error = new Error(`the function's process ended:\n${readLog().slice(-4_000)}`);
    ready.reject(error);
    for (const pending of underWay.values()) pending.fail(error);
  });
  await ready.promise;

  return {
    startCpuMs,
    usage: () => {
      const cpuMs = cpuMsOf(child.pid);
      const peakMb = peakMbOf(child.pid);
      return cpuMs === undefined || peakMb === undefined ? undefined : { cpuMs, peakMb };
    },
    logged: readLog,
    invoke: (event) => {
      const pending = makePending(event);
      const next = waiting.shift();
      if (next === undefined) queue.push(pending);
      else give(next, pending);
      return pending.invocation;
    },
    stop: async () => {
      child.kill();
      await exited;
      server.closeAllConnections();
      server.close();
      rmSync(logFolder, { recursive: true, force: true });
    },
  };
};

interface Pending {
  id: string;
  event: object;
  invocation: Invocation;
  start(prelude: { statusCode: number; headers: Record<string, string> }): void;
  write(text: string): void;
  /** The answer was no stream. */
  whole(text: string): void;
  end(errorType: string | undefined): void;
  fail(error: Error): void;
}

const makePending = (event: object): Pending => {
  const prelude = Promise.withResolvers<{ statusCode: number; headers: Record<string, string> }>();
  const ended = Promise.withResolvers<string | undefined>();
  const plain = Promise.withResolvers<unknown>();
  // Whoever waits for none is not to be ended by them.
  for (const { promise } of [prelude, ended, plain]) promise.catch(() => {});
  const { readable, writable } = new TransformStream<string, string>(undefined, undefined, { highWaterMark: 10_000 });
  const writer = writable.getWriter();
  return {
    id: randomUUID(),
    event,
    invocation: {
      prelude: prelude.promise,
      body: readable[Symbol.asyncIterator]() as AsyncIterableIterator<string>,
      ended: ended.promise,
      plain: plain.promise,
    },
    start: prelude.resolve,
    write: (text) => void writer.write(text),
    whole: (text) => plain.resolve(JSON.parse(text)),
    end: (errorType) => {
      prelude.reject(new Error(`no answer: ${errorType}`));
      plain.reject(new Error(`no plain answer: ${errorType ?? 'a stream'}`));
      ended.resolve(errorType);
      void writer.close();
    },
    fail: (error) => {
      prelude.reject(error);
      ended.reject(error);
      plain.reject(error);
      void writer.abort(error);
    },
  };
};

const takeAnswer = async (request: IncomingMessage, pending: Pending): Promise<void> => {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (head === undefined) {
      pending.write(chunk.toString());
      continue;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf(SEPARATOR);
    if (end < 0) continue;
    pending.start(JSON.parse(head.subarray(0, end).toString()));
    const rest = head.subarray(end + SEPARATOR.length);
    head = undefined;
    if (rest.length > 0) pending.write(rest.toString());
  }
  const trailer = request.trailers['lambda-runtime-function-error-type'];
  const header = request.headers['lambda-runtime-function-error-type'];
  if (head !== undefined && header === undefined && trailer === undefined) pending.whole(head.toString());
  pending.end(trailer ?? (head === undefined ? undefined : String(header ?? 'no prelude')));
};

const textOf = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text.slice(0, 2_000);
};

const peakMbOf = (pid: number | undefined): number | undefined => {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return undefined;
  const kb = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(file, 'utf8'))?.[1];
  return kb === undefined ? undefined : Number(kb) / 1_024;
};

/** User and system time, of Linux. */
const cpuMsOf = (pid: number | undefined): number | undefined => {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return undefined;
  const fields = readFileSync(file, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const TICKS_PER_S = 100;
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_S;
};
