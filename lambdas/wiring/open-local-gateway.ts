import { makeEnvironmentSecrets } from '../adapters/environment/make-environment-secrets.ts';
import type { Meter } from '../adapters/simulator/meter.ts';
import { catalogue } from '../catalogue/catalogue.ts';
import { checkConfig } from '../contract/check-config.ts';
import type { ConfigProblem } from '../contract/config-problem.ts';
import { makeRunBook } from '../core/admit/run-book.ts';
import { cacheAccess } from '../core/authenticate/cached-access.ts';
import { makeLivePolicy } from '../core/budget/live-policy.ts';
import { policyFingerprint } from '../core/budget/policy-fingerprint.ts';
import { makeCircuitBoard } from '../core/call/circuit-board.ts';
import type { Ledger } from '../core/ledger.ts';
import { describePin, endingPins, retiredPins } from '../core/pins/describe-pin.ts';
import { listPins } from '../core/pins/list-pins.ts';
import { pinnedTargets } from '../core/pins/pinned-targets.ts';
import type { Gateway, Log, Ports } from '../core/ports.ts';
import { makeHomeBook } from '../core/route/home-book.ts';
import { resolveGateway } from '../core/route/resolve-gateway.ts';
import { makeStatisticsBook } from '../core/route/statistics-book.ts';
import { makeSettleQueue } from '../core/settle/settle-queue.ts';
import { boundStores } from './bound-stores.ts';
import { closeEpochsRegularly } from './close-epochs-regularly.ts';
import { kindsIn, loadCodecs, loadSurface, withLateDialects } from './codecs.ts';
import { readDemoKey } from './demo-key.ts';
import { escalateLocally } from './escalate-locally.ts';
import { loadCacheRules } from './load-cache-rules.ts';
import { loadCanaries } from './load-canaries.ts';
import { loadPolicies } from './load-policies.ts';
import { openLocalCache } from './open-local-cache.ts';
import { type LocalStores, makeLocalStores } from './open-local-stores.ts';
import { openLocalUpstream } from './open-local-upstream.ts';
import { makeLocalProber } from './probe-locally.ts';
import { isProviderAvailable } from './provider-availability.ts';
import { trackOpenEntries } from './track-open-entries.ts';
import { watchPinsLocally } from './watch-pins-locally.ts';

/** What a front door needs beside the gateway, so that adapters are named here and nowhere else. */
export { loadConfigFile } from '../adapters/config-file/load-config-file.ts';
export { LOG_LEVELS, makeLog } from '../adapters/system/log.ts';

/** The whole ledger: one process does here what functions of their own do on AWS. */
export interface LocalPorts extends Ports {
  ledger: Ledger;
}

export interface LocalGateway {
  ports: LocalPorts;
  /** A key that works here, for trying things out. */
  demoKey: string;
  /** What people should know: aliases left out because their providers have no key here. */
  notices: string[];
  /** What the simulator says it delivered: tests hold the ledger against it. */
  meter: Meter;
  /** From here on no call begins that nobody waits for; requests are answered as ever. */
  beginNothing(): void;
  /** Resolves when every request that was admitted has been settled. */
  whenIdle(): Promise<void>;
  /** Reads the caps that were set by hand now, rather than within seconds. */
  readBudgets(): Promise<void>;
  /** Reads the shares of canaries that were set by hand, likewise. */
  readPinOverrides(): Promise<void>;
  close(): Promise<void>;
}

export type OpenedGateway = { ok: true; gateway: LocalGateway } | { ok: false; problems: ConfigProblem[] };

export interface LocalGatewayOptions {
  /** As its owner wrote it; checked here. */
  config: unknown;
  /** Folder of the store; `:memory:` for none. */
  dataDir: string;
  env: Readonly<Record<string, string | undefined>>;
  log: Log;
  /** Where `npm run fetch-model` has put the local embedder, if not where it does. */
  modelsFolder?: string;
}

/**
 * Configuration and environment → a gateway with the embedded store: what `npm start` runs.
 *
 * @throws {StoreUnavailable} when the store's file can't be opened
 */
export const openLocalGateway = async (options: LocalGatewayOptions): Promise<OpenedGateway> => {
  const checked = checkConfig(options.config);
  if (!checked.ok) return checked;
  const stores = makeLocalStores(options.dataDir, options.log);
  try {
    const fingerprint = policyFingerprint(checked.config);
    const policyVersion = await stores.policyVersion(fingerprint);
    const available = isProviderAvailable(options.env);
    const rules = await loadCacheRules(checked.config);
    const resolved = resolveGateway(checked.config, catalogue, policyVersion, { available, ...rules });
    if (resolved.ok) {
      const loaded = await loadCodecs(kindsIn(checked.config));
      const codecs = { ...loaded, dialects: await withLateDialects(loaded.dialects, resolved.gateway) };
      return { ok: true, gateway: await wireGateway({ ...resolved, fingerprint, codecs }, stores, options) };
    }
    stores.close();
    return resolved;
  } catch (error) {
    stores.close();
    throw error;
  }
};

interface Resolved {
  gateway: Gateway;
  notices: string[];
  fingerprint: string;
  codecs: Awaited<ReturnType<typeof loadCodecs>>;
}

const wireGateway = async (
  { gateway: configured, notices, fingerprint, codecs }: Resolved,
  opened: LocalStores,
  { dataDir, env, log, modelsFolder }: LocalGatewayOptions,
): Promise<LocalGateway> => {
  const { clock, random } = opened;
  const stores = boundStores(opened, configured, { clock, log });
  const policy = makeLivePolicy(configured, fingerprint, { budgets: stores.budgets, clock, log });
  const { gateway } = policy;
  await policy.refresh();
  const escalation = escalateLocally(stores.ledger, { budgets: stores.budgets, clock, log });
  const { ledger, whenIdle } = trackOpenEntries(escalation.ledger);
  const settleQueue = makeSettleQueue({ ledger, clock, log });
  const targets = [...new Set([...gateway.aliases.values()].flatMap((alias) => alias.targets.map(({ id }) => id)))];
  const statistics = makeStatisticsBook({ store: stores.statistics, clock, log, targets });
  const prober = makeLocalProber(stores.circuits);
  const circuitBoard = makeCircuitBoard({
    store: prober.circuits,
    clock,
    random,
    log,
    targets,
    statisticsOf: statistics.of,
  });
  const { upstream, meter, closeUpstream } = openLocalUpstream();
  const secrets = makeEnvironmentSecrets(env, log);
  const calling = { clock, random, log, secrets, upstream, loadSurface, ...codecs };
  const cache = await openLocalCache(gateway, opened, calling, modelsFolder);
  const canaries = await loadCanaries(gateway.aliases, { pins: opened.pins, clock, log });
  let isEnding = false;
  const ports: LocalPorts = {
    clock,
    random,
    access: cacheAccess(stores.access, clock),
    limits: stores.limits,
    circuits: stores.circuits,
    circuitBoard,
    statistics,
    homes: makeHomeBook(),
    ...(await loadPolicies(gateway.aliases)),
    ...canaries.ports,
    ...cache.ports,
    mayLinger: () => !isEnding,
    ledger,
    settleQueue,
    storeHealth: stores.storeHealth,
    secrets,
    upstream,
    cancellations: stores.cancellations,
    answers: stores.answers,
    feedback: stores.feedback,
    runs: makeRunBook(stores.runs),
    log,
    loadSurface,
    ...codecs,
    gateway,
  };
  await Promise.all([circuitBoard.refresh(), statistics.refresh()]);
  const demoKey = await readDemoKey(dataDir, stores.access, { clock, random });
  // Last, as they run until they are stopped.
  prober.begin(ports);
  const stopClosing = closeEpochsRegularly(ports);
  const pinWatch = watchPinsLocally(configured, catalogue, { pins: opened.pins, clock, log });
  return {
    ports,
    demoKey,
    notices: [...notices, ...cache.notices, ...pinNotices(configured, clock.now())],
    meter,
    beginNothing: () => {
      isEnding = true;
    },
    whenIdle: async () => {
      await whenIdle();
      await ports.cache?.settled();
      await escalation.settled();
    },
    readBudgets: policy.refresh,
    readPinOverrides: canaries.refresh,
    close: async () => {
      stopClosing();
      await Promise.all([prober.stop(), pinWatch.stop()]);
      await cache.close();
      const lost = await settleQueue.flush();
      if (lost > 0) log.error('settlements left behind: their holds are charged whole', { count: lost });
      await Promise.all([circuitBoard.settled(), statistics.settled()]);
      await escalation.settled();
      await closeUpstream();
      stores.close();
    },
  };
};

/** The versions that have retired, or will soon. */
const pinNotices = (gateway: Gateway, nowMs: number): string[] => {
  const pins = listPins(pinnedTargets(gateway), catalogue, nowMs);
  return [...retiredPins(pins), ...endingPins(pins)].map((pin) => `${describePin(pin)}.`);
};
