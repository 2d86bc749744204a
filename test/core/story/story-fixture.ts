import { openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import { catalogue } from '../../../lambdas/catalogue/catalogue.ts';
import { checkConfig } from '../../../lambdas/contract/check-config.ts';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import { epochOf } from '../../../lambdas/contract/timing.ts';
import { makeRunBook } from '../../../lambdas/core/admit/run-book.ts';
import type { KeyRecord } from '../../../lambdas/core/authenticate/access-store.ts';
import { issueKey } from '../../../lambdas/core/authenticate/manage-keys.ts';
import { makeCircuitBoard } from '../../../lambdas/core/call/circuit-board.ts';
import type { AnySurfaceName } from '../../../lambdas/core/dialect.ts';
import { handleRequest } from '../../../lambdas/core/handle-request.ts';
import type { LedgerEntry, Settlement } from '../../../lambdas/core/ledger.ts';
import { makeHomeBook } from '../../../lambdas/core/route/home-book.ts';
import { resolveCaches } from '../../../lambdas/core/route/resolve-caches.ts';
import { resolveGateway } from '../../../lambdas/core/route/resolve-gateway.ts';
import { makeStatisticsBook } from '../../../lambdas/core/route/statistics-book.ts';
import { type MemorySettleQueue, makeSettleQueue } from '../../../lambdas/core/settle/settle-queue.ts';
import { watchStoreHealth } from '../../../lambdas/core/store-health.ts';
import { loadSurface } from '../../../lambdas/wiring/codecs.ts';
import type { LocalPorts } from '../../../lambdas/wiring/open-local-gateway.ts';
import { ALL_CODECS } from '../../support/all-codecs.ts';
import { type FakeClock, makeFakeClock } from '../../support/fake-clock.ts';
import { makeMemoryLog } from '../call/call-fixture.ts';
import { makeScriptedUpstream, type Script, type ScriptedUpstream } from '../call/scripted-upstream.ts';

/** A request's whole way with every stage real: the embedded store in memory, the vendors' codecs, a clock that stands still, and vendors that play a script. */
export interface Story {
  clock: FakeClock;
  /** May be changed: the next request sees it. */
  ports: LocalPorts;
  log: ReturnType<typeof makeMemoryLog>;
  upstream: ScriptedUpstream;
  queue: MemorySettleQueue;
  key: string;
  keyRecord: KeyRecord;
  /** Every settlement that the ledger was asked to enter, repeats too. */
  settlements: Settlement[];
  /** Cancellation watches that have not ended. */
  watches(): number;
  makeKey(record?: Partial<KeyRecord>): Promise<string>;
  ask(body?: object, more?: AskOptions): Promise<Response>;
  /** Reads a body to its end, moving the clock on where it waits. */
  read(response: Response): Promise<string>;
  entries(): Promise<LedgerEntry[]>;
  /** The org's account of this month. */
  org(): Promise<{ committed: bigint; spent: bigint; held: bigint }>;
  /** Requests of the key that are under way, as the limit store counts them. */
  underWay(): Promise<number>;
}

interface AskOptions {
  headers?: Record<string, string>;
  signal?: AbortSignal;
  key?: string;
  surface?: AnySurfaceName;
}

export const CONCURRENT = 8;

/** Two vendors that speak OpenAI's dialect: `a` at $10 and $100 a million, `b` at twice that. */
export const CONFIG: GatewayConfig = {
  providers: {
    a: { kind: 'openai-compatible', baseUrl: 'https://a/v1' },
    b: { kind: 'openai-compatible', baseUrl: 'https://b/v1' },
  },
  models: {
    assistant: {
      targets: [
        {
          provider: 'a',
          model: 'm-1',
          price: { inputPerMTok: '10', outputPerMTok: '100' },
          contextTokens: 100_000,
          maxOutputTokens: 8_000,
        },
        {
          provider: 'b',
          model: 'm-1',
          price: { inputPerMTok: '20', outputPerMTok: '200' },
          contextTokens: 100_000,
          maxOutputTokens: 8_000,
        },
      ],
    },
  },
  budgets: { org: { monthly: '$10' } },
  limits: { perKey: { requestsPerMinute: 600, tokensPerMinute: 1_000_000, concurrent: CONCURRENT } },
};

export const makeStory = async (scripts: Record<string, Script[]>, config: GatewayConfig = CONFIG): Promise<Story> => {
  const clock = makeFakeClock();
  const random = systemRandom;
  const log = makeMemoryLog();
  const checked = checkConfig(config);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  const resolved = resolveGateway(checked.config, catalogue, 1, { available: () => true, caches: resolveCaches });
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));

  const stores = openEmbeddedStores({ file: ':memory:', clock, random });
  const settlements: Settlement[] = [];
  const ledger = {
    ...stores.ledger,
    settle: (settlement: Settlement) => {
      settlements.push(settlement);
      return stores.ledger.settle(settlement);
    },
  };
  let watches = 0;
  const queue = makeSettleQueue({ ledger: { ...ledger, settle: (one) => ports.ledger.settle(one) }, clock, log });
  const upstream = makeScriptedUpstream(scripts, clock);
  const ports: LocalPorts = {
    clock,
    random,
    access: stores.access,
    limits: stores.limits,
    circuits: stores.circuits,
    circuitBoard: makeCircuitBoard({ store: stores.circuits, clock, random, log }),
    statistics: makeStatisticsBook({ store: stores.statistics, clock, log, targets: [] }),
    homes: makeHomeBook(),
    ledger,
    settleQueue: queue,
    storeHealth: watchStoreHealth(stores.ledger, stores.limits, clock).storeHealth,
    secrets: { read: async () => undefined },
    upstream,
    cancellations: {
      ...stores.cancellations,
      watch: (id, onCancel) => {
        watches += 1;
        const end = stores.cancellations.watch(id, onCancel);
        let hasEnded = false;
        return () => {
          if (!hasEnded) watches -= 1;
          hasEnded = true;
          end();
        };
      },
    },
    answers: stores.answers,
    feedback: stores.feedback,
    runs: makeRunBook(stores.runs),
    log,
    loadSurface,
    ...ALL_CODECS,
    gateway: resolved.gateway,
  };
  const makeKey = async (record: Partial<KeyRecord> = {}) =>
    (
      await issueKey(
        { name: 'test', team: 'search', user: 'ada', tags: {}, aliases: null, rights: [], expiresAt: null, ...record },
        ports,
      )
    ).key;
  const key = await makeKey({ rights: ['act-for-users', 'read-usage'] });
  const [keyRecord] = await stores.access.listKeys();
  if (keyRecord === undefined) throw new Error('the key was not stored');

  return {
    clock,
    ports,
    log,
    upstream,
    queue,
    key,
    keyRecord,
    settlements,
    watches: () => watches,
    makeKey,
    ask: (body = {}, { headers = {}, signal, key: asker = key, surface = 'openai-chat' } = {}) => {
      const request = new Request('http://gateway/', {
        method: 'POST',
        headers: { authorization: `Bearer ${asker}`, ...headers },
        body: JSON.stringify({
          model: 'assistant',
          max_tokens: 1_000,
          messages: [{ role: 'user', content: 'hello' }],
          ...body,
        }),
        ...(signal && { signal }),
      });
      return clock.settle(ports.loadSurface(surface).then((spoken) => handleRequest(request, spoken, ports)));
    },
    read: (response) => clock.settle(response.text()),
    entries: () => stores.ledger.tail({ limit: 100 }),
    org: async () => {
      const [figures] = await stores.ledger.figures(['org#default#2026-11']);
      return figures ?? { committed: 0n, spent: 0n, held: 0n };
    },
    underWay: async () => {
      const limit = { concurrent: CONCURRENT };
      const [figures] = await stores.limits.read([{ scope: `key#${keyRecord.id}`, limit, tokens: 0 }], clock.now());
      return CONCURRENT - (figures?.remaining ?? CONCURRENT);
    },
  };
};

/** An answer in OpenAI's words. `usage` as the vendor tells it; undefined = it does not count. */
export const chatAnswer = (
  text: string,
  usage: unknown = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
): Script => ({ status: 200, body: JSON.stringify(chatBody(text, usage)) });

export const chatBody = (text: string, usage: unknown) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'm-1',
  choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
  usage,
});

const chunk = (delta: object, finish: string | null = null, more: object = {}) => ({
  event: {
    type: '',
    data: JSON.stringify({
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'm-1',
      choices: [{ index: 0, delta, finish_reason: finish }],
      ...more,
    }),
  },
});

export const says = (text: string, afterMs = 0) => ({ ...chunk({ content: text }), afterMs });
export const DONE = [
  chunk({}, 'stop'),
  chunk({}, null, { choices: [], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } }),
  { event: { type: '', data: '[DONE]' } },
];
export const chatStream = (
  events: Extract<Script, { stream: unknown }>['stream'],
  end: Extract<Script, { stream: unknown }>['end'] = 'close',
): Script => ({ stream: [chunk({ role: 'assistant', content: '' }), ...events], end });

export const epochAt = (clock: FakeClock): number => epochOf(clock.now());
