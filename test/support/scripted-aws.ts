import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SECRETS_OUTPUT, TABLE_OUTPUTS } from '../../lambdas/contract/stack-outputs.ts';

type Outputs = Record<string, string>;

export interface Answer {
  status: number;
  body: string;
}

/** AWS's HTTP APIs as far as a test scripts them, every service at one address. That they are like this is test/real's to prove. */
export interface ScriptedAws {
  /** By name, a stack's outputs or what CloudFormation answers instead; a name that is not here is no stack. */
  stacks: Record<string, Outputs | Answer>;
  /** What the services that speak JSON answer, by action. */
  answers: Record<string, Answer>;
  asked: { action: string; body: Record<string, unknown> }[];
  /** An environment in which the SDK reaches this and nobody's account. */
  env: Record<string, string>;
  stop(): void;
}

export const startScriptedAws = async (): Promise<ScriptedAws> => {
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const target = request.headers['x-amz-target'];
    if (target === undefined) {
      const form = new URLSearchParams(text);
      aws.asked.push({ action: String(form.get('Action')), body: Object.fromEntries(form) });
      const { status, body } = describeStack(String(form.get('StackName')), aws.stacks);
      response.writeHead(status, { 'content-type': 'text/xml' }).end(body);
      return;
    }
    const action = String(target).split('.')[1] ?? '';
    aws.asked.push({ action, body: JSON.parse(text) });
    const { status, body } = aws.answers[action] ?? jsonAnswer(400, { __type: 'UnknownOperationException' });
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const aws: ScriptedAws = {
    stacks: {},
    answers: {},
    asked: [],
    env: {
      PATH: process.env['PATH'] ?? '',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
  return aws;
};

export const jsonAnswer = (status: number, body: object): Answer => ({ status, body: JSON.stringify(body) });

/** As the services that speak JSON refuse. */
export const denied = (action: string): Answer =>
  jsonAnswer(400, {
    __type: 'AccessDeniedException',
    message: `User: arn:aws:iam::1:user/ann is not authorized to perform: ${action} on resource: arn:the-resource because no identity-based policy allows the ${action} action`,
  });

/** As CloudFormation refuses. */
export const xmlError = (status: number, code: string, message: string): Answer => ({
  status,
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>r</RequestId></ErrorResponse>`,
});

/** The outputs of a gateway; the names of its tables begin with its id. */
export const gatewayOutputs = (id: string, secrets: string[] = ['tollgate/openai']): Outputs => ({
  ...Object.fromEntries(Object.values(TABLE_OUTPUTS).map((output) => [id + output, `${id}-${output}`])),
  [id + SECRETS_OUTPUT]: JSON.stringify(secrets),
});

const describeStack = (name: string, stacks: ScriptedAws['stacks']): Answer => {
  const found = stacks[name];
  if (found === undefined) return xmlError(400, 'ValidationError', `Stack with id ${name} does not exist`);
  if (typeof found['body'] === 'string') return found as Answer;
  const outputs = Object.entries(found as Outputs).map(
    ([key, value]) =>
      `<member><OutputKey>${key}</OutputKey><OutputValue>${value.replaceAll('"', '&quot;')}</OutputValue></member>`,
  );
  return {
    status: 200,
    body: `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member><StackName>${name}</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime><Outputs>${outputs.join('')}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
  };
};
