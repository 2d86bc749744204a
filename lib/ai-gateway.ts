import { Annotations, Duration } from 'aws-cdk-lib';
import type { Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { isDate } from '../lambdas/contract/calendar-date.ts';
import type { GatewayConfig } from '../lambdas/contract/config.ts';
import { MACHINE_OUTPUT } from '../lambdas/contract/stack-outputs.ts';
import { Alarms } from './alarms.ts';
import { BudgetEscalation } from './budget-escalation.ts';
import { CacheAlarms } from './cache-alarms.ts';
import { checkDeployedConfig } from './check-deployed-config.ts';
import { CircuitProber } from './circuit-prober.ts';
import { type Command, GRANTED_COMMANDS, grantCommands } from './cli-rights.ts';
import { CostAlarms } from './cost-alarms.ts';
import { CostDashboard } from './cost-dashboard.ts';
import { GatewayApi, type GatewayDomain, type Throttle } from './gateway-api.ts';
import { GatewayFunction } from './gateway-function.ts';
import { gatewayMetric } from './gateway-metrics.ts';
import { LedgerPipeline } from './ledger-pipeline.ts';
import { searchOutputs, secretOutputs, tableOutputs, writeOutputs } from './outputs.ts';
import { PinWatch } from './pin-watch.ts';
import { pinWarnings } from './pins-at-synth.ts';
import { QualityDashboard } from './quality-dashboard.ts';
import { ReliabilityAlarms } from './reliability-alarms.ts';
import { ReliabilityDashboard } from './reliability-dashboard.ts';
import { secretNames } from './secret-access.ts';
import { SemanticCache } from './semantic-cache.ts';
import { semanticIndexOf } from './semantic-index.ts';
import { State } from './state.ts';

export interface AiGatewayProps {
  /** What `defineGateway` returns. Checked here; a mistake fails the synth with the field's path. */
  readonly config: GatewayConfig;
  /** A name of your own. Default: API Gateway's. */
  readonly domain?: GatewayDomain;
  /** Over all callers together; API Gateway answers 429 beyond. Default: 500 a second, 1,000 at once. */
  readonly throttle?: Throttle;
  /** A web ACL with a limit for each address. Costs by the month, so there is none by default. */
  readonly firewall?: { readonly requestsPer5Minutes: number };
  /** Where alarms are told. Default: nowhere; they can still be looked at. */
  readonly alarmTopic?: ITopic;
  /**
   * Memory of the gateway function; its processor share grows with it. Most of a call is waiting for the provider, and
   * memory is paid for that time too. Default: 512.
   */
  readonly memoryMb?: number;
  /** The *Cost* dashboard. The first three dashboards of an account are free, further ones cost by the month. Default: true. */
  readonly costDashboard?: boolean;
  /** The *Reliability* dashboard. Default: true. */
  readonly reliabilityDashboard?: boolean;
  /** The *Quality* dashboard. Default: true. */
  readonly qualityDashboard?: boolean;
  /** The day, `YYYY-MM-DD`, by which pinned model versions are judged: one that has retired fails the synth. Default: today. */
  readonly today?: string;
  /** Whether the tables outlive the stack. Default: true. False only where the ledger may be lost. */
  readonly retainState?: boolean;
  /** `buffered` for an emulator that can't stream. Default: `stream`. */
  readonly responseTransfer?: 'stream' | 'buffered';
}

/** The first instant of a day. @throws {TypeError} for what is no day */
const readDay = (today: string | undefined): number => {
  if (today === undefined) return Date.now();
  if (isDate(today)) return Date.parse(today);
  throw new TypeError(`today: expected a day such as "2027-01-31", got ${JSON.stringify(today)}`);
};

const THROTTLE: Throttle = { requestsPerSecond: 500, burst: 1_000 };
const MEMORY_MB = 512;

/**
 * An AI gateway: OpenAI's and Anthropic's APIs over the providers that the configuration names, with keys, limits, budgets
 * and a ledger. Nothing in it is paid by the hour.
 *
 * ```ts
 * new AiGateway(stack, 'Gateway', { config });
 * ```
 *
 * @throws {Error} at synth, when the configuration can't be deployed
 */
export class AiGateway extends Construct {
  /** What Anthropic's SDKs take as base URL. */
  readonly baseUrl: string;
  /** What OpenAI's SDKs take as base URL. */
  readonly openaiBaseUrl: string;
  readonly state: State;
  readonly pipeline: LedgerPipeline;
  readonly escalation: BudgetEscalation;
  readonly prober: CircuitProber;
  readonly pinWatch: PinWatch;
  /** undefined where the configuration asks for no index. */
  readonly semanticCache: SemanticCache | undefined;
  readonly gatewayFunction: GatewayFunction;
  readonly gatewayApi: GatewayApi;
  readonly alarms: Alarms;
  readonly costAlarms: CostAlarms;
  /** undefined where there is no semantic cache. */
  readonly cacheAlarms: CacheAlarms | undefined;
  /** undefined where none was asked for. */
  readonly costDashboard: CostDashboard | undefined;
  readonly reliabilityAlarms: ReliabilityAlarms;
  /** undefined where none was asked for. */
  readonly reliabilityDashboard: ReliabilityDashboard | undefined;
  /** undefined where none was asked for. */
  readonly qualityDashboard: QualityDashboard | undefined;
  private readonly secretNames: readonly string[];

  constructor(scope: Construct, id: string, props: AiGatewayProps) {
    super(scope, id);
    const { domain, firewall, alarmTopic, retainState = true, responseTransfer = 'stream' } = props;
    const nowMs = readDay(props.today);
    const checked = checkDeployedConfig(props.config, nowMs);
    const { deployed } = checked;
    for (const { id: warning, text } of pinWarnings(checked.pins)) Annotations.of(this).addWarningV2(warning, text);
    this.secretNames = secretNames(deployed.config);
    this.state = new State(this, 'State', { retain: retainState });
    const { tables } = this.state;
    this.gatewayFunction = new GatewayFunction(this, 'Gateway', {
      deployed,
      tables,
      memoryMb: props.memoryMb ?? MEMORY_MB,
    });
    this.gatewayApi = new GatewayApi(this, 'Api', {
      handler: this.gatewayFunction.function,
      responseTransfer,
      throttle: props.throttle ?? THROTTLE,
      ...(domain !== undefined && { domain }),
      ...(firewall !== undefined && { firewall }),
    });
    this.pipeline = new LedgerPipeline(this, 'Pipeline', { tables });
    this.escalation = new BudgetEscalation(this, 'Escalation', { tables, alerts: deployed.config.alerts });
    this.escalation.startedBy(this.pipeline.projector);
    this.escalation.startedBy(this.pipeline.closer);
    this.prober = new CircuitProber(this, 'Prober', { deployed, tables });
    this.pinWatch = new PinWatch(this, 'Pins', { config: deployed.config, tables });
    const semanticIndex = semanticIndexOf(checked);
    this.semanticCache =
      semanticIndex &&
      new SemanticCache(this, 'SemanticCache', { ...semanticIndex, gateway: this.gatewayFunction.function });
    this.alarms = new Alarms(this, 'Alarms', {
      gateway: this.gatewayFunction.function,
      pipeline: this.pipeline,
      escalation: this.escalation,
      prober: this.prober,
      pinWatch: this.pinWatch,
      ...(this.semanticCache !== undefined && { semanticCache: this.semanticCache }),
      ...(alarmTopic !== undefined && { topic: alarmTopic }),
    });
    this.costAlarms = new CostAlarms(this, 'CostAlarms', {
      config: deployed.config,
      ...(alarmTopic !== undefined && { topic: alarmTopic }),
    });
    this.cacheAlarms =
      semanticIndex && new CacheAlarms(this, 'CacheAlarms', { ...(alarmTopic !== undefined && { topic: alarmTopic }) });
    this.costDashboard =
      props.costDashboard === false ? undefined : new CostDashboard(this, 'Cost', { config: deployed.config });
    this.reliabilityAlarms = new ReliabilityAlarms(this, 'ReliabilityAlarms', {
      ...(alarmTopic !== undefined && { topic: alarmTopic }),
    });
    this.reliabilityDashboard =
      props.reliabilityDashboard === false
        ? undefined
        : new ReliabilityDashboard(this, 'Reliability', { config: deployed.config });
    this.qualityDashboard =
      props.qualityDashboard === false
        ? undefined
        : new QualityDashboard(this, 'Quality', { gatewayLog: this.gatewayFunction.function.logGroup });
    this.baseUrl = this.gatewayApi.baseUrl;
    this.openaiBaseUrl = `${this.baseUrl}/v1`;
    this.writeOutputs();
  }

  /**
   * Lets a role call the gateway's function itself, past the front door, with an event such as API Gateway sends: for
   * canaries and tests. The call still needs a key of the gateway. Applications need no grant: they have keys.
   */
  grantInvoke(grantee: IGrantable): Grant {
    return this.gatewayFunction.function.grantInvoke(grantee);
  }

  /** Lets somebody make, list, end and rotate keys with the command line (`tollgate keys …`). */
  grantManageKeys(grantee: IGrantable): Grant {
    return this.grantCommands(grantee, GRANTED_COMMANDS.grantManageKeys);
  }

  /** Lets somebody read who asked what, and for how much (`tollgate ledger tail`, `verify`, `export`). No prompt and no answer is in there. */
  grantReadLedger(grantee: IGrantable): Grant {
    return this.grantCommands(grantee, GRANTED_COMMANDS.grantReadLedger);
  }

  /** Lets somebody put right accounts that differ from their entries (`tollgate ledger rebuild`). */
  grantRebuildLedger(grantee: IGrantable): Grant {
    return this.grantCommands(grantee, GRANTED_COMMANDS.grantRebuildLedger);
  }

  /** Lets somebody open and close circuits by hand (`tollgate circuits …`). */
  grantManageCircuits(grantee: IGrantable): Grant {
    return this.grantCommands(grantee, GRANTED_COMMANDS.grantManageCircuits);
  }

  /** Lets somebody look at agent runs and stop them (`tollgate runs …`). */
  grantManageRuns(grantee: IGrantable): Grant {
    return this.grantCommands(grantee, GRANTED_COMMANDS.grantManageRuns);
  }

  /** Lets somebody look at budgets, set them by hand, and approve raises (`tollgate budgets …`). */
  grantManageBudgets(grantee: IGrantable): Grant {
    return this.grantCommands(grantee, GRANTED_COMMANDS.grantManageBudgets);
  }

  /** Lets somebody read what has changed in the calendar of pins and what canaries are set by hand (`tollgate pins list`, `history`). It can read what keys are called, too: they are in the same table. */
  grantReadPins(grantee: IGrantable): Grant {
    return this.grantCommands(grantee, GRANTED_COMMANDS.grantReadPins);
  }

  /** Lets somebody give canaries their shares by hand (`tollgate pins promote`, `back`, `release`), and write nothing else. */
  grantManagePins(grantee: IGrantable): Grant {
    return this.grantCommands(grantee, GRANTED_COMMANDS.grantManagePins);
  }

  /** Lets somebody count, purge and trust kept answers (`tollgate cache stats`, `purge`, `trust`): who counts them can read them. */
  grantManageCache(grantee: IGrantable): Grant {
    return this.grantCommands(grantee, GRANTED_COMMANDS.grantManageCache);
  }

  /** Lets somebody put the provider keys that the configuration names (`tollgate secrets put`), and read none. */
  grantPutSecrets(grantee: IGrantable): Grant {
    return this.grantCommands(grantee, GRANTED_COMMANDS.grantPutSecrets);
  }

  /** Requests that reached the front door. */
  metricRequests(options?: MetricOptions): Metric {
    return this.gatewayApi.api.metricCount(options);
  }

  /** Answers with a status from 400 to 499: refusals, among them limits and budgets. */
  metricRefusals(options?: MetricOptions): Metric {
    return this.gatewayApi.api.metricClientError(options);
  }

  /** Answers with a status of 500 or above: providers or the gateway itself. */
  metricServerErrors(options?: MetricOptions): Metric {
    return this.gatewayApi.api.metricServerError(options);
  }

  /** Milliseconds from the request to the end of its answer. */
  metricLatency(options?: MetricOptions): Metric {
    return this.gatewayApi.api.metricLatency(options);
  }

  /** Calls of the gateway function that ended in an error which it did not turn into an answer. */
  metricFunctionErrors(options?: MetricOptions): Metric {
    return this.gatewayFunction.function.metricErrors(options);
  }

  /** US dollars that the models have cost. @param dimensions `{ Team }`, `{ Alias }`, `{ Provider, Model }` or none: all */
  metricCost(dimensions: Record<string, string> = {}, options?: MetricOptions): Metric {
    return gatewayMetric('CostUsd', dimensions, options);
  }

  /** Milliseconds that Tollgate itself adds to a request, round trips to its tables included. */
  metricOverhead(options?: MetricOptions): Metric {
    return gatewayMetric('GatewayOverheadMs', {}, { statistic: 'p95', ...options });
  }

  /** Quality of the answers, 0 to 1. @param dimensions `{ Provider, Model }` or none: all */
  metricQuality(dimensions: Record<string, string> = {}, options?: MetricOptions): Metric {
    return gatewayMetric('QualityScore', dimensions, { statistic: 'Average', ...options });
  }

  /** Days until a version that aliases are pinned to retires, the nearest. @param dimensions `{ Alias }` or none: of all */
  metricDaysToSunset(dimensions: Record<string, string> = {}, options?: MetricOptions): Metric {
    return gatewayMetric('DaysToSunset', dimensions, { statistic: 'Minimum', period: Duration.days(1), ...options });
  }

  /** Milliseconds by which the accounts lag behind the ledger. */
  metricProjectorLag(options?: MetricOptions): Metric {
    return this.pipeline.metricProjectorLag(options);
  }

  private grantCommands(grantee: IGrantable, commands: readonly Command[]): Grant {
    const { state, secretNames, semanticCache } = this;
    return grantCommands(this, grantee, commands, {
      tables: state.tables,
      secretNames,
      machineArn: this.escalation.machine.stateMachineArn,
      ...(semanticCache !== undefined && {
        search: { domainArn: semanticCache.domainArn, prefix: semanticCache.place.prefix },
      }),
    });
  }

  /** For people and for the command line. */
  private writeOutputs(): void {
    const { domainTarget } = this.gatewayApi;
    writeOutputs(this, {
      BaseUrl: { value: this.baseUrl, description: 'Base URL for Anthropic SDKs' },
      OpenAiBaseUrl: { value: this.openaiBaseUrl, description: 'Base URL for OpenAI SDKs' },
      ...tableOutputs(this.state.tables),
      FunctionName: { value: this.gatewayFunction.function.functionName, description: 'The gateway function' },
      BudgetTopic: { value: this.escalation.topic.topicArn, description: 'Where notices about budgets are published' },
      PinTopic: { value: this.pinWatch.topic.topicArn, description: 'Where notices about pinned models are published' },
      [MACHINE_OUTPUT]: { value: this.escalation.machine.stateMachineArn, description: 'The workflow of budgets' },
      ...secretOutputs(this.secretNames),
      ...(this.semanticCache !== undefined && searchOutputs(this.semanticCache.place)),
      ...(domainTarget !== undefined && {
        DomainTarget: { value: domainTarget, description: 'Where the domain name has to point' },
      }),
    });
  }
}
