import { CfnOutput } from 'aws-cdk-lib';
import type { Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { GatewayConfig } from '../lambdas/contract/config.ts';
import { Alarms } from './alarms.ts';
import { checkDeployedConfig } from './check-deployed-config.ts';
import { GatewayApi, type GatewayDomain, type Throttle } from './gateway-api.ts';
import { GatewayFunction } from './gateway-function.ts';
import { LedgerPipeline } from './ledger-pipeline.ts';
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
  /** Whether the tables outlive the stack. Default: true. False only where the ledger may be lost. */
  readonly retainState?: boolean;
  /** `buffered` for an emulator that can't stream. Default: `stream`. */
  readonly responseTransfer?: 'stream' | 'buffered';
}

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
  readonly gatewayFunction: GatewayFunction;
  readonly gatewayApi: GatewayApi;
  readonly alarms: Alarms;

  constructor(scope: Construct, id: string, props: AiGatewayProps) {
    super(scope, id);
    const { domain, firewall, alarmTopic, retainState = true, responseTransfer = 'stream' } = props;
    const deployed = checkDeployedConfig(props.config);
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
    this.alarms = new Alarms(this, 'Alarms', {
      gateway: this.gatewayFunction.function,
      pipeline: this.pipeline,
      ...(alarmTopic !== undefined && { topic: alarmTopic }),
    });
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

  /** Milliseconds by which the accounts lag behind the ledger. */
  metricProjectorLag(options?: MetricOptions): Metric {
    return this.pipeline.metricProjectorLag(options);
  }

  /** For people and for the CLI, which finds the tables by the ends of these names. */
  private writeOutputs(): void {
    const { access, limits, targets, ledger, accounts } = this.state.tables;
    const outputs: Record<string, { value: string; description: string }> = {
      BaseUrl: { value: this.baseUrl, description: 'Base URL for Anthropic SDKs' },
      OpenAiBaseUrl: { value: this.openaiBaseUrl, description: 'Base URL for OpenAI SDKs' },
      AccessTable: { value: access.tableName, description: 'Keys' },
      LimitsTable: { value: limits.tableName, description: 'Rate limits' },
      TargetsTable: { value: targets.tableName, description: 'Circuits' },
      LedgerTable: { value: ledger.tableName, description: 'Ledger entries' },
      AccountsTable: { value: accounts.tableName, description: 'Accounts' },
      FunctionName: { value: this.gatewayFunction.function.functionName, description: 'The gateway function' },
    };
    const { domainTarget } = this.gatewayApi;
    if (domainTarget !== undefined)
      outputs['DomainTarget'] = { value: domainTarget, description: 'Where the domain name has to point' };
    const prefix = this.node.id.replace(/[^A-Za-z0-9]/g, '');
    for (const [name, { value, description }] of Object.entries(outputs))
      new CfnOutput(this, `${name}Output`, { value, description }).overrideLogicalId(`${prefix}${name}`);
  }
}
