import type { TargetConfig } from './config.ts';

/** A version that is tried in a target's place: of the same provider, by a share of the conversations. */
export interface CanaryConfig
  extends Pick<
    TargetConfig,
    | 'deploymentOf'
    | 'price'
    | 'capabilities'
    | 'contextTokens'
    | 'maxOutputTokens'
    | 'maxImageTokens'
    | 'maxDocumentTokens'
    | 'limits'
    | 'lifecycle'
  > {
  /** The provider's name of the model, with its date or version. */
  model: string;
  /** Of the conversations, above 0 up to 1 and with four decimals at most. 1 = all of them; the target is its fallback then. */
  share: number;
}

/** The canary as the target that it would be: asked in the same way as the one whose place it takes. */
export const canaryTarget = ({ provider, serviceTier, api }: TargetConfig, canary: CanaryConfig): TargetConfig => {
  const { share: _, ...own } = canary;
  return { provider, ...own, ...(serviceTier && { serviceTier }), ...(api && { api }) };
};

/** All that may be asked: each target, and its canary after it. */
export const withCanaries = (targets: readonly TargetConfig[]): TargetConfig[] =>
  targets.flatMap((target) => (target.canary === undefined ? [target] : [target, canaryTarget(target, target.canary)]));
