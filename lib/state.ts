import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, StreamViewType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { TABLES, type TableName, type TableShape } from '../lambdas/contract/tables.ts';

export interface StateProps {
  /** Whether the tables outlive the stack and refuse to be deleted. */
  readonly retain: boolean;
}

/**
 * The tables: keys, limits, circuits, the ledger. Paid by the request, nothing by the hour. Their construct ids are a
 * contract: CloudFormation would answer another one with an empty table (test/lib/state.test.ts pins them).
 */
export class State extends Construct {
  readonly tables: Readonly<Record<TableName, Table>>;

  constructor(scope: Construct, id: string, { retain }: StateProps) {
    super(scope, id);
    const makeTable = (name: TableName): Table => {
      const shape: TableShape = TABLES[name];
      return new Table(this, CONSTRUCT_IDS[name], {
        partitionKey: { name: shape.partitionKey, type: AttributeType.STRING },
        ...(shape.sortKey !== undefined && { sortKey: { name: shape.sortKey, type: AttributeType.STRING } }),
        ...(shape.timeToLive !== undefined && { timeToLiveAttribute: shape.timeToLive }),
        ...(shape.stream !== undefined && { stream: StreamViewType[shape.stream] }),
        billingMode: BillingMode.PAY_PER_REQUEST,
        pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
        encryption: TableEncryption.AWS_MANAGED,
        deletionProtection: retain,
        removalPolicy: retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      });
    };
    this.tables = {
      access: makeTable('access'),
      limits: makeTable('limits'),
      targets: makeTable('targets'),
      ledger: makeTable('ledger'),
      accounts: makeTable('accounts'),
      responses: makeTable('responses'),
    };
  }
}

const CONSTRUCT_IDS: Record<TableName, string> = {
  access: 'Access',
  limits: 'Limits',
  targets: 'Targets',
  ledger: 'Ledger',
  accounts: 'Accounts',
  responses: 'Responses',
};
