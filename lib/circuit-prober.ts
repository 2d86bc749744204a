import { Duration, Names, Stack } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import {
  EventSourceMapping,
  FilterCriteria,
  FilterRule,
  type Function as Lambda,
  StartingPosition,
} from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { DeployedConfig } from '../lambdas/catalogue/deployed-config.ts';
import { PROBE_EVERY_MS, PROBE_RULE_VARIABLE } from '../lambdas/contract/probing.ts';
import { CIRCUIT_OPEN, CIRCUIT_STATE, type TableName } from '../lambdas/contract/tables.ts';
import { grantProviders, providerCode } from './deployed-code.ts';
import { makeFailureQueue } from './failure-queue.ts';
import { makeLambdaFunction } from './lambda-function.ts';
import { grantTables, type TableGrants, tableVariables } from './table-grants.ts';

export interface CircuitProberProps {
  readonly deployed: DeployedConfig;
  readonly tables: Readonly<Record<TableName, Table>>;
}

/** What a probe asks of the tables: the circuits, and what admitting and settling one request does. */
export const PROBER_GRANTS: TableGrants = {
  targets: ['dynamodb:Scan', 'dynamodb:BatchGetItem', 'dynamodb:UpdateItem'],
  limits: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
  ledger: ['dynamodb:PutItem', 'dynamodb:UpdateItem'],
  accounts: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
};

const MEMORY_MB = 256;
/** Rule names end here. */
const MOST_NAME_LENGTH = 64;

/**
 * The background prober (docs/decisions/012): while no circuit is open nothing of it runs. An opening comes over the stream
 * of circuits and enables a rule, which lets the function probe every minute until it finds every circuit closed and disables
 * the rule again.
 */
export class CircuitProber extends Construct {
  readonly function: Lambda;
  /** Enabled by the function, disabled in the template. */
  readonly rule: Rule;
  /** Ticks and openings that failed for good. */
  readonly failures: Queue;

  constructor(scope: Construct, id: string, { deployed, tables }: CircuitProberProps) {
    super(scope, id);
    this.failures = makeFailureQueue(this, 'Failures');

    const period = Duration.millis(PROBE_EVERY_MS);
    // By a name known beforehand: the rule needs the function, which could not need the rule as well.
    const ruleName = Names.uniqueResourceName(this, { maxLength: MOST_NAME_LENGTH, separator: '-' });
    this.function = makeLambdaFunction(this, 'Function', {
      folder: 'circuit-probe',
      description: 'Tollgate: tries broken targets again in the background',
      memoryMb: MEMORY_MB,
      // A round waits for what falls due within its period, then for the probe and the stores.
      timeout: period.plus(Duration.minutes(1)),
      environment: { ...tableVariables(tables), [PROBE_RULE_VARIABLE]: ruleName },
      ...providerCode(this, deployed),
    });
    grantTables(this.function, tables, PROBER_GRANTS);
    grantProviders(this, this.function, deployed.config, 'targets-alone');
    this.function.addToRolePolicy(
      new PolicyStatement({
        actions: ['events:EnableRule', 'events:DisableRule'],
        resources: [Stack.of(this).formatArn({ service: 'events', resource: 'rule', resourceName: ruleName })],
      }),
    );
    // Once more, since a tick that died just after it had disabled the rule is followed by no other.
    this.function.configureAsyncInvoke({
      retryAttempts: 1,
      maxEventAge: Duration.minutes(5),
      onFailure: new SqsDestination(this.failures),
    });
    this.rule = new Rule(this, 'WhileOpen', {
      ruleName,
      description: 'Tollgate: enabled by the circuit prober while a circuit is open',
      schedule: Schedule.rate(period),
      enabled: false,
      targets: [
        new LambdaFunction(this.function, {
          retryAttempts: 1,
          maxEventAge: Duration.minutes(5),
          deadLetterQueue: this.failures,
        }),
      ],
    });
    this.readStream(tables.targets);
  }

  private readStream(targets: Table): void {
    const { tableStreamArn } = targets;
    if (tableStreamArn === undefined) throw new Error('the table of targets has no stream');
    const mapping = new EventSourceMapping(this, 'Openings', {
      target: this.function,
      eventSourceArn: tableStreamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      bisectBatchOnError: false,
      retryAttempts: 10,
      maxRecordAge: Duration.hours(1),
      onFailure: new SqsDlq(this.failures),
      filters: [
        FilterCriteria.filter({
          eventName: FilterRule.or('INSERT', 'MODIFY'),
          dynamodb: { NewImage: { [CIRCUIT_STATE]: { S: FilterRule.isEqual(CIRCUIT_OPEN) } } },
        }),
      ],
    });
    const reads = this.function.role?.addToPrincipalPolicy(
      new PolicyStatement({
        actions: [
          'dynamodb:DescribeStream',
          'dynamodb:GetRecords',
          'dynamodb:GetShardIterator',
          'dynamodb:ListStreams',
        ],
        resources: [tableStreamArn],
      }),
    );
    // Lambda looks at the right when the mapping is made.
    if (reads?.policyDependable) mapping.node.addDependency(reads.policyDependable);
  }
}
