import type { Conversation, CostBearing } from '../conversation.ts';
import type { AnyDialectName } from '../dialect.ts';
import type { Target } from '../target.ts';

export type PricedTarget = Pick<Target, 'price' | 'dialect' | 'bounds'>;

/** What of a request reaches this target: a field that only another dialect can say is not sent. */
export const chargesAt = ({ dialect }: { dialect: AnyDialectName }, { costBearing }: Conversation): CostBearing[] =>
  costBearing.filter((item) => item.dialect === dialect);

export type ToolCharge = Extract<CostBearing, { kind: 'tool' }>;

/** How often a tool that the provider runs may be used in one request; undefined where nothing bounds it. */
export const usesOf = ({ tool, uses }: ToolCharge, { bounds }: Pick<Target, 'bounds'>): number | undefined =>
  uses ?? (tool === 'web-search' ? bounds?.webSearches : bounds?.webFetches);

/** Whether the price says what this costs. What it does not is served only where the alias bounds it in dollars. */
export const isPriced = (item: CostBearing, target: PricedTarget): boolean => {
  const { price } = target;
  switch (item.kind) {
    case 'service':
      return item.service === 'standard' || item.service === 'auto' || price.services?.[item.service] !== undefined;
    case 'geo':
      return item.geo === '' || (price.geos !== undefined && Object.hasOwn(price.geos, item.geo));
    case 'tool':
      return usesOf(item, target) !== undefined && (item.tool === 'web-fetch' || price.fees?.webSearch !== undefined);
    case 'audio':
      return (item.isInput === true ? price.audioInput : price.audioOutput) !== undefined;
    case 'prediction':
      return true;
    case 'long-cache':
      // Where writing costs nothing on top, keeping it longer does not either; else the longer life has a rate of its own.
      return price.cacheWrite5m <= price.input || price.cacheWrite1h > price.cacheWrite5m;
    case 'unpriced':
      return false;
    default:
      return item satisfies never;
  }
};

/** Why a target can't serve what a request asks for beyond its tokens, and what would have to be configured; undefined when it can. */
export const whyUnpriced = (target: PricedTarget, conversation: Conversation): string | undefined => {
  for (const item of conversation.costBearing) {
    if (item.dialect !== target.dialect) {
      if (!item.isDispensable) return `"${item.field}" can't be expressed in ${target.dialect}`;
      continue;
    }
    const limit = item.kind === 'tool' ? boundOf(item, target) : undefined;
    if (item.kind === 'tool' && limit !== undefined && (item.uses ?? 0) > limit)
      return `"${item.field}" asks for ${item.uses} uses, above the bound of ${limit} (bounds.${TOOL_BOUNDS[item.tool]})`;
    if (!isPriced(item, target) && target.bounds?.fields.has(item.bound) !== true)
      return `"${item.field}" can cost more than the tokens of the answer, and ${lackOf(item, target)}`;
  }
  return undefined;
};

const TOOL_BOUNDS = { 'web-search': 'webSearches', 'web-fetch': 'webFetches' } as const;

const boundOf = ({ tool }: ToolCharge, { bounds }: PricedTarget): number | undefined => bounds?.[TOOL_BOUNDS[tool]];

const lackOf = (item: CostBearing, target: PricedTarget): string => {
  const byDollars = `or bounds: { fields: { ${JSON.stringify(item.bound)}: "$…" } } on the alias`;
  switch (item.kind) {
    case 'service':
      return `"${item.service}" has no price: configure price: { serviceTiers: { ${item.service}: … } } on the target, ${byDollars}`;
    case 'geo':
      return `"${item.geo.slice(0, 32)}" has no price: configure price: { inferenceGeo: { … } } on the target, ${byDollars}`;
    case 'tool':
      return usesOf(item, target) === undefined
        ? `nothing bounds its uses: send max_uses, or configure bounds: { ${TOOL_BOUNDS[item.tool]}: … } on the alias`
        : `a search has no price: configure price: { webSearchPerCall } on the target, ${byDollars}`;
    case 'audio':
      return item.isInput === true
        ? `sound has no price: configure price: { audioInputPerMTok } on the target, ${byDollars}`
        : `spoken answers have no price: configure price: { audioOutputPerMTok } on the target, ${byDollars}`;
    case 'long-cache':
      return `a longer cache life has no price: configure price: { cacheWrite1hPerMTok } on the target, ${byDollars}`;
    default:
      return `nothing says how much: leave it out, ${byDollars.replace('or ', 'or configure ')}`;
  }
};
