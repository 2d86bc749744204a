import type { BudgetsConfig, GatewayConfig } from '../../contract/config.ts';

/** What a policy is numbered for: the file's budgets, and the names they may be for, as the command line reads them back. */
export interface FiledBudgets {
  org: string;
  budgets: BudgetsConfig;
  /** Aliases; absent where a version wrote it that did not tell them. */
  models?: string[];
}

export const policyFingerprint = ({
  org = 'default',
  budgets = {},
  models,
}: Pick<GatewayConfig, 'org' | 'budgets' | 'models'>): string =>
  JSON.stringify({ org, budgets, models: Object.keys(models).sort() } satisfies FiledBudgets);

/** @returns undefined where nothing has been numbered, or by a version that wrote it otherwise */
export const readFingerprint = (fingerprint: string | undefined): FiledBudgets | undefined => {
  if (fingerprint === undefined) return undefined;
  const read = JSON.parse(fingerprint) as Partial<FiledBudgets>;
  return typeof read.org === 'string' && typeof read.budgets === 'object'
    ? { org: read.org, budgets: read.budgets, ...(Array.isArray(read.models) && { models: read.models }) }
    : undefined;
};
