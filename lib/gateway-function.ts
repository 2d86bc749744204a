import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Duration, Stage, Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { Construct } from 'constructs';
import type { DeployedConfig } from '../lambdas/catalogue/deployed-config.ts';
import type { GatewayConfig } from '../lambdas/contract/config.ts';
import type { TableName } from '../lambdas/contract/tables.ts';
import { LONGEST_CALL_MS } from '../lambdas/contract/timing.ts';
import { bedrockStatements, modelsBehindProfiles } from './bedrock-access.ts';
import { makeLambdaFunction, type Part } from './lambda-function.ts';
import { secretStatements } from './secret-access.ts';
import { grantTables, type TableGrants, tableVariables } from './table-grants.ts';

export interface GatewayFunctionProps {
  readonly deployed: DeployedConfig;
  readonly tables: Readonly<Record<TableName, Table>>;
  readonly memoryMb: number;
}

/** What admitting, calling and settling asks of the tables, and what the lookups read. */
export const GATEWAY_GRANTS: TableGrants = {
  access: ['dynamodb:GetItem'],
  limits: ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
  targets: ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'],
  ledger: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
  accounts: ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
};

/** The function behind the front door. Its configuration is part of its code. */
export class GatewayFunction extends Construct {
  readonly function: NodejsFunction;

  constructor(scope: Construct, id: string, { deployed, tables, memoryMb }: GatewayFunctionProps) {
    super(scope, id);
    this.function = makeLambdaFunction(this, 'Function', {
      folder: 'gateway',
      description: 'Tollgate: admits, calls, settles',
      memoryMb,
      // As long as a call may last, which is as long as Lambda lets one.
      timeout: Duration.millis(LONGEST_CALL_MS),
      environment: tableVariables(tables),
      aliases: { 'tollgate:config': writeConfig(this, deployed) },
      parts: partsFor(deployed.config),
    });
    grantTables(this.function, tables, GATEWAY_GRANTS);
    for (const statement of [...secretStatements(this, deployed.config), ...bedrockStatements(this, deployed.config)])
      this.function.addToRolePolicy(statement);
    for (const model of modelsBehindProfiles(deployed.config))
      Validations.of(this).acknowledge({
        id: `AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:bedrock:*::foundation-model/${model}]`,
        reason:
          'An inference profile sends a call to any of its regions, which AWS may extend; the condition allows it through that profile only.',
      });
  }
}

const partsFor = ({ providers }: GatewayConfig): Part[] => {
  const kinds = new Set(Object.values(providers).map(({ kind }) => kind));
  return [
    ...(kinds.has('bedrock') ? (['#bedrock-sdk'] as const) : []),
    ...(kinds.has('simulator') ? (['#simulator'] as const) : []),
  ];
};

/** Writes what the bundle takes in. The name is the content's, so that several gateways of one app keep apart. */
const writeConfig = (scope: Construct, deployed: DeployedConfig): string => {
  const text = JSON.stringify(deployed);
  const folder = resolve(Stage.of(scope)?.outdir ?? 'cdk.out');
  const file = join(folder, `tollgate-config.${createHash('sha256').update(text).digest('hex').slice(0, 16)}.json`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text);
  return file;
};
