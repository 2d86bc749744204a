import { describe, expect, test } from '@jest/globals';
import { DEPLOYABLE } from '../support/deployable.ts';
import { listOf, ofType, statementsOf, synthGateway } from '../support/synth-gateway.ts';

const gateway = synthGateway({ config: { ...DEPLOYABLE, alerts: { email: ['a@example.com', 'b@example.com'] } } });

interface Task {
  Type: string;
  Resource?: unknown;
  Next?: string;
  Retry?: { ErrorEquals: string[]; MaxAttempts: number }[];
  Catch?: { ErrorEquals: string[]; Next: string }[];
  TimeoutSeconds?: unknown;
  Branches?: { States: Record<string, Task> }[];
}

/** The definition with `<…>` for what only a deployment knows. */
const definition = (): { QueryLanguage: string; StartAt: string; States: Record<string, Task> } => {
  const [machine] = ofType(gateway, 'AWS::StepFunctions::StateMachine');
  const { DefinitionString } = (machine?.[1].Properties ?? {}) as {
    DefinitionString?: { 'Fn::Join': [string, unknown[]] };
  };
  const text = (DefinitionString?.['Fn::Join'][1] ?? [])
    .map((part) => (typeof part === 'string' ? part : '<…>'))
    .join('');
  return JSON.parse(text);
};

const allTasks = (): [string, Task][] =>
  Object.entries(definition().States).flatMap(([name, state]) => [
    [name, state] as [string, Task],
    ...(state.Branches ?? []).flatMap(({ States }) => Object.entries(States)),
  ]);

describe('the budgets’ state machine', () => {
  test('is a Standard one, in JSONata throughout', () => {
    const [machine] = ofType(gateway, 'AWS::StepFunctions::StateMachine');
    expect(machine?.[1].Properties['StateMachineType']).toBe('STANDARD');
    expect(definition()).toMatchObject({ QueryLanguage: 'JSONata', StartAt: 'Escalate' });
  });

  test('whatever a task fails with is tried again, and then reported or passed by', () => {
    for (const [name, { Type, Retry = [], Catch = [] }] of allTasks().filter(([, { Type }]) => Type === 'Task')) {
      expect([name, Type, Retry.at(-1)?.ErrorEquals]).toEqual([name, 'Task', ['States.ALL']]);
      expect([name, Catch.at(-1)?.ErrorEquals]).toEqual([name, ['States.ALL']]);
      expect(Catch.at(-1)?.Next).toMatch(/^Report|Failed$|Unreported$/);
    }
  });

  test('the wait ends when the period does, by its own time', () => {
    const { WaitForDecision } = definition().States;
    expect(WaitForDecision).toMatchObject({
      TimeoutSeconds: '{% $waitSeconds %}',
      Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'PeriodOver' }, { ErrorEquals: ['States.ALL'] }],
    });
    expect(WaitForDecision?.Retry?.[0]).toMatchObject({ ErrorEquals: ['States.Timeout'], MaxAttempts: 0 });
  });

  test('its role may call the step, publish, put events, and report: these and nothing else', () => {
    const statements = statementsOf(gateway, 'GatewayEscalationMachineRole');
    expect(statements.map(({ Action }) => Action)).toEqual([
      'lambda:InvokeFunction',
      'sns:Publish',
      'events:PutEvents',
      'sqs:SendMessage',
    ]);
    for (const { Resource } of statements) expect(JSON.stringify(Resource)).not.toContain('*');
  });

  test.each(['Projector', 'Closer'])('the %s may start this machine, knows it, and may start no other', (starter) => {
    const starts = statementsOf(gateway, `GatewayPipeline${starter}Role`).filter(({ Action }) =>
      listOf(Action).some((action) => action.startsWith('states:')),
    );
    expect(starts).toEqual([
      {
        Action: 'states:StartExecution',
        Effect: 'Allow',
        Resource: { Ref: expect.stringMatching(/^GatewayEscalationMachine/) },
      },
    ]);
    const [knows] = Object.entries(gateway.resources).filter(
      ([id, { Type }]) => Type === 'AWS::Lambda::Function' && id.startsWith(`GatewayPipeline${starter}`),
    );
    expect(knows?.[1].Properties['Environment']).toMatchObject({
      Variables: { TOLLGATE_ESCALATION_MACHINE: { Ref: expect.stringMatching(/^GatewayEscalationMachine/) } },
    });
  });

  test('the step may read and write accounts, and no other table', () => {
    const tables = statementsOf(gateway, 'GatewayEscalationStepRole').filter(({ Action }) =>
      listOf(Action).some((action) => action.startsWith('dynamodb:')),
    );
    expect(tables).toHaveLength(1);
    expect(JSON.stringify(tables[0]?.Resource)).toContain('GatewayStateAccounts');
  });
});

describe('notices', () => {
  test('go to every address of `alerts`, by a topic that takes them encrypted only', () => {
    const ofBudgets = ([id]: [string, unknown]) => id.startsWith('GatewayEscalation');
    const subscriptions = ofType(gateway, 'AWS::SNS::Subscription')
      .filter(ofBudgets)
      .map(([, { Properties }]) => Properties);
    expect(subscriptions.map(({ Protocol, Endpoint }) => [Protocol, Endpoint])).toEqual([
      ['email', 'a@example.com'],
      ['email', 'b@example.com'],
    ]);
    const topics = ofType(gateway, 'AWS::SNS::Topic').filter(ofBudgets);
    expect(topics).toHaveLength(1);
    expect(JSON.stringify(topics[0]?.[1].Properties['KmsMasterKeyId'])).toContain('alias/aws/sns');
  });

  test('without `alerts` there is the topic to subscribe to, and nobody on it', () => {
    const plain = synthGateway();
    expect(ofType(plain, 'AWS::SNS::Topic').map(([id]) => id.slice(0, -8))).toContain('GatewayEscalationNotices');
    expect(ofType(plain, 'AWS::SNS::Subscription')).toHaveLength(0);
    expect(Object.keys(plain.outputs)).toContain('GatewayBudgetTopic');
  });
});
