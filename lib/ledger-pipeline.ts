import { Duration } from 'aws-cdk-lib';
import type { Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
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
import {
  ENTRY_STATE,
  PROJECTED_EVENTS,
  PROJECTED_STATES,
  PROJECTOR_WINDOW_SECONDS,
  type TableName,
} from '../lambdas/contract/tables.ts';
import { EPOCH_MS } from '../lambdas/contract/timing.ts';
import { makeFailureQueue } from './failure-queue.ts';
import { makeLambdaFunction } from './lambda-function.ts';
import { grantTables, type TableGrants, tableVariables } from './table-grants.ts';

export interface LedgerPipelineProps {
  readonly tables: Readonly<Record<TableName, Table>>;
}

/** The projector moves what was settled from the stream to the accounts, and to the statistics of the targets. */
export const PROJECTOR_GRANTS: TableGrants = {
  accounts: ['dynamodb:UpdateItem'],
  targets: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
};

/**
 * The closer reads every entry of an epoch, loses the open ones, closes the accounts and seals the epoch. It also puts
 * accounts whose cap by hand has ended back under the file's.
 */
export const CLOSER_GRANTS: TableGrants = {
  ledger: ['dynamodb:Query', 'dynamodb:UpdateItem'],
  accounts: ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
};

/** The auditor reads all there is and writes accounts. It has no right to write an entry. */
export const AUDITOR_GRANTS: TableGrants = {
  ledger: ['dynamodb:GetItem', 'dynamodb:Query'],
  accounts: ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Scan', 'dynamodb:UpdateItem'],
};

/** From entries to accounts (docs/ledger.md): the projector on the ledger's stream, the closer every epoch, the auditor every night. */
export class LedgerPipeline extends Construct {
  readonly projector: Lambda;
  readonly closer: Lambda;
  readonly auditor: Lambda;
  /** What the projector gave up on. The close repairs what it stands for. */
  readonly projectorFailures: Queue;
  /** Runs of the closer that failed. The next run does their work. */
  readonly closerFailures: Queue;
  /** Audits that found something that does not hold, or did not come to an end. */
  readonly auditFindings: Queue;

  constructor(scope: Construct, id: string, { tables }: LedgerPipelineProps) {
    super(scope, id);
    this.projectorFailures = makeFailureQueue(this, 'ProjectorFailures');
    this.closerFailures = makeFailureQueue(this, 'CloserFailures');
    this.auditFindings = makeFailureQueue(this, 'AuditFindings');

    this.projector = makeLambdaFunction(this, 'Projector', {
      folder: 'ledger-projector',
      description: 'Tollgate: brings what was settled from the ledger to the accounts',
      memoryMb: 256,
      timeout: Duration.minutes(1),
      environment: tableVariables(tables),
    });
    grantTables(this.projector, tables, PROJECTOR_GRANTS);
    this.readStream(tables.ledger);

    this.closer = makeLambdaFunction(this, 'Closer', {
      folder: 'ledger-closer',
      description: "Tollgate: closes the ledger's epochs from their entries, and ends caps set by hand",
      // It holds all entries of an epoch at once, some 5 KB each (docs/cost.md): more than the front door lets in.
      memoryMb: 1_769,
      timeout: Duration.minutes(5),
      environment: tableVariables(tables),
    });
    grantTables(this.closer, tables, CLOSER_GRANTS);
    this.closer.configureAsyncInvoke({
      retryAttempts: 0,
      maxEventAge: Duration.millis(EPOCH_MS),
      onFailure: new SqsDestination(this.closerFailures),
    });
    new Rule(this, 'EveryEpoch', {
      schedule: Schedule.rate(Duration.millis(EPOCH_MS)),
      targets: [
        new LambdaFunction(this.closer, {
          retryAttempts: 1,
          maxEventAge: Duration.millis(EPOCH_MS),
          deadLetterQueue: this.closerFailures,
        }),
      ],
    });

    this.auditor = makeLambdaFunction(this, 'Auditor', {
      folder: 'ledger-auditor',
      description: "Tollgate: compares accounts and seals with the ledger's entries",
      memoryMb: 1024,
      timeout: Duration.minutes(15),
      environment: tableVariables(tables),
    });
    grantTables(this.auditor, tables, AUDITOR_GRANTS);
    this.auditor.configureAsyncInvoke({
      // What was found once would be put right by then, and the second run would say that all is well.
      retryAttempts: 0,
      maxEventAge: Duration.hours(6),
      onFailure: new SqsDestination(this.auditFindings),
    });
    new Rule(this, 'EveryNight', {
      schedule: Schedule.cron({ hour: '3', minute: '17' }),
      targets: [
        new LambdaFunction(this.auditor, {
          retryAttempts: 1,
          maxEventAge: Duration.hours(6),
          deadLetterQueue: this.auditFindings,
        }),
      ],
    });
  }

  /** Milliseconds between a settlement and its turn at the projector. */
  metricProjectorLag(options?: MetricOptions): Metric {
    return this.projector.metric('IteratorAge', { statistic: 'Maximum', ...options });
  }

  private readStream(ledger: Table): void {
    const { tableStreamArn } = ledger;
    if (tableStreamArn === undefined) throw new Error('the ledger table has no stream');
    const mapping = new EventSourceMapping(this, 'LedgerStream', {
      target: this.projector,
      eventSourceArn: tableStreamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      // A second of waiting makes one account write of many settlements.
      maxBatchingWindow: Duration.seconds(1),
      // Only with a window does Lambda name the shard, and the marks on an account are kept by shard.
      tumblingWindow: Duration.seconds(PROJECTOR_WINDOW_SECONDS),
      // A mark on an account means that everything before it is done: one reader a shard.
      parallelizationFactor: 1,
      bisectBatchOnError: true,
      reportBatchItemFailures: true,
      retryAttempts: 10,
      maxRecordAge: Duration.hours(1),
      onFailure: new SqsDlq(this.projectorFailures),
      filters: [
        FilterCriteria.filter({
          eventName: FilterRule.or(...PROJECTED_EVENTS),
          dynamodb: { NewImage: { [ENTRY_STATE]: { S: FilterRule.or(...PROJECTED_STATES) } } },
        }),
      ],
    });
    const reads = this.projector.role?.addToPrincipalPolicy(
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
