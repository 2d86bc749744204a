import { COMMAND_RIGHTS, type Command, type CommandRights, GRANTED_COMMANDS } from '../../lib/cli-rights.ts';
import { toTable } from './marked-part.ts';

export const OPERATING_PAGE = 'docs/operating.md';

/** One row a command: what it asks of AWS, by resource, and which method of `AiGateway` grants that. */
export const rightsTable = (): string =>
  toTable(
    ['command', 'needs', 'granted by'],
    (Object.keys(COMMAND_RIGHTS) as Command[]).map((command) => [
      `\`${command}\``,
      needsOf(COMMAND_RIGHTS[command]),
      `\`${methodOf(command)}\``,
    ]),
  );

const needsOf = ({ tables = {}, items = {}, machine = [], secrets = [], search }: CommandRights): string =>
  [
    ...Object.entries(tables).map(([table, actions]) => [`table ${table}${only(items, table)}`, actions] as const),
    ['the budgets’ state machine', machine] as const,
    ['the secret', secrets] as const,
    ['the semantic cache’s index, where there is one', search === undefined ? [] : SEARCH_ACTIONS[search]] as const,
  ]
    .filter(([, actions]) => actions.length > 0)
    .map(
      ([where, actions]) => `${where}: ${actions.map((action) => `\`${action.replace('dynamodb:', '')}\``).join(', ')}`,
    )
    .join('; ');

const SEARCH_ACTIONS = { purge: ['es:ESHttpGet', 'es:ESHttpPost'], stats: ['es:ESHttpPost'] };

const only = (items: NonNullable<CommandRights['items']>, table: string): string => {
  const keys = Object.entries(items).flatMap(([name, keys]) => (name === table ? keys : []));
  return keys.length === 0 ? '' : ` (${keys.map((key) => `\`${key}\``).join(', ')} alone)`;
};

const methodOf = (command: Command): string => {
  const [method] =
    Object.entries(GRANTED_COMMANDS).find(([, commands]) => (commands as readonly string[]).includes(command)) ?? [];
  if (method === undefined) throw new Error(`no method grants "${command}"`);
  return method;
};
