import type { Catalogue } from '../../catalogue/catalogue.ts';
import type { Lifecycle } from '../../catalogue/lifecycle.ts';
import { withCanaries } from '../../contract/canary.ts';
import type { GatewayConfig, TargetConfig } from '../../contract/config.ts';
import { paidEmbedderOf } from '../../contract/configured-caches.ts';
import { pinOf, type Target } from '../target.ts';
import { lifecycleOf } from './end-of-life.ts';
import {
  bedrockModelOf,
  goneFrom,
  type HeardLifecycle,
  isAskedAbout,
  type RegionAnswer,
  saidOf,
  withHeard,
} from './heard-lifecycle.ts';

export type Pinned = readonly (readonly [name: string, targets: readonly Target[]])[];

export interface HeardPins {
  /** The same targets, with what was heard of them: for `listPins`. Their `sunset` is as it was. */
  pinned: Pinned;
  /** By pin, what its provider's API says of it, or said when it was last heard. Of several regions, the nearest end. */
  heard: ReadonlyMap<string, HeardLifecycle>;
  /** Pins that were asked about and that no answer speaks of. */
  silent: string[];
  /** Where the catalogue says otherwise of the same model. */
  differences: { pin: string; heard: string; heardFrom: string; catalogue: string; catalogueFrom: string }[];
  /** What their vendors may ask more for than the catalogue says, from a day on: in the last part of their lives, as Bedrock has it. */
  dearer: { pin: string; from: string; source: string }[];
  /** Models that a region, which answered, does not have. */
  notListed: { pin: string; region: string }[];
}

/**
 * Joins what aliases are pinned to with what Bedrock's API answered. A region that could not be asked, or does not list a
 * model, takes what the others say of it; where none says anything the catalogue holds, or what was heard before. What the
 * configuration says of a target wins over all of it.
 *
 * @param on the day of the answers, `YYYY-MM-DD`
 * @param before by pin, what was heard when it was last told, where somebody remembers
 */
export const hearPins = (
  { pinned, config, catalogue }: { pinned: Pinned; config: GatewayConfig; catalogue: Catalogue },
  answers: readonly RegionAnswer[],
  on: string,
  before: ReadonlyMap<string, HeardLifecycle> = new Map(),
): HeardPins => {
  const byRegion = new Map(answers.map((answer) => [answer.region, answer]));
  const asked = new Map<string, Target[]>();
  for (const [, targets] of pinned)
    for (const target of targets)
      if (isAskedAbout(target)) {
        const known = asked.get(pinOf(target)) ?? [];
        if (!known.some(({ region }) => region === target.region)) asked.set(pinOf(target), [...known, target]);
      }

  const heard = new Map<string, HeardLifecycle>();
  const silent: string[] = [];
  const notListed: HeardPins['notListed'] = [];
  for (const [pin, targets] of asked) {
    for (const { region = '', model } of targets)
      if (isMissing(byRegion.get(region), model)) notListed.push({ pin, region });
    const told = targets.flatMap((target) => toldOf(target, byRegion, on) ?? []);
    const [nearest] = told.toSorted((a, b) => (endOf(a) < endOf(b) ? -1 : Number(endOf(a) > endOf(b))));
    const last = before.get(pin);
    if (nearest !== undefined) heard.set(pin, nearest);
    else {
      silent.push(pin);
      const isGone = targets.every(({ region = '', model }) => isMissing(byRegion.get(region), model));
      const regions = targets.flatMap(({ region }) => region ?? []);
      if (last !== undefined) heard.set(pin, isGone ? goneFrom(last, regions, on) : last);
    }
  }

  const differences = new Map<string, HeardPins['differences'][number]>();
  const dearer = new Map<string, HeardPins['dearer'][number]>();
  const join = (name: string, target: Target): Target => {
    const pin = pinOf(target);
    const fact = isAskedAbout(target) ? (toldOf(target, byRegion, on) ?? heard.get(pin)) : undefined;
    if (fact === undefined) return target;
    const known = catalogue.find('bedrock', target.model, target.region)?.lifecycle;
    const difference = differenceOf(pin, fact, known);
    if (difference !== undefined) differences.set(JSON.stringify(difference), difference);
    const own = configuredOf(config, name, target);
    const { dearerFrom: from, source } = fact;
    if (from !== undefined && own?.price === undefined) dearer.set(pin, { pin, from, source });
    const { lifecycle: _, ...rest } = target;
    const lifecycle = lifecycleOf(own?.lifecycle, withHeard(known, fact));
    return lifecycle === undefined ? rest : { ...rest, lifecycle };
  };
  const joined = pinned.map(([name, targets]) => [name, targets.map((target) => join(name, target))] as const);
  return {
    pinned: joined,
    heard,
    silent,
    differences: [...differences.values()],
    dearer: [...dearer.values()],
    notListed,
  };
};

const isMissing = (answer: RegionAnswer | undefined, name: string): boolean =>
  answer?.ok === true && listedName(answer, name) === undefined;

/** By its own name, else as the model behind the profile. */
const listedName = ({ models }: Extract<RegionAnswer, { ok: true }>, name: string): string | undefined =>
  [name, bedrockModelOf(name)].find((one) => one !== undefined && models.has(one));

const toldOf = (
  { region = '', model }: Target,
  byRegion: ReadonlyMap<string, RegionAnswer>,
  on: string,
): HeardLifecycle | undefined => {
  const answer = byRegion.get(region);
  if (answer?.ok !== true) return undefined;
  const told = answer.models.get(listedName(answer, model) ?? '');
  // Listed without a word about its life.
  if (told === undefined || Object.keys(told).length === 0) return undefined;
  return { ...told, source: `Bedrock's API in ${region}, ${on}` };
};

/** Texts of dates sort as the dates do. */
const endOf = ({ retiresOn }: HeardLifecycle): string => retiresOn ?? '9999';

const differenceOf = (
  pin: string,
  heard: HeardLifecycle,
  known: Lifecycle | undefined,
): HeardPins['differences'][number] | undefined => {
  const [one, other] = [saidOf(heard), saidOf(known)];
  if (known === undefined || one === undefined || other === undefined || one === other) return undefined;
  // Without a date it says no more than the catalogue, and the catalogue's date holds.
  if (heard.stated === 'legacy' && heard.retiresOn === undefined && known.retiresOn !== undefined) return undefined;
  return { pin, heard: one, heardFrom: heard.source, catalogue: other, catalogueFrom: known.source };
};

/** What the configuration says of a target, wherever it stands. */
const configuredOf = (
  config: GatewayConfig,
  name: string,
  { provider, model }: Target,
): Pick<TargetConfig, 'lifecycle' | 'price'> | undefined => {
  const embedder = paidEmbedderOf(config);
  const alias = Object.hasOwn(config.models, name) ? config.models[name] : undefined;
  const targets = alias === undefined && embedder !== undefined ? [embedder] : withCanaries(alias?.targets ?? []);
  return targets.find((one) => one.provider === provider.name && one.model === model);
};
