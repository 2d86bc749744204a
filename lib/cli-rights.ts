import { Stack } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { FEEDBACK_PREFIX, PIN_OVERRIDES_KEY, type TableName } from '../lambdas/contract/tables.ts';
import { purgeRights, searchStatements, statsRights } from './search-rights.ts';
import { secretArn } from './secret-access.ts';
import { grantItems, grantTables, type TableGrants, type TableItems } from './table-grants.ts';

/** What a command asks of AWS, and so what its caller must be allowed. */
export interface CommandRights {
  tables?: TableGrants;
  /** Of these tables it needs these items alone. */
  items?: TableItems;
  /** On the secret that is put. */
  secrets?: readonly `secretsmanager:${string}`[];
  /** On the budgets' state machine. */
  machine?: readonly `states:${string}`[];
  /** On the semantic cache's index, where there is one. */
  search?: 'purge' | 'stats';
}

/** Of the table in which the keys are: who may write those could make one. */
const OVERRIDES_PINS = {
  tables: { access: ['dynamodb:GetItem', 'dynamodb:UpdateItem'] },
  items: { access: [PIN_OVERRIDES_KEY] },
} as const satisfies CommandRights;

/**
 * By command. Each also reads the stack's outputs (`cloudformation:DescribeStacks`). test/real compares this with what the
 * commands were seen to ask; docs/operating.md shows it.
 */
export const COMMAND_RIGHTS = {
  'keys create': { tables: { access: ['dynamodb:PutItem'] } },
  'keys list': { tables: { access: ['dynamodb:Scan'] } },
  'keys revoke': { tables: { access: ['dynamodb:GetItem', 'dynamodb:UpdateItem'] } },
  'keys rotate': { tables: { access: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'] } },
  'ledger tail': {
    tables: {
      ledger: ['dynamodb:GetItem', 'dynamodb:Query'],
      accounts: ['dynamodb:BatchGetItem', 'dynamodb:GetItem'],
    },
  },
  'ledger verify': {
    tables: {
      ledger: ['dynamodb:GetItem', 'dynamodb:Query'],
      accounts: ['dynamodb:BatchGetItem', 'dynamodb:GetItem'],
    },
  },
  'ledger rebuild': {
    tables: {
      ledger: ['dynamodb:Query'],
      accounts: [
        'dynamodb:BatchGetItem',
        'dynamodb:GetItem',
        'dynamodb:PutItem',
        'dynamodb:Scan',
        'dynamodb:UpdateItem',
      ],
    },
  },
  'ledger export': {
    tables: { ledger: ['dynamodb:Query'], accounts: ['dynamodb:BatchGetItem', 'dynamodb:GetItem'] },
  },
  'circuits list': { tables: { targets: ['dynamodb:Scan'] } },
  'circuits open': { tables: { targets: ['dynamodb:BatchGetItem', 'dynamodb:Scan', 'dynamodb:UpdateItem'] } },
  'circuits close': { tables: { targets: ['dynamodb:BatchGetItem', 'dynamodb:Scan', 'dynamodb:UpdateItem'] } },
  'runs show': {
    tables: { limits: ['dynamodb:BatchGetItem'], accounts: ['dynamodb:BatchGetItem', 'dynamodb:GetItem'] },
  },
  'runs kill': { tables: { limits: ['dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'] } },
  'budgets show': { tables: { accounts: ['dynamodb:BatchGetItem', 'dynamodb:GetItem'] } },
  'budgets set': {
    tables: {
      access: ['dynamodb:GetItem'],
      accounts: ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:UpdateItem'],
    },
    machine: ['states:StartExecution'],
  },
  'budgets approve': {
    tables: { accounts: ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:UpdateItem'] },
    machine: ['states:SendTaskSuccess'],
  },
  'pins list': { tables: { access: ['dynamodb:GetItem'] }, items: { access: [PIN_OVERRIDES_KEY] } },
  'pins history': { tables: { access: ['dynamodb:GetItem', 'dynamodb:Scan'] } },
  'pins compare': {
    tables: {
      ledger: ['dynamodb:GetItem', 'dynamodb:Query'],
      accounts: ['dynamodb:BatchGetItem', 'dynamodb:GetItem'],
      responses: ['dynamodb:GetItem'],
    },
    // Beside it are whole answers.
    items: { responses: [`${FEEDBACK_PREFIX}*`] },
  },
  'pins promote': OVERRIDES_PINS,
  'pins back': OVERRIDES_PINS,
  'pins release': OVERRIDES_PINS,
  // A scan reads whole items: whoever counts answers may read them.
  'cache stats': {
    tables: {
      responses: ['dynamodb:GetItem', 'dynamodb:Scan'],
      ledger: ['dynamodb:GetItem', 'dynamodb:Query'],
      accounts: ['dynamodb:BatchGetItem', 'dynamodb:GetItem'],
    },
    search: 'stats',
  },
  'cache purge': {
    tables: { responses: ['dynamodb:GetItem', 'dynamodb:Scan', 'dynamodb:UpdateItem'] },
    search: 'purge',
  },
  'cache trust': {
    tables: { responses: ['dynamodb:GetItem', 'dynamodb:UpdateItem'] },
    items: { responses: ['wrong-hits', 'wrong-hits#*'] },
  },
  'secrets put': { secrets: ['secretsmanager:CreateSecret', 'secretsmanager:PutSecretValue'] },
} as const satisfies Record<string, CommandRights>;

export type Command = keyof typeof COMMAND_RIGHTS;

/** By the method of `AiGateway` that gives the rights for them. */
export const GRANTED_COMMANDS = {
  grantManageKeys: ['keys create', 'keys list', 'keys revoke', 'keys rotate'],
  grantReadLedger: ['ledger tail', 'ledger verify', 'ledger export', 'pins compare'],
  grantRebuildLedger: ['ledger rebuild'],
  grantManageCircuits: ['circuits list', 'circuits open', 'circuits close'],
  grantManageRuns: ['runs show', 'runs kill'],
  grantManageBudgets: ['budgets show', 'budgets set', 'budgets approve'],
  grantReadPins: ['pins list', 'pins history'],
  grantManagePins: ['pins promote', 'pins back', 'pins release'],
  grantManageCache: ['cache stats', 'cache purge', 'cache trust'],
  grantPutSecrets: ['secrets put'],
} as const satisfies Record<string, readonly Command[]>;

export interface CommandsOn {
  tables: Readonly<Record<TableName, Table>>;
  /** The secrets that may be put. */
  secretNames: readonly string[];
  /** The budgets' state machine. */
  machineArn: string;
  /** Where the semantic cache's index is; absent where there is none. */
  search?: { domainArn: string; prefix: string };
}

const SEARCH_RIGHTS = { purge: purgeRights, stats: statsRights };

/** Gives somebody the rights for these commands of the command line on one gateway, and no others. */
export const grantCommands = (
  gateway: Construct,
  grantee: IGrantable,
  commands: readonly Command[],
  { tables, secretNames, machineArn, search }: CommandsOn,
): Grant => {
  const stack = Stack.of(gateway);
  const rights: CommandRights[] = commands.map((command) => COMMAND_RIGHTS[command]);
  const stackArn = stack.formatArn({
    service: 'cloudformation',
    resource: 'stack',
    resourceName: `${stack.stackName}/*`,
  });
  const outputs = Grant.addToPrincipal({
    grantee,
    actions: ['cloudformation:DescribeStacks'],
    resourceArns: [stackArn],
  });
  const onTables = grantTables(grantee, tables, unionOf(rights.map(wholeTables)));
  const onItems = rights.flatMap((right) => grantItems(grantee, tables, right.tables ?? {}, right.items ?? {}));
  const secretActions = [...new Set(rights.flatMap(({ secrets = [] }) => secrets))];
  const onSecrets =
    secretActions.length === 0 || secretNames.length === 0
      ? []
      : [
          Grant.addToPrincipal({
            grantee,
            actions: secretActions,
            resourceArns: secretNames.map((name) => secretArn(gateway, name)),
          }),
        ];
  const machineActions = [...new Set(rights.flatMap(({ machine = [] }) => machine))];
  const onMachine =
    machineActions.length === 0
      ? []
      : [Grant.addToPrincipal({ grantee, actions: machineActions, resourceArns: [machineArn] })];
  const onSearch =
    search === undefined
      ? []
      : searchStatements(
          search.domainArn,
          rights.flatMap((right) => (right.search === undefined ? [] : SEARCH_RIGHTS[right.search](search.prefix))),
        ).map(({ actions, resources }) => Grant.addToPrincipal({ grantee, actions, resourceArns: resources }));
  return [...onTables, ...onItems, ...onSecrets, ...onMachine, ...onSearch].reduce(
    (all, one) => all.combine(one),
    outputs,
  );
};

const wholeTables = ({ tables = {}, items = {} }: CommandRights): TableGrants =>
  Object.fromEntries(Object.entries(tables).filter(([name]) => !Object.hasOwn(items, name)));

/** All that several of them grant. */
export const unionOf = (grants: readonly TableGrants[]): TableGrants => {
  const union: Partial<Record<TableName, `dynamodb:${string}`[]>> = {};
  for (const tables of grants)
    for (const [name, actions] of Object.entries(tables) as [TableName, `dynamodb:${string}`[]][])
      union[name] = [...new Set([...(union[name] ?? []), ...actions])].sort();
  return union;
};
