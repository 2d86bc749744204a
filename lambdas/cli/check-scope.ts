import { RUN_ID, RUN_ID_WORDS, TAG } from '../contract/scope-names.ts';
import type { AccessStore } from '../core/authenticate/access-store.ts';
import type { ScopeKind } from '../core/budget/budgets.ts';
import type { FiledBudgets } from '../core/budget/policy-fingerprint.ts';
import { CommandFailed, printable, UsageError } from './output.ts';

/** @throws {UsageError} for what no such scope can be called */
export const checkScopeName = (kind: ScopeKind, id: string): void => {
  if (kind === 'tag' && !TAG.test(id)) throw new UsageError(`A tag is named NAME=VALUE, got ${JSON.stringify(id)}.`);
  if (kind !== 'run') return;
  const [team = '', run, ...more] = id.split('/');
  if (team === '' || run === undefined || more.length > 0)
    throw new UsageError(`A run is named TEAM/RUN, since each team has runs of its own; got ${JSON.stringify(id)}.`);
  if (!RUN_ID.test(run)) throw new UsageError(`A run is named TEAM/RUN, RUN of ${RUN_ID_WORDS}.`);
};

/**
 * Whether a cap can ever hold for a scope of that name: a misspelt one would wait for requests that never come. Teams, users,
 * tags and runs are whatever requests bring.
 *
 * @param filed undefined = no gateway has begun on these stores
 * @returns what is to be told where it can not be known
 * @throws {CommandFailed} where it can not
 */
export const checkScopeExists = async (
  kind: ScopeKind,
  id: string,
  filed: FiledBudgets | undefined,
  access: Pick<AccessStore, 'findKey'>,
): Promise<string[]> => {
  switch (kind) {
    case 'org':
      if (filed === undefined) return [unknown('org', id)];
      if (filed.org !== id)
        throw new CommandFailed(`The gateway's org is ${JSON.stringify(filed.org)}, not ${JSON.stringify(id)}.`);
      return [];
    case 'key':
      if ((await access.findKey(id)) === undefined)
        throw new CommandFailed(`There is no key ${JSON.stringify(id)}. "keys list" shows the ids of all.`);
      return [];
    case 'alias':
      if (filed?.models === undefined) return [unknown('model', id)];
      if (!filed.models.includes(id))
        throw new CommandFailed(
          `No model ${JSON.stringify(id)} is configured. There are: ${filed.models.map(printable).join(', ')}.`,
        );
      return [];
    default:
      return [];
  }
};

const unknown = (what: string, id: string): string =>
  `Not known here whether the gateway has the ${what} ${JSON.stringify(id)}: none has begun on this store with this version. Check that it is spelt right.`;

/** Names of models that the gateway does not have, as a warning; nothing where that is not known. */
export const warnOfModels = (aliases: readonly string[], filed: FiledBudgets | undefined): string[] => {
  const { models } = filed ?? {};
  if (models === undefined) return [];
  const missing = aliases.filter((alias) => !models.includes(alias));
  if (missing.length === 0) return [];
  return [
    `Not configured: ${missing.map((name) => JSON.stringify(name)).join(', ')}. There are: ${models.map(printable).join(', ')}.`,
  ];
};
