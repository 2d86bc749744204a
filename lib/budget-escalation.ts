import { Arn, ArnFormat, Duration, Stack, Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { type Grant, type IGrantable, type IRole, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Alias } from 'aws-cdk-lib/aws-kms';
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import {
  Choice,
  Condition,
  DefinitionBody,
  type INextable,
  IntegrationPattern,
  Parallel,
  Pass,
  QueryLanguage,
  type State,
  StateMachine,
  StateMachineType,
  Succeed,
  TaskInput,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { EventBridgePutEvents, LambdaInvoke, SnsPublish, SqsSendMessage } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';
import type { GatewayConfig } from '../lambdas/contract/config.ts';
import { ESCALATION_VARIABLE, EVENT_SOURCE, EVENT_TYPE } from '../lambdas/contract/escalation.ts';
import type { TableName } from '../lambdas/contract/tables.ts';
import { makeFailureQueue } from './failure-queue.ts';
import { makeLambdaFunction } from './lambda-function.ts';
import { grantTables, type TableGrants, tableVariables } from './table-grants.ts';

export interface BudgetEscalationProps {
  readonly tables: Readonly<Record<TableName, Table>>;
  readonly alerts: GatewayConfig['alerts'];
}

/** The step reads an account, moves its tier, notes who waits, and sets caps. */
export const BUDGET_STEP_GRANTS: TableGrants = {
  accounts: ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
};

/** What a step that failed is given: the store may be away for hours, and a crossing is told only once. */
const PATIENCE = { interval: Duration.seconds(2), backoffRate: 2, maxDelay: Duration.minutes(10), maxAttempts: 150 };
/** A notice is tried for a few minutes: what waits behind it is somebody's chance to raise the budget. */
const NOTICE_PATIENCE = {
  interval: Duration.seconds(1),
  backoffRate: 2,
  maxDelay: Duration.minutes(1),
  maxAttempts: 6,
};

/**
 * What happens when a budget crosses a threshold: a Step Functions execution a crossing, started by the projector, or by
 * the closer where a cap by hand has ended, under a name that the same crossing always has. It moves the account (once, by a conditional write), tells people by SNS and by an
 * event, and at the cap waits for somebody to approve a raise, or for the period's end. Requests never wait for it: the stop
 * is the hold's condition. A notice that can not be given is put into a queue with an alarm, and the execution goes on.
 */
export class BudgetEscalation extends Construct {
  readonly machine: StateMachine;
  /** Where people subscribe. */
  readonly topic: Topic;
  readonly step: Lambda;
  /** What could not be told, or done. */
  readonly failures: Queue;

  constructor(scope: Construct, id: string, { tables, alerts }: BudgetEscalationProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Notices', {
      displayName: 'Tollgate budgets',
      enforceSSL: true,
      masterKey: Alias.fromAliasName(this, 'SnsKey', 'alias/aws/sns'),
    });
    for (const address of alerts?.email ?? []) this.topic.addSubscription(new EmailSubscription(address));
    this.failures = makeFailureQueue(this, 'Failures');
    this.step = makeLambdaFunction(this, 'Step', {
      folder: 'budget-step',
      description: 'Tollgate: moves budgets up their thresholds, and raises them',
      memoryMb: 256,
      timeout: Duration.seconds(30),
      environment: tableVariables(tables),
    });
    grantTables(this.step, tables, BUDGET_STEP_GRANTS);
    this.machine = new StateMachine(this, 'Machine', {
      comment: 'Tollgate: warn, downgrade, reject',
      stateMachineType: StateMachineType.STANDARD,
      queryLanguage: QueryLanguage.JSONATA,
      role: this.makeRole(),
      definitionBody: DefinitionBody.fromChainable(this.define()),
    });
    Validations.of(this.machine).acknowledge(
      {
        id: 'AwsSolutions::AwsSolutions-SF1',
        reason: 'A Standard execution keeps its own history for 90 days; log events would hold task tokens as well.',
      },
      {
        id: 'AwsSolutions::AwsSolutions-SF2',
        reason: 'A few steps one after the other, each with its times in the history.',
      },
    );
  }

  /** Lets a function start executions of this machine, and tells it which one. */
  startedBy(starter: Lambda): void {
    starter.addEnvironment(ESCALATION_VARIABLE, this.machine.stateMachineArn);
    this.machine.grantStartExecution(starter);
  }

  /** Lets somebody answer what waits for an approval. */
  grantAnswer(grantee: IGrantable): Grant {
    return this.machine.grantTaskResponse(grantee);
  }

  /** Exactly these: what the tasks would add by themselves is wider (every version of the function). */
  private makeRole(): IRole {
    const role = new Role(this, 'MachineRole', { assumedBy: new ServicePrincipal('states.amazonaws.com') });
    for (const [action, resource] of [
      ['lambda:InvokeFunction', this.step.functionArn],
      ['sns:Publish', this.topic.topicArn],
      ['events:PutEvents', this.defaultBusArn()],
      ['sqs:SendMessage', this.failures.queueArn],
    ] as const)
      role.addToPolicy(new PolicyStatement({ actions: [action], resources: [resource] }));
    return role.withoutPolicyUpdates();
  }

  private define(): State & INextable {
    const nothing = new Succeed(this, 'NothingToDo', {
      comment: 'There already, raised meanwhile, or the period is over',
    });
    const told = new Succeed(this, 'Told');
    const decide = this.callStep('Escalate', {
      action: 'escalate',
      account: '{% $states.input.account %}',
      need: '{% $states.input.need %}',
      by: '{% $states.input.by %}',
      mover: '{% $states.context.Execution.Name %}',
    });
    const gaveUp = this.report('ReportFailure', 'escalation');
    decide.addCatch(gaveUp);
    gaveUp.next(told);

    const tell = this.tell('Tell');
    const tellDecision = this.tell('TellDecision');
    const wait = this.waitForDecision();
    const carryOut = this.callStep('CarryOut', {
      action: 'decide',
      account: '{% $account %}',
      round: '{% $round %}',
      decision: '{% $decision %}',
    });
    const notCarriedOut = this.report('ReportDecision', 'decision');
    carryOut.addCatch(notCarriedOut);
    notCarriedOut.next(told);
    wait.addCatch(
      new Succeed(this, 'PeriodOver', { comment: 'Nobody decided; the next period has a budget of its own' }),
      {
        errors: ['States.Timeout'],
      },
    );
    const notAwaited = this.report('ReportWait', 'approval');
    wait.addCatch(notAwaited);
    notAwaited.next(told);

    const isMoved = new Choice(this, 'HasMoved', { queryLanguage: QueryLanguage.JSONATA });
    const isAtCap = new Choice(this, 'IsAtCap', { queryLanguage: QueryLanguage.JSONATA });
    const isToBeTold = new Choice(this, 'IsToBeTold', { queryLanguage: QueryLanguage.JSONATA });
    decide.next(isMoved);
    isMoved.when(Condition.jsonata('{% $states.input.moved %}'), tell).otherwise(nothing);
    tell.next(isAtCap);
    isAtCap.when(Condition.jsonata("{% $notice.state = 'reject' %}"), wait).otherwise(told);
    wait.next(carryOut);
    carryOut.next(isToBeTold);
    isToBeTold.when(Condition.jsonata('{% $states.input.told %}'), tellDecision).otherwise(told);
    tellDecision.next(told);
    return decide;
  }

  /** Calls the function; what it answers is the output, and its notice the variable that is told. */
  private callStep(id: string, payload: Record<string, string>): LambdaInvoke {
    const task = LambdaInvoke.jsonata(this, id, {
      lambdaFunction: this.step,
      payload: TaskInput.fromObject(payload),
      outputs: '{% $states.result.Payload %}',
      assign: {
        notice: '{% $states.result.Payload.notice ? $states.result.Payload.notice : {} %}',
        ...(id === 'Escalate' && {
          account: '{% $states.input.account %}',
          cap: "{% $states.result.Payload.cap ? $states.result.Payload.cap : '' %}",
          round: '{% $states.result.Payload.round ? $states.result.Payload.round : 0 %}',
          until: '{% $states.result.Payload.until ? $states.result.Payload.until : 0 %}',
          waitSeconds: '{% $states.result.Payload.waitSeconds ? $states.result.Payload.waitSeconds : 1 %}',
        }),
      },
      retryOnServiceExceptions: false,
    });
    task.addRetry({ errors: ['States.ALL'], ...PATIENCE });
    return task;
  }

  /** At the cap: until somebody answers with the task token, or the period ends. */
  private waitForDecision(): LambdaInvoke {
    const task = LambdaInvoke.jsonata(this, 'WaitForDecision', {
      lambdaFunction: this.step,
      integrationPattern: IntegrationPattern.WAIT_FOR_TASK_TOKEN,
      payload: TaskInput.fromObject({
        action: 'await',
        token: '{% $states.context.Task.Token %}',
        account: '{% $account %}',
        cap: '{% $cap %}',
        round: '{% $round %}',
        until: '{% $until %}',
      }),
      taskTimeout: Timeout.jsonata('{% $waitSeconds %}'),
      assign: { decision: '{% $states.result %}' },
      retryOnServiceExceptions: false,
    });
    // What times out has been waited for: only a failed note is tried again.
    task.addRetry({ errors: ['States.Timeout'], maxAttempts: 0 });
    task.addRetry({ errors: ['States.ALL'], ...PATIENCE, maxAttempts: 20 });
    return task;
  }

  /** Both ways at once; one that fails does not take the other along, nor what comes after. */
  private tell(id: string): Parallel {
    const publish = SnsPublish.jsonata(this, `${id}People`, {
      topic: this.topic,
      subject: '{% $notice.subject %}',
      message: TaskInput.fromText('{% $notice.message %}'),
      messageAttributes: { state: { value: '{% $notice.state %}' } },
    });
    const emit = EventBridgePutEvents.jsonata(this, `${id}Programs`, {
      entries: [
        {
          source: EVENT_SOURCE,
          detailType: EVENT_TYPE,
          detail: TaskInput.fromText('{% $notice.detail %}'),
          eventBus: EventBus.fromEventBusArn(this, `${id}Bus`, this.defaultBusArn()),
        },
      ],
    });
    for (const [task, what] of [
      [publish, 'people'],
      [emit, 'programs'],
    ] as const) {
      task.addRetry({ errors: ['States.ALL'], ...NOTICE_PATIENCE });
      task.addCatch(this.report(`${id}${what === 'people' ? 'People' : 'Programs'}Failed`, what));
    }
    return Parallel.jsonata(this, id, { outputs: '{% $notice %}' }).branch(publish).branch(emit);
  }

  /** Puts what could not be done where an alarm sees it. Should that fail as well, the execution goes on all the same. */
  private report(id: string, what: string): State & INextable {
    const task = SqsSendMessage.jsonata(this, id, {
      queue: this.failures,
      messageBody: TaskInput.fromObject({
        what,
        execution: '{% $states.context.Execution.Name %}',
        input: '{% $states.context.Execution.Input %}',
        problem: '{% $states.input %}',
      }),
    });
    task.addRetry({ errors: ['States.ALL'], ...NOTICE_PATIENCE });
    const lost = new Pass(this, `${id}Unreported`, { queryLanguage: QueryLanguage.JSONATA });
    task.addCatch(lost);
    return task;
  }

  private defaultBusArn(): string {
    return Arn.format(
      { service: 'events', resource: 'event-bus', resourceName: 'default', arnFormat: ArnFormat.SLASH_RESOURCE_NAME },
      Stack.of(this),
    );
  }
}
