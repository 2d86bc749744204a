import { Duration } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { DeployedConfig } from '../lambdas/catalogue/deployed-config.ts';
import type { TableName } from '../lambdas/contract/tables.ts';
import { LONGEST_CALL_MS } from '../lambdas/contract/timing.ts';
import { grantProviders, providerCode } from './deployed-code.ts';
import { makeLambdaFunction } from './lambda-function.ts';
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
  accounts: [
    'dynamodb:GetItem',
    'dynamodb:BatchGetItem',
    // A correction's: not into an epoch that is being closed.
    'dynamodb:ConditionCheckItem',
    'dynamodb:PutItem',
    'dynamodb:UpdateItem',
  ],
  responses: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
};

/** The function behind the front door. Its configuration is part of its code. */
export class GatewayFunction extends Construct {
  readonly function: Lambda;

  constructor(scope: Construct, id: string, { deployed, tables, memoryMb }: GatewayFunctionProps) {
    super(scope, id);
    this.function = makeLambdaFunction(this, 'Function', {
      folder: 'gateway',
      description: 'Tollgate: admits, calls, settles',
      memoryMb,
      // As long as a call may last, which is as long as Lambda lets one.
      timeout: Duration.millis(LONGEST_CALL_MS),
      environment: tableVariables(tables),
      ...providerCode(this, deployed),
    });
    grantTables(this.function, tables, GATEWAY_GRANTS);
    grantProviders(this, this.function, deployed.config);
  }
}
