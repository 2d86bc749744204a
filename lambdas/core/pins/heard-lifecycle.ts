import { type Lifecycle, profilePrefix } from '../../catalogue/lifecycle.ts';
import { daysUntil } from '../../contract/calendar-date.ts';
import { present } from '../read-json.ts';
import type { Target } from '../target.ts';

/** What a provider's own API says of a model's life. Days are `YYYY-MM-DD`, UTC; whatever is absent it does not say. */
export interface ToldLifecycle {
  stated?: 'active' | 'legacy';
  /** When it became, or becomes, legacy. */
  deprecatedOn?: string;
  retiresOn?: string;
  /** From then until its end the model's vendor may ask for more. */
  dearerFrom?: string;
}

/** The same, with who said so and when: `Bedrock's API in eu-central-1, 2026-11-23`. JSON-ready. */
export interface HeardLifecycle extends ToldLifecycle {
  source: string;
}

/** What Bedrock's API answered in a region, by the models' own ids. */
export type RegionAnswer =
  | { ok: true; region: string; models: ReadonlyMap<string, ToldLifecycle> }
  /** `because` goes on from "could not be asked, because". */
  | { ok: false; region: string; because: string };

/** The model of Bedrock's behind a name of its profile or an ARN; undefined where the name does not tell. */
export const bedrockModelOf = (name: string): string | undefined => {
  const [, named] = /^arn:[^:]+:bedrock:[^:]*:[^:]*:(?:foundation-model|inference-profile)\/(.+)$/.exec(name) ?? [];
  if (named === undefined && name.startsWith('arn:')) return undefined;
  const own = named ?? name;
  // In AWS's separate partitions its dates differ: there the region that is asked is one of theirs.
  const prefix = /^us-gov\./.exec(own)?.[0] ?? profilePrefix(own);
  return own.slice(prefix.length);
};

/** Whether Bedrock's API is asked about a target: by the process's own AWS credentials, and where its model is known. */
export const isAskedAbout = ({ provider, region, model }: Pick<Target, 'provider' | 'region' | 'model'>): boolean =>
  provider.kind === 'bedrock' &&
  provider.apiKey === undefined &&
  region !== undefined &&
  bedrockModelOf(model) !== undefined;

/** Where Bedrock's API is to be asked; empty where nothing is Bedrock's. */
export const regionsToAsk = (pinned: Iterable<readonly [name: string, targets: readonly Target[]]>): string[] => {
  const regions = [...pinned].flatMap(([, targets]) =>
    targets.flatMap((target) => (isAskedAbout(target) && target.region !== undefined ? [target.region] : [])),
  );
  return [...new Set(regions)].sort();
};

/**
 * The catalogue's facts with those of the provider's own API, which win: it is asked about this account. Who recommends what
 * instead, the API does not say.
 */
export const withHeard = (known: Lifecycle | undefined, heard: HeardLifecycle): Lifecycle => {
  const isInUse = heard.stated === 'active';
  // What is in use has no announced end but the one that is told with it.
  const retiresOn = heard.retiresOn ?? (isInUse ? undefined : known?.retiresOn);
  return {
    ...present('stated', heard.stated ?? known?.stated),
    ...present('deprecatedOn', heard.deprecatedOn ?? (isInUse ? undefined : known?.deprecatedOn)),
    ...present('retiresOn', retiresOn),
    ...present('notBefore', retiresOn === undefined ? known?.notBefore : undefined),
    ...present('successor', known?.successor),
    source: heard.source,
  };
};

/** `retires 2027-01-08`, `in use, no end announced`, …; undefined where nothing is said of it. */
export const saidOf = (life: Pick<Lifecycle, 'stated' | 'retiresOn' | 'notBefore'> | undefined): string | undefined => {
  if (life?.retiresOn !== undefined) return `retires ${life.retiresOn}`;
  if (life?.stated === 'active' || life?.notBefore !== undefined) return 'in use, no end announced';
  return life?.stated === undefined ? undefined : `${life.stated}, no end known`;
};

/**
 * What holds of a model that the API has spoken of before and now has no more: it has ended, today unless that was known.
 *
 * @param on the day, `YYYY-MM-DD`
 */
export const goneFrom = (before: HeardLifecycle, regions: readonly string[], on: string): HeardLifecycle =>
  before.retiresOn !== undefined && daysUntil(before.retiresOn, Date.parse(on)) <= 0
    ? before
    : {
        ...before,
        retiresOn: on,
        source: `Bedrock's API in ${regions.join(', ')} does not list it any more, ${on}`,
      };

export const isSameHeard = (a: HeardLifecycle | undefined, b: HeardLifecycle | undefined): boolean =>
  a?.stated === b?.stated &&
  a?.deprecatedOn === b?.deprecatedOn &&
  a?.retiresOn === b?.retiresOn &&
  a?.dearerFrom === b?.dearerFrom &&
  (a === undefined) === (b === undefined);
