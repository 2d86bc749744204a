import { CreateTableCommand, DeleteTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { TABLES, type TableName, type TableNames, type TableShape } from '../../../lambdas/contract/tables.ts';

/** Makes the tables as the deployment does, under names of their own. @returns their names and the ledger's stream */
export const makeTables = async (
  client: DynamoDBClient,
  prefix: string,
): Promise<{ tables: TableNames; streamArn: string; drop(): Promise<void> }> => {
  let streamArn = '';
  const tables: Partial<TableNames> = {};
  const shapes: [string, TableShape][] = Object.entries(TABLES);
  // One after another: of tables that DynamoDB Local makes at once, the stream of one may stay silent.
  for (const [name, { partitionKey, sortKey, stream }] of shapes) {
    const keys = [partitionKey, ...(sortKey === undefined ? [] : [sortKey])];
    const tableName = `${prefix}-${name}`;
    const { TableDescription } = await client.send(
      new CreateTableCommand({
        TableName: tableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: keys.map((key) => ({ AttributeName: key, AttributeType: 'S' })),
        KeySchema: keys.map((key, i) => ({ AttributeName: key, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
        ...(stream !== undefined && { StreamSpecification: { StreamEnabled: true, StreamViewType: stream } }),
      }),
    );
    tables[name as TableName] = tableName;
    streamArn = TableDescription?.LatestStreamArn ?? streamArn;
  }
  return {
    tables: tables as TableNames,
    streamArn,
    async drop() {
      for (const TableName of Object.values(tables)) await client.send(new DeleteTableCommand({ TableName }));
    },
  };
};
