import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  describeFunctions,
  functionsTable,
  grantsTable,
  readSizes,
  sizesTable,
} from '../../../bench/pages/functions-table.ts';
import { readPart } from '../../../bench/pages/marked-part.ts';
import { describedResources, type Resources } from '../../../bench/pages/template.ts';

const folder = mkdtempSync(join(tmpdir(), 'tollgate-pages-'));
const resources = describedResources(folder);
rmSync(folder, { recursive: true, force: true });
const page = readFileSync('docs/functions.md', 'utf8');

describe('docs/functions.md', () => {
  const rows = describeFunctions(resources);

  test('names every function of the template, with its memory, timeout, trigger and dead letters (npm run docs:functions)', () => {
    expect(readPart(page, 'functions')).toBe(functionsTable(rows));
  });

  test('names every right of every role (npm run docs:functions)', () => {
    expect(readPart(page, 'grants')).toBe(grantsTable(rows));
  });

  test('has a size for each function', () => {
    expect(Object.keys(readSizes(readPart(page, 'sizes'))).sort()).toEqual(rows.map(({ id }) => id).sort());
  });

  test('finds a trigger for every function: one that nothing calls is described wrongly, or left over', () => {
    expect(rows.filter(({ triggers }) => triggers.length === 0)).toEqual([]);
  });
});

describe('a row', () => {
  const made = (Type: string, Properties: Record<string, unknown>) => ({ Type, Properties });
  const ref = (id: string) => ({ 'Fn::GetAtt': [id, 'Arn'] });
  const template: Resources = {
    Role12345678: made('AWS::IAM::Role', {}),
    GatewayStateLedger12345678: made('AWS::DynamoDB::Table', {}),
    GatewayPipelineDead12345678: made('AWS::SQS::Queue', {}),
    Policy12345678: made('AWS::IAM::Policy', {
      Roles: [{ Ref: 'Role12345678' }],
      PolicyDocument: {
        Statement: [
          { Action: ['dynamodb:Query', 'dynamodb:GetItem'], Resource: ref('GatewayStateLedger12345678') },
          {
            Action: 'dynamodb:UpdateItem',
            Resource: ref('GatewayStateLedger12345678'),
            Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['pin#*', 'one'] } },
          },
          {
            Action: 'events:PutEvents',
            Resource: '*',
            Condition: { StringEquals: { 'events:source': 'us' } },
          },
          { Action: 'dynamodb:GetRecords', Resource: { 'Fn::GetAtt': ['GatewayStateLedger12345678', 'StreamArn'] } },
          { Action: 'sqs:SendMessage', Resource: '*' },
          {
            Action: 'events:EnableRule',
            Resource: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':events:x:y:rule/Tick']] },
          },
          { Action: 'secretsmanager:GetSecretValue', Resource: { 'Fn::Join': ['', ['arn:secret:a/b-??????']] } },
        ],
      },
    }),
    Worker12345678: made('AWS::Lambda::Function', {
      Description: 'Tollgate: works',
      MemorySize: 256,
      Timeout: 60,
      Role: ref('Role12345678'),
    }),
    Mapping12345678: made('AWS::Lambda::EventSourceMapping', {
      FunctionName: { Ref: 'Worker12345678' },
      EventSourceArn: { 'Fn::GetAtt': ['GatewayStateLedger12345678', 'StreamArn'] },
      BatchSize: 100,
      DestinationConfig: { OnFailure: { Destination: ref('GatewayPipelineDead12345678') } },
    }),
    Rule12345678: made('AWS::Events::Rule', {
      ScheduleExpression: 'rate(5 minutes)',
      State: 'DISABLED',
      Targets: [{ Arn: ref('Worker12345678') }],
    }),
    // It takes the worker's events to somebody else.
    Tell12345678: made('AWS::Events::Rule', {
      EventPattern: { resources: [ref('Worker12345678')] },
      Targets: [{ Arn: 'arn:topic', DeadLetterConfig: { Arn: ref('GatewayPipelineOther12345678') } }],
    }),
    GatewayPipelineOther12345678: made('AWS::SQS::Queue', {}),
  };

  test('says who calls it, what its role may do and on what, and where failed work goes', () => {
    expect(describeFunctions(template)).toEqual([
      {
        id: 'Worker',
        does: 'Tollgate: works',
        role: 'Role',
        memoryMb: 256,
        timeoutS: 60,
        triggers: ["Ledger's stream, up to 100 a batch", 'rate(5 minutes), switched on while needed'],
        deadLetters: ['Dead'],
        grants: [
          'Ledger (`pin#*`, `one` alone): UpdateItem',
          "Ledger's stream: GetRecords",
          'Ledger: GetItem, Query',
          'everything (events:source `us` alone): events:PutEvents',
          'everything: sqs:SendMessage',
          'rule/Tick: events:EnableRule',
          'secret a/b: secretsmanager:GetSecretValue',
        ],
      },
    ]);
  });

  test('of sizes reads back as it was written', () => {
    const sizes = { A: { start: 492, more: 7 }, B: { start: 267, more: 0 } };
    expect(readSizes(sizesTable(sizes))).toEqual(sizes);
  });
});
