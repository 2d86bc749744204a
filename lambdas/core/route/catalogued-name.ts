import type { TargetConfig } from '../../contract/config.ts';
import type { ProviderKind } from '../target.ts';

/** The name by which the catalogue knows a target's model; undefined where only the configuration could tell, and doesn't. */
export const cataloguedName = (
  { model, deploymentOf }: Pick<TargetConfig, 'model' | 'deploymentOf'>,
  kind: ProviderKind,
): string | undefined => (kind === 'azure-openai' ? deploymentOf : model);

/** An Azure deployment may be called anything, whatever model it serves: its name says nothing of its price. */
export const unknownDeployment = (deployment: string): string =>
  `nothing says what model the deployment "${deployment}" serves. A model without a price is never called: add deploymentOf: the model's name with its date ("us/…" or "eu/…" in a data zone), or price: { inputPerMTok, outputPerMTok } and contextTokens.`;
