import type { SearchPlace } from './search-index.ts';
import type { TableName } from './tables.ts';

/**
 * A gateway's outputs in its stack, each behind the construct's id (`GatewayLedgerTable`): `lib` writes them, the command
 * line finds its way by them. Renaming one shuts out the command lines of other versions.
 */

export const TABLE_OUTPUTS = {
  access: 'AccessTable',
  limits: 'LimitsTable',
  targets: 'TargetsTable',
  ledger: 'LedgerTable',
  accounts: 'AccountsTable',
  responses: 'ResponsesTable',
} as const satisfies Record<TableName, string>;

/** The names of the secrets that the configuration refers to, as a JSON array. */
export const SECRETS_OUTPUT = 'SecretNames';

/** ARN of the budgets' state machine. */
export const MACHINE_OUTPUT = 'BudgetMachine';

/** Where the semantic cache's index is; absent where there is none. */
export const SEARCH_OUTPUTS = {
  endpoint: 'SearchEndpoint',
  region: 'SearchRegion',
  prefix: 'SearchPrefix',
} as const satisfies Record<keyof SearchPlace, string>;

/** The stacks that `bin/app.ts` makes, one a stage. */
export const STAGES = ['dev', 'prod'] as const;
type Stage = (typeof STAGES)[number];
export const stackOfStage = (stage: Stage): string => `Tollgate-${stage}`;
/** The configuration that it deploys unless another is named. */
export const configOfStage = (stage: Stage): string => `stages/${stage}.config.ts`;
