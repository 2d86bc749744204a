import type { Target } from '../target.ts';

/** Bedrock's names of inference profiles that serve a request in any region of a part of the world. */
const PROFILE = /^(us-gov|us|eu|apac|jp|au|ca|global)\./;

/** What the regions of a part of the world begin with, where that is not its own name. */
const REGION_PREFIX: Readonly<Record<string, string>> = { apac: 'ap' };

/**
 * Why a target is not open to an alias that names the regions its requests may be served in; undefined where it is. A part of
 * the world (`eu`) stands for its regions. A profile that moves requests between regions is open only where that whole part
 * is allowed, and a provider that does not say where it is never is.
 */
export const whyNotThere = (
  { region, model, provider }: Pick<Target, 'region' | 'model' | 'provider'>,
  allowed: readonly string[] | undefined,
): string | undefined => {
  if (allowed === undefined) return undefined;
  const list = allowed.join(', ');
  if (region === undefined) return `region: ${provider.name} names none, allowed are ${list}`;
  const profile = provider.kind === 'bedrock' ? PROFILE.exec(model)?.[1] : undefined;
  if (profile !== undefined)
    return allowed.includes(profile)
      ? undefined
      : `region: the profile "${profile}" may serve it in any of its regions, allowed are ${list}`;
  return allowed.some((one) => one === region || isPartWith(one, region))
    ? undefined
    : `region: ${region} is not among those allowed, ${list}`;
};

const isPartWith = (part: string, region: string): boolean => {
  if (/\d$/.test(part)) return false;
  // us-gov-west-1 is not what people mean by us.
  if (part === 'us' && region.startsWith('us-gov-')) return false;
  return region.startsWith(`${REGION_PREFIX[part] ?? part}-`);
};
