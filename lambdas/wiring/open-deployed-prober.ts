import { openRequestStores } from '../adapters/dynamodb/open-request-stores.ts';
import { makeRuleSwitch } from '../adapters/eventbridge/make-rule-switch.ts';
import { makePowertoolsLog, type PowertoolsLog } from '../adapters/powertools-log/make-powertools-log.ts';
import type { EmitMetrics } from '../adapters/powertools-metrics/make-powertools-metrics.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { systemRandom } from '../adapters/system/random.ts';
import { redactKeys } from '../adapters/system/redact-keys.ts';
import { toLoggable } from '../adapters/system/to-loggable.ts';
import { readCatalogue } from '../catalogue/catalogue.ts';
import type { DeployedConfig } from '../catalogue/deployed-config.ts';
import { problemText } from '../contract/config-problem.ts';
import { PROBE_EVERY_MS, PROBE_RULE_VARIABLE } from '../contract/probing.ts';
import { makeRunBook } from '../core/admit/run-book.ts';
import { measureCircuits } from '../core/observe/measure-circuits.ts';
import { type ProbeSchedule, type ProbeTick, tickProbes } from '../core/probe/probe-circuits.ts';
import type { ProbePorts } from '../core/probe/probe-target.ts';
import { resolveGateway } from '../core/route/resolve-gateway.ts';
import { type MemorySettleQueue, makeSettleQueue } from '../core/settle/settle-queue.ts';
import { kindsIn, loadCodecs, loadSurface, withLateDialects } from './codecs.ts';
import { openDeployedSecrets } from './open-deployed-secrets.ts';
import { openDeployedUpstream } from './open-deployed-upstream.ts';
import { readTableNames } from './read-table-names.ts';

export interface DeployedProber {
  log: PowertoolsLog;
  schedule: ProbeSchedule;
  /** One round; the gateway's configuration and stores are opened at the first. @throws as `tickProbes` does */
  tick(): Promise<ProbeTick>;
  /** Tells CloudWatch how the circuits stand. Never rejects: probing does not wait for a picture. */
  measure(): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Number of the policy that the prober holds by: below every gateway's, so that each account's own stamp wins. It numbers
 * none itself: started on the configuration of before a deployment, it would bring the old caps back for everybody.
 */
const NO_POLICY = 0;

/** Configuration and environment → the background prober. Nothing is opened or read before it ticks. @throws {Error} when the environment does not name the rule */
export const openDeployedProber = (service: string, deployed: DeployedConfig, env: Environment): DeployedProber => {
  const log = makePowertoolsLog({ service, toLoggable, redactKeys });
  const rule = env[PROBE_RULE_VARIABLE];
  if (!rule) throw new Error(`${PROBE_RULE_VARIABLE} is not set: the function does not know its rule`);
  const schedule = makeRuleSwitch({ rule });
  let emit: EmitMetrics | undefined;
  const loadMetrics = async (): Promise<EmitMetrics> => {
    emit ??= (await import('../adapters/powertools-metrics/make-powertools-metrics.ts')).makePowertoolsMetrics();
    return emit;
  };
  let opening: ReturnType<typeof openPorts> | undefined;
  const open = () => {
    opening ??= openPorts(deployed, env, log);
    return opening.catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
  };
  return {
    log,
    schedule,
    measure: async () => {
      try {
        const [{ circuits, gateway, clock }, emitMetrics] = await Promise.all([open(), loadMetrics()]);
        emitMetrics(measureCircuits(await circuits.list(), gateway.aliases.values(), clock.now()));
      } catch (error) {
        log.error('the circuits could not be measured', { error });
      }
    },
    tick: async () => {
      const ports = await open();
      try {
        // Bounded by its period and the probe's own deadline: nothing outside stops it.
        const { signal } = new AbortController();
        return await tickProbes(ports, { schedule, periodMs: PROBE_EVERY_MS, signal });
      } finally {
        // Afterwards the environment is frozen.
        const left = await ports.settleQueue.flush();
        if (left > 0) log.error("settlements not entered: the epoch's close charges their holds", { count: left });
      }
    },
  };
};

const openPorts = async (
  { config, catalogue }: DeployedConfig,
  env: Environment,
  log: PowertoolsLog,
): Promise<ProbePorts & { settleQueue: MemorySettleQueue }> => {
  const [clock, random] = [systemClock, systemRandom];
  const resolved = resolveGateway(config, readCatalogue(catalogue), NO_POLICY);
  if (!resolved.ok) throw new Error(`the bundled configuration: ${resolved.problems.map(problemText).join('; ')}`);
  const stores = openRequestStores({
    client: {},
    tables: readTableNames(env),
    clock,
    random,
    log,
  });
  const { ledger } = stores;
  const kinds = kindsIn(config);
  const [upstream, codecs, secrets] = await Promise.all([
    openDeployedUpstream(kinds, clock),
    loadCodecs(kinds),
    openDeployedSecrets(config, { clock, log }),
  ]);
  return {
    clock,
    random,
    limits: stores.limits,
    runs: makeRunBook(stores.runs),
    circuits: stores.circuits,
    ledger,
    settleQueue: makeSettleQueue({ ledger, clock, log }),
    secrets,
    upstream,
    log,
    loadSurface,
    ...codecs,
    dialects: await withLateDialects(codecs.dialects, resolved.gateway),
    gateway: resolved.gateway,
  };
};
