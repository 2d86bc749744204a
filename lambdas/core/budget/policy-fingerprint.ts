import type { BudgetsConfig, GatewayConfig } from '../../contract/config.ts';

/** What a policy is numbered for: the file's budgets, as the command line reads them back. */
export interface FiledBudgets {
  org: string;
  budgets: BudgetsConfig;
}

export const policyFingerprint = ({ org = 'default', budgets = {} }: Pick<GatewayConfig, 'org' | 'budgets'>): string =>
  JSON.stringify({ org, budgets } satisfies FiledBudgets);

/** @returns undefined where nothing has been numbered, or by a version that wrote it otherwise */
export const readFingerprint = (fingerprint: string | undefined): FiledBudgets | undefined => {
  if (fingerprint === undefined) return undefined;
  const read = JSON.parse(fingerprint) as Partial<FiledBudgets>;
  return typeof read.org === 'string' && typeof read.budgets === 'object'
    ? { org: read.org, budgets: read.budgets }
    : undefined;
};
