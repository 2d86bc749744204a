import { attemptFailure, readRetryAfterMs, reasonOfStatus } from '../../../lambdas/core/call/attempt-failure.ts';
import type { CallRequest, LateResult, StreamEnd } from '../../../lambdas/core/call/call.ts';
import { type CallPorts, callTargets } from '../../../lambdas/core/call/call-targets.ts';
import { makeCircuitBoard } from '../../../lambdas/core/call/circuit-board.ts';
import type { CircuitRecord, CircuitStore } from '../../../lambdas/core/call/circuit-store.ts';
import type { Answer, StreamEvent, Usage } from '../../../lambdas/core/conversation.ts';
import type { Dialect, DialectName, SurfaceName } from '../../../lambdas/core/dialect.ts';
import type { AttemptFailure } from '../../../lambdas/core/failures.ts';
import type { Log, Random, SecretStore } from '../../../lambdas/core/ports.ts';
import type { Provider } from '../../../lambdas/core/provider.ts';
import type { ProviderKind, Target } from '../../../lambdas/core/target.ts';
import { type FakeClock, makeFakeClock } from '../../support/fake-clock.ts';
import { makePlainDialect, wire } from './plain-dialect.ts';
import { makeScriptedUpstream, type Script, type ScriptedEvent, type ScriptedUpstream } from './scripted-upstream.ts';

export const USAGE: Usage = {
  inputTokens: 10,
  cachedInputTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 3,
  reasoningTokens: 0,
};

export const ANSWER: Answer = {
  id: 'a1',
  model: 'm',
  parts: [{ type: 'text', text: 'Hello' }],
  stop: { reason: 'end', raw: 'stop' },
  usage: USAGE,
};

export const answers = (answer: Answer = ANSWER, afterMs = 0): Script => ({
  status: 200,
  body: JSON.stringify(answer),
  afterMs,
});
export const fails = (
  status: number,
  headers: Record<string, string> = {},
  body = `vendor said ${status}`,
): Script => ({ status, headers, body });

export const text = (value: string): StreamEvent => ({ type: 'text-delta', index: 0, text: value });
export const START: StreamEvent[] = [
  { type: 'answer-start', id: 'a1', model: 'm' },
  { type: 'text-start', index: 0 },
];
export const END: StreamEvent[] = [
  { type: 'part-end', index: 0 },
  { type: 'stop', stop: { reason: 'end', raw: 'stop' } },
  { type: 'usage', usage: USAGE },
  { type: 'answer-end' },
];
export const later = (afterMs: number, event: StreamEvent): ScriptedEvent => ({ afterMs, event: wire(event) });
export const streams = (
  events: (StreamEvent | ScriptedEvent)[],
  end: Extract<Script, { stream: unknown }>['end'] = 'close',
): Script => ({ stream: events.map((event) => ('type' in event ? { event: wire(event) } : event)), end });
export const HELLO = streams([...START, text('Hel'), text('lo'), ...END]);

/** A provider whose hosts are its targets' ids, so that a script can tell them apart. */
const plainProvider = (kind: ProviderKind, dialect: DialectName): Provider => ({
  kind,
  dialect,
  call: ({ target, body, stream, apiKey }) => ({
    transport: 'http',
    url: `${target.provider.baseUrl}/call`,
    headers: { ...(apiKey !== undefined && { 'x-key': apiKey }) },
    body: JSON.stringify(body),
    stream,
  }),
  mapError: ({ status, message }, headers): AttemptFailure => {
    const filtered = message.includes('content_filter') ? 'content_filter' : reasonOfStatus(status);
    const reason = message.includes('too long') ? 'context_length' : filtered;
    return attemptFailure(reason, { status, message, retryAfterMs: readRetryAfterMs(headers) });
  },
});

export const makeTarget = (host: string, more: Partial<Target> & { apiKey?: string } = {}): Target => {
  const { apiKey, ...rest } = more;
  return {
    id: host,
    provider: { name: host, kind: 'openai', baseUrl: `https://${host}`, ...(apiKey !== undefined && { apiKey }) },
    dialect: 'openai-chat',
    model: `model-${host}`,
    price: { input: 1n, cachedInput: 1n, cacheWrite5m: 1n, cacheWrite1h: 1n, output: 1n, tiers: [], source: 'test' },
    capabilities: new Set(),
    contextTokens: 100_000,
    maxOutputTokens: 4_096,
    maxImageTokens: 0,
    maxDocumentTokens: 0,
    reasoningModel: false,
    ...rest,
  };
};

/** The store of circuits in a few lines: one map, one compare-and-set. */
export const makeMemoryCircuitStore = (): CircuitStore & {
  records: Map<string, CircuitRecord>;
  reads: number;
  writes: number;
} => {
  const records = new Map<string, CircuitRecord>();
  return {
    records,
    reads: 0,
    writes: 0,
    async read(targets) {
      this.reads += 1;
      return targets.flatMap((target) => records.get(target) ?? []);
    },
    async write(next) {
      this.writes += 1;
      if ((records.get(next.target)?.version ?? 0) !== next.version - 1) return false;
      records.set(next.target, next);
      return true;
    },
    async list() {
      return [...records.values()];
    },
  };
};

export interface LogLine {
  level: string;
  message: string;
  fields: Record<string, unknown> | undefined;
}
export const makeMemoryLog = (): Log & { lines: LogLine[] } => {
  const lines: LogLine[] = [];
  const at = (level: string) => (message: string, fields?: Record<string, unknown>) =>
    void lines.push({ level, message, fields });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
};

/** Chance that is always the same; bytes count up, so that no two are equal. */
export const makeFixedRandom = (fraction = 0.5): Random => {
  let drawn = 0;
  return {
    fraction: () => fraction,
    bytes: (count) => {
      drawn += 1;
      return new Uint8Array(count).map((_, i) => (i === 0 ? drawn & 255 : drawn >> 8));
    },
  };
};

export interface Scene {
  clock: FakeClock;
  upstream: ScriptedUpstream;
  ports: CallPorts;
  log: ReturnType<typeof makeMemoryLog>;
  circuits: ReturnType<typeof makeMemoryCircuitStore>;
  startedAt: number;
  request: (more?: Partial<Omit<CallRequest, 'alias'>> & SceneRequest) => CallRequest;
  call: (more?: Partial<Omit<CallRequest, 'alias'>> & SceneRequest) => Promise<LateResult>;
}

export interface SceneRequest {
  stream?: boolean;
  attempts?: number;
  deadlineMs?: number;
  timeouts?: Partial<CallRequest['alias']['timeouts']>;
}

export const makeScene = (
  scripts: Record<string, Script[]>,
  more: { targets?: Target[]; secrets?: SecretStore; fraction?: number } = {},
): Scene => {
  const clock = makeFakeClock();
  const startedAt = clock.now();
  const upstream = makeScriptedUpstream(scripts, clock);
  const log = makeMemoryLog();
  const circuits = makeMemoryCircuitStore();
  const random = makeFixedRandom(more.fraction);
  const openai = plainProvider('openai', 'openai-chat');
  const surface = makePlainDialect<SurfaceName>('openai-chat');
  const other = makePlainDialect<SurfaceName>('anthropic-messages') as Dialect;
  const ports: CallPorts = {
    clock,
    random,
    upstream,
    log,
    circuitBoard: makeCircuitBoard({ store: circuits, clock, random, log }),
    secrets: more.secrets ?? { read: async () => undefined },
    dialects: { 'openai-chat': surface, 'anthropic-messages': other, 'bedrock-converse': other },
    providers: { openai, 'openai-compatible': openai, anthropic: openai, bedrock: openai, simulator: openai },
  };
  const targets = more.targets ?? Object.keys(scripts).map((host) => makeTarget(host));
  const request: Scene['request'] = ({
    stream = false,
    attempts = 4,
    deadlineMs = 280_000,
    timeouts,
    ...rest
  } = {}) => ({
    requestId: 'req_1',
    surface,
    conversation: {
      model: 'assistant',
      turns: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
      tools: [],
      choices: 1,
      stream,
      streamUsage: false,
      sameDialectOnly: [],
      costBearing: [],
    },
    body: { model: 'assistant', kept: true },
    alias: {
      name: 'assistant',
      targets,
      outputFloorTokens: 100,
      defaultOutputTokens: 1_024,
      timeouts: { firstTokenMs: 20_000, idleMs: 30_000, totalMs: 280_000, ...timeouts },
      attempts,
    },
    targets,
    context: { requestId: 'req_1', alias: 'assistant', createdAt: 1, streamUsage: false },
    outputLimit: () => undefined,
    deadlineAt: startedAt + deadlineMs,
    signal: new AbortController().signal,
    admitAttempt: async () => undefined,
    ...rest,
  });
  const call: Scene['call'] = (more) => clock.settle(callTargets(request(more), ports));
  return { clock, upstream, ports, log, circuits, startedAt, request, call };
};

/** Narrows a result, or says what came instead. */
export const expectKind = <K extends LateResult['kind']>(
  result: LateResult,
  kind: K,
): Extract<LateResult, { kind: K }> => {
  if (result.kind !== kind)
    throw new Error(
      `expected ${kind}, got ${JSON.stringify(result, (_, v) => (typeof v === 'bigint' ? String(v) : v))}`,
    );
  return result as Extract<LateResult, { kind: K }>;
};

/** Reads a whole stream as its client would. */
export const readAll = async (
  result: Extract<LateResult, { kind: 'streaming' }>,
  clock: FakeClock,
): Promise<{ chunks: string[]; lines: unknown[]; said: string; end: StreamEnd }> => {
  const chunks: string[] = [];
  const read = async () => {
    for await (const chunk of result.chunks) chunks.push(chunk);
  };
  await clock.settle(read());
  const lines = chunks
    .join('')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const said = lines.map((line) => (line.type === 'text-delta' ? line.text : '')).join('');
  return { chunks, lines, said, end: await clock.settle(result.ended) };
};
