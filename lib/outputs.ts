import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import type { SearchPlace } from '../lambdas/contract/search-index.ts';
import { SEARCH_OUTPUTS, SECRETS_OUTPUT, TABLE_OUTPUTS } from '../lambdas/contract/stack-outputs.ts';
import type { TableName } from '../lambdas/contract/tables.ts';

/** By the output's name, without the gateway's. */
export type Outputs = Record<string, { value: string; description: string }>;

const TABLE_DESCRIPTIONS: Record<TableName, string> = {
  access: 'Keys, and what is known of pins',
  limits: 'Rate limits',
  targets: 'Circuits',
  ledger: 'Ledger entries',
  accounts: 'Accounts',
  responses: 'Answers kept for idempotency keys and by the caches, wrong hits, feedback',
};

/** The deployed names of the tables, by which the command line finds them. */
export const tableOutputs = (tables: Readonly<Record<TableName, Table>>): Outputs =>
  Object.fromEntries(
    (Object.keys(TABLE_OUTPUTS) as TableName[]).map((name) => [
      TABLE_OUTPUTS[name],
      { value: tables[name].tableName, description: TABLE_DESCRIPTIONS[name] },
    ]),
  );

/** CloudFormation takes no more in one output. */
const LONGEST_VALUE = 4_096;

/** Which secrets have to be there. Names, no values: "secrets put" tells by them of one that nothing refers to. */
export const secretOutputs = (names: readonly string[]): Outputs => {
  const value = JSON.stringify(names);
  if (value.length > LONGEST_VALUE) return {};
  return { [SECRETS_OUTPUT]: { value, description: 'Secrets Manager names of the provider keys' } };
};

const SEARCH_DESCRIPTIONS: Record<keyof SearchPlace, string> = {
  endpoint: "The OpenSearch domain of the semantic cache's index",
  region: "That domain's region",
  prefix: "Before the names of the gateway's indices there",
};

/** Where the semantic cache's index is, for the command line. */
export const searchOutputs = (place: SearchPlace): Outputs =>
  Object.fromEntries(
    (Object.keys(SEARCH_OUTPUTS) as (keyof SearchPlace)[]).map((part) => [
      SEARCH_OUTPUTS[part],
      { value: place[part], description: SEARCH_DESCRIPTIONS[part] },
    ]),
  );

/**
 * Writes a gateway's outputs into its stack, each behind the gateway's place there: `GatewayBaseUrl` for one that stands in
 * the stack itself, `InnerGatewayBaseUrl` for one inside a construct `Inner`. So another stack's author, and the command
 * line, find each of several.
 */
export const writeOutputs = (gateway: Construct, outputs: Outputs): void => {
  const { scopes } = gateway.node;
  const place = scopes.slice(scopes.indexOf(Stack.of(gateway)) + 1).map(({ node }) => node.id);
  const prefix = place.join('').replace(/[^A-Za-z0-9]/g, '');
  for (const [name, { value, description }] of Object.entries(outputs))
    new CfnOutput(gateway, `${name}Output`, { value, description }).overrideLogicalId(`${prefix}${name}`);
};
