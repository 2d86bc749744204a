import { Arn, ArnFormat, Duration, Stack, Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction, SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { catalogueData } from '../lambdas/catalogue/catalogue.ts';
import { cutCatalogue } from '../lambdas/catalogue/deployed-config.ts';
import type { GatewayConfig } from '../lambdas/contract/config.ts';
import { EVENT_SOURCE } from '../lambdas/contract/escalation.ts';
import { PIN_EVENT_TYPE } from '../lambdas/contract/pin-notices.ts';
import { PIN_PREFIX, type TableName } from '../lambdas/contract/tables.ts';
import { hasBedrockPins } from './bedrock-access.ts';
import { providerCode } from './deployed-code.ts';
import { makeFailureQueue } from './failure-queue.ts';
import { makeLambdaFunction } from './lambda-function.ts';
import { grantItems, type TableGrants, type TableItems, tableVariables } from './table-grants.ts';

export interface PinWatchProps {
  readonly config: GatewayConfig;
  readonly tables: Readonly<Record<TableName, Table>>;
}

/** What was last seen of each pin, and who was told. */
export const PIN_WATCH_GRANTS: TableGrants = {
  access: ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'],
};
/** Beside them are the keys: who may write those could make one. */
const ITEMS: TableItems = { access: [`${PIN_PREFIX}*`] };

/** A failed run is tried again after one minute and two more: by then its claims (core/pins/watch-pins.ts) have ended. */
const TIMEOUT = Duration.seconds(30);

/**
 * Looks every morning at the versions that aliases are pinned to, asks Bedrock how those of its own stand, measures the days
 * that each alias has left, and tells people by an event and by mail 90, 30 and 7 days before one retires, on the day itself,
 * and when its date changes. Each once.
 */
export class PinWatch extends Construct {
  readonly function: Lambda;
  /** Where people subscribe. */
  readonly topic: Topic;
  /** Runs that failed for good, and notices that no topic took. */
  readonly failures: Queue;

  constructor(scope: Construct, id: string, { config, tables }: PinWatchProps) {
    super(scope, id);
    this.failures = makeFailureQueue(this, 'Failures');
    this.function = makeLambdaFunction(this, 'Function', {
      folder: 'pin-watch',
      description: 'Tollgate: tells of pinned model versions that retire',
      memoryMb: 256,
      timeout: TIMEOUT,
      environment: tableVariables(tables),
      // With the models that replace others, so that a notice says what those cost.
      ...providerCode(this, { config, catalogue: cutCatalogue(catalogueData, config, { withSuccessors: true }) }),
    });
    grantItems(this.function, tables, PIN_WATCH_GRANTS, ITEMS);
    this.function.addToRolePolicy(
      new PolicyStatement({
        actions: ['events:PutEvents'],
        resources: [this.defaultBusArn()],
        conditions: { StringEquals: { 'events:source': EVENT_SOURCE, 'events:detail-type': PIN_EVENT_TYPE } },
      }),
    );
    if (hasBedrockPins(config)) this.grantLifecycles();
    this.function.configureAsyncInvoke({
      retryAttempts: 2,
      maxEventAge: Duration.hours(6),
      onFailure: new SqsDestination(this.failures),
    });
    new Rule(this, 'EveryMorning', {
      schedule: Schedule.cron({ hour: '6', minute: '17' }),
      targets: [
        new LambdaFunction(this.function, {
          retryAttempts: 2,
          maxEventAge: Duration.hours(6),
          deadLetterQueue: this.failures,
        }),
      ],
    });
    this.topic = this.makeTopic(config.alerts?.email ?? []);
  }

  /** To ask Bedrock how the lives of its models stand, in this account. */
  private grantLifecycles(): void {
    this.function.addToRolePolicy(new PolicyStatement({ actions: ['bedrock:ListFoundationModels'], resources: ['*'] }));
    Validations.of(this).acknowledge({
      id: 'AwsSolutions::AwsSolutions-IAM5[Resource::*]',
      reason:
        'bedrock:ListFoundationModels knows no resources. It reads the public list of models, which is of nobody here.',
    });
  }

  /** The events of this gateway's watcher, as mail. */
  private makeTopic(addresses: readonly string[]): Topic {
    const topic = new Topic(this, 'Notices', { displayName: 'Tollgate pins', enforceSSL: true });
    Validations.of(topic).acknowledge({
      id: 'AwsSolutions::AwsSolutions-SNS2',
      reason:
        'Names of models and aliases, and dates that vendors have published. EventBridge may not use the key that AWS manages for SNS, and a key of its own is paid by the month.',
    });
    for (const address of addresses) topic.addSubscription(new EmailSubscription(address));
    new Rule(this, 'Tell', {
      description: 'Tollgate: notices about pinned model versions',
      eventPattern: {
        source: [EVENT_SOURCE],
        detailType: [PIN_EVENT_TYPE],
        resources: [this.function.functionArn],
      },
      targets: [
        new SnsTopic(topic, {
          message: RuleTargetInput.fromEventPath('$.detail.message'),
          deadLetterQueue: this.failures,
          maxEventAge: Duration.hours(24),
          retryAttempts: 185,
        }),
      ],
    });
    return topic;
  }

  private defaultBusArn(): string {
    return Arn.format(
      { service: 'events', resource: 'event-bus', resourceName: 'default', arnFormat: ArnFormat.SLASH_RESOURCE_NAME },
      Stack.of(this),
    );
  }
}
