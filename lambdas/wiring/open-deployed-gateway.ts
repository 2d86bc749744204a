import type { DynamoOptions } from '../adapters/dynamodb/dynamo.ts';
import { openRequestStores } from '../adapters/dynamodb/open-request-stores.ts';
import { makePowertoolsLog, type PowertoolsLog } from '../adapters/powertools-log/make-powertools-log.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { systemRandom } from '../adapters/system/random.ts';
import { redactKeys } from '../adapters/system/redact-keys.ts';
import { toLoggable } from '../adapters/system/to-loggable.ts';
import { readCatalogue } from '../catalogue/catalogue.ts';
import type { DeployedConfig } from '../catalogue/deployed-config.ts';
import { problemText } from '../contract/config-problem.ts';
import { makeRunBook } from '../core/admit/run-book.ts';
import { cacheAccess } from '../core/authenticate/cached-access.ts';
import { makeLivePolicy } from '../core/budget/live-policy.ts';
import { policyFingerprint } from '../core/budget/policy-fingerprint.ts';
import { makeCircuitBoard } from '../core/call/circuit-board.ts';
import type { Clock, Log, Ports, Random } from '../core/ports.ts';
import { makeHomeBook } from '../core/route/home-book.ts';
import { resolveGateway } from '../core/route/resolve-gateway.ts';
import { makeStatisticsBook } from '../core/route/statistics-book.ts';
import { makeSettleQueue } from '../core/settle/settle-queue.ts';
import { boundStores } from './bound-stores.ts';
import { kindsIn, loadCodecs, loadSurface, withLateDialects } from './codecs.ts';
import { keepPolicyNumbered } from './keep-policy-numbered.ts';
import { loadCacheRules } from './load-cache-rules.ts';
import { loadCanaries } from './load-canaries.ts';
import { loadPolicies } from './load-policies.ts';
import { openDeployedSecrets } from './open-deployed-secrets.ts';
import { openDeployedUpstream } from './open-deployed-upstream.ts';
import { readTableNames } from './read-table-names.ts';

/** What answers even before, or without, a gateway: its surfaces, and where it logs. */
export interface DeployedGround {
  clock: Clock;
  random: Random;
  log: PowertoolsLog;
  loadSurface: Ports['loadSurface'];
}

export interface DeployedGateway {
  ports: Ports;
  /**
   * Enters what is queued and lets circuit notes be written: a frozen environment does neither. Returns by the time that
   * the signal aborts; what it could not enter is tried again when the environment wakes, or charged whole at the close.
   *
   * @param deadline audits of the cache are cut short then, and settled
   */
  beforeFreeze(signal: AbortSignal, deadline: AbortSignal): Promise<void>;
}

/** How long the store is waited for; as the adapter has it, unless told. */
type StoreTimeouts = Pick<DynamoOptions, 'answerTimeoutMs' | 'connectTimeoutMs'>;

export const openGround = (service: string): DeployedGround => ({
  clock: systemClock,
  random: systemRandom,
  log: makePowertoolsLog({ service, toLoggable, redactKeys }),
  loadSurface,
});

/**
 * Configuration and environment → a gateway on DynamoDB and Secrets Manager. The configuration was checked at synth, by the
 * code that it is bundled with.
 *
 * @param mayLinger whether calls may begin that nobody waits for: not where answers leave only with the end of an invocation
 * @throws {StoreUnavailable} when the store can't be reached
 */
export const openDeployedGateway = async (
  { config, catalogue }: DeployedConfig,
  env: Readonly<Record<string, string | undefined>>,
  { clock, random, log, loadSurface }: DeployedGround,
  { mayLinger = true, ...timeouts }: { mayLinger?: boolean } & StoreTimeouts = {},
): Promise<DeployedGateway> => {
  const stores = openRequestStores({ client: {}, tables: readTableNames(env), clock, random, log, ...timeouts });
  const targetsOf = (gateway: Ports['gateway']): string[] => [
    ...new Set([...gateway.aliases.values()].flatMap((alias) => alias.targets.map(({ id }) => id))),
  ];
  const fingerprint = policyFingerprint(config);
  const kinds = kindsIn(config);
  const [rules, policyVersion, upstream, codecs, secrets] = await Promise.all([
    loadCacheRules(config),
    stores.policyVersion(fingerprint),
    openDeployedUpstream(kinds, clock),
    loadCodecs(kinds),
    openDeployedSecrets(config, { clock, log }),
  ]);
  const resolved = resolveGateway(config, readCatalogue(catalogue), policyVersion, rules);
  if (!resolved.ok) throw new Error(`the bundled configuration: ${resolved.problems.map(problemText).join('; ')}`);
  const budgets = keepPolicyNumbered(fingerprint, stores, { clock, log });
  const policy = makeLivePolicy(resolved.gateway, fingerprint, { budgets, clock, log });
  const { gateway } = policy;
  const { ledger, limits, answers, runs, storeHealth } = boundStores(stores, gateway, { clock, log });
  const settleQueue = makeSettleQueue({ ledger, clock, log });
  const targets = targetsOf(gateway);
  const statistics = makeStatisticsBook({ store: stores.statistics, clock, log, targets });
  const circuitBoard = makeCircuitBoard({
    store: stores.circuits,
    clock,
    random,
    log,
    targets,
    statisticsOf: statistics.of,
  });
  const late = withLateDialects(codecs.dialects, gateway);
  const openCache = async (): Promise<Pick<Ports, 'cache'>> => {
    if (rules.caches === undefined) return {};
    const [{ openDeployedCache }, dialects] = await Promise.all([import('./open-deployed-cache.ts'), late]);
    const ports = { clock, random, log, secrets, upstream, loadSurface, ...codecs, dialects };
    return openDeployedCache(gateway, stores, env, ports);
  };
  const [dialects, cache, policies, canaries] = await Promise.all([
    late,
    openCache(),
    loadPolicies(gateway.aliases),
    loadCanaries(gateway.aliases, { pins: stores.pins, clock, log }),
    circuitBoard.refresh(),
    statistics.refresh(),
    policy.refresh(),
  ]);
  return {
    ports: {
      clock,
      random,
      access: cacheAccess(stores.access, clock),
      limits,
      circuits: stores.circuits,
      circuitBoard,
      statistics,
      homes: makeHomeBook(),
      ...policies,
      ...canaries.ports,
      ...cache,
      mayLinger: () => mayLinger,
      ledger,
      settleQueue,
      storeHealth,
      secrets,
      upstream,
      cancellations: stores.cancellations,
      answers,
      feedback: stores.feedback,
      runs: makeRunBook(runs),
      log,
      loadSurface,
      ...codecs,
      dialects,
      gateway,
    },
    beforeFreeze: (signal, deadline) => {
      // What goes on behind answers may have more to enter.
      const entered = (cache.cache?.settled(deadline) ?? Promise.resolve()).then(() => enter(settleQueue, log));
      return within(signal, Promise.all([entered, circuitBoard.settled(), statistics.settled()]));
    },
  };
};

const enter = async (queue: ReturnType<typeof makeSettleQueue>, log: Log): Promise<void> => {
  if (queue.size === 0) return;
  const left = await queue.flush();
  if (left > 0) log.error('settlements wait for the next request of this environment', { count: left });
};

/** Waits for the work, but no longer than the signal lets it. */
const within = async (signal: AbortSignal, work: Promise<unknown>): Promise<void> => {
  if (signal.aborted) return;
  const stopped = Promise.withResolvers<void>();
  const stop = (): void => stopped.resolve();
  signal.addEventListener('abort', stop, { once: true });
  await Promise.race([work, stopped.promise]);
  signal.removeEventListener('abort', stop);
};
