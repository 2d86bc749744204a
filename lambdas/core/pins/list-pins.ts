import type { Catalogue, CatalogueVendor } from '../../catalogue/catalogue.ts';
import type { Lifecycle } from '../../catalogue/lifecycle.ts';
import { isFloatingModel } from '../../contract/model-names.ts';
import { pinOf, type Target } from '../target.ts';
import { compareModels, type ModelDifference } from './compare-models.ts';
import { type Standing, standingOf } from './end-of-life.ts';

/** A version that aliases point at, in all of its provider's regions. */
export interface Pin {
  /** `provider/model`. */
  id: string;
  /** The aliases that have it as a target. */
  aliases: string[];
  lifecycle: Lifecycle | undefined;
  standing: Standing;
  /** What the vendor, or the configuration, names to take its place; undefined where nobody does. */
  replacement: Replacement | undefined;
}

export interface Replacement {
  model: string;
  /** Whether it is a name that the vendor may move, which `pins.floating` refuses unless it is allowed. */
  isFloating: boolean;
  /** What it changes; undefined where the catalogue does not know it. */
  difference: ModelDifference | undefined;
}

/**
 * What the aliases are pinned to, the next to end first; those that have ended before all. Of a model in several regions, the
 * region whose date is nearest counts.
 */
export const listPins = (
  aliases: Iterable<readonly [name: string, targets: readonly Target[]]>,
  catalogue: Catalogue,
  nowMs: number,
): Pin[] => {
  const pins = new Map<string, { target: Target; aliases: Set<string> }>();
  for (const [alias, targets] of aliases)
    for (const target of targets) {
      const id = pinOf(target);
      const known = pins.get(id);
      pins.set(id, {
        target: known === undefined || endOf(target) < endOf(known.target) ? target : known.target,
        aliases: (known?.aliases ?? new Set()).add(alias),
      });
    }
  return [...pins]
    .map(([id, { target, aliases: names }]) => ({
      id,
      aliases: [...names],
      lifecycle: target.lifecycle,
      standing: standingOf(target.lifecycle, nowMs),
      replacement: replacementOf(target, catalogue),
    }))
    .toSorted((a, b) => daysOf(a) - daysOf(b) || (a.id < b.id ? -1 : 1));
};

const daysOf = ({ standing }: Pin): number => standing.daysLeft ?? Number.POSITIVE_INFINITY;

/** Texts of dates sort as the dates do. */
const endOf = ({ lifecycle }: Target): string => lifecycle?.retiresOn ?? '9999';

const replacementOf = (target: Target, catalogue: Catalogue): Replacement | undefined => {
  const model = target.lifecycle?.successor;
  if (model === undefined) return undefined;
  const vendor = vendorOf(target);
  const known = vendor && catalogue.find(vendor, model, target.region);
  return {
    model,
    isFloating: vendor !== undefined && isFloatingModel(vendor, model),
    difference: known && compareModels(target, known),
  };
};

const vendorOf = ({ provider: { kind } }: Target): CatalogueVendor | undefined =>
  kind === 'openai-compatible' || kind === 'simulator' ? undefined : kind;
