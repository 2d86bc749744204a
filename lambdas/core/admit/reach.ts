import type { NanoUsd } from '../../contract/money.ts';
import { type PricedService, SERVICES, type Service } from '../../contract/price.ts';
import type { CachePoint, Charge, Conversation } from '../conversation.ts';
import { isOpenaiDialect } from '../dialect.ts';
import { chargesAt, isPriced, type ToolCharge, usesOf } from '../route/cost-bearing.ts';
import type { Target } from '../target.ts';
import { estimateTokensHigh } from './estimate.ts';

export type ReachTarget = Pick<
  Target,
  'price' | 'dialect' | 'provider' | 'model' | 'contextTokens' | 'bounds' | 'serviceTier'
>;

/** What a request can be billed by at a target, as far as anybody can tell before the vendor has. */
export interface Reach {
  /** Any of these. */
  services: Service[];
  /** Any of these; '' = at the rates as they are. */
  geos: string[];
  /** Cache writes that may be billed. */
  cacheWrites: ReadonlySet<CachePoint['ttl']>;
  /** Whether any of the input, or of the output, may be audio. */
  hasAudio: boolean;
  hasImages: boolean;
  /** The most searches, and what each costs. */
  searches: number;
  searchFee: NanoUsd;
  /** The most uses of tools that the provider runs: after each, all that came before is input again. */
  toolUses: number;
  /** Output that is billed and that no limit of the request covers, tokens. */
  predictionTokens: number;
  /** What is billed whatever the counts are: fees by the call and by the image, and fields that the alias bounds. */
  fixedFees: NanoUsd;
}

/** A field that `whyUnpriced` refuses is taken for what is known of it; no call is made with one. */
export const reachOf = (target: ReachTarget, conversation: Conversation): Reach => {
  const { price, bounds } = target;
  const charges = chargesAt(target, conversation);
  const tools = charges.filter((charge) => charge.kind === 'tool');
  const searches = tools.filter(({ tool }) => tool === 'web-search');
  const uses = (list: ToolCharge[]): number => list.reduce((sum, tool) => sum + (usesOf(tool, target) ?? 0), 0);
  const images = countImages(conversation);
  const bounded = new Set(charges.flatMap((item) => (isPriced(item, target) ? [] : [item.bound])));
  return {
    services: servicesOf(target, charges),
    geos: geosOf(target, charges),
    cacheWrites: cacheWritesOf(target, conversation, charges),
    hasAudio: charges.some(({ kind }) => kind === 'audio'),
    hasImages: images > 0,
    searches: uses(searches),
    searchFee: searches.reduce((fee, { size }) => dearer(fee, price.fees?.webSearch?.[size] ?? 0n), 0n),
    toolUses: uses(tools),
    predictionTokens: charges.reduce(
      (sum, charge) => sum + (charge.kind === 'prediction' ? estimateTokensHigh(charge.text, target) : 0),
      0,
    ),
    fixedFees:
      (price.fees?.call ?? 0n) +
      (price.fees?.image ?? 0n) * BigInt(images) +
      [...bounded].reduce((sum, field) => sum + (bounds?.fields.get(field) ?? 0n), 0n),
  };
};

const dearer = (a: bigint, b: bigint): bigint => (a > b ? a : b);

const servicesOf = (
  { price, provider, serviceTier = 'default' }: ReachTarget,
  charges: readonly Charge[],
): Service[] => {
  const own = provider.kind === 'openai' ? SERVICE_OF_TIER[serviceTier] : 'standard';
  const asked = charges.find((charge) => charge.kind === 'service')?.service ?? own;
  if (asked === 'standard') return ['standard'];
  if (asked === 'auto') return ['standard', ...knownServices(price)];
  // A vendor that has no room in the tier may serve the request at its usual one.
  return ['standard', asked];
};

const SERVICE_OF_TIER: Record<NonNullable<Target['serviceTier']>, Service | 'auto'> = {
  default: 'standard',
  auto: 'auto',
  flex: 'flex',
  priority: 'priority',
};

const knownServices = (price: Target['price']): PricedService[] =>
  SERVICES.filter((service) => price.services?.[service] !== undefined);

/** Where nothing is said, the workspace's own setting decides at Anthropic: any place that has a price is within reach. */
const geosOf = ({ price, dialect }: ReachTarget, charges: readonly Charge[]): string[] => {
  const asked = charges.find((charge) => charge.kind === 'geo')?.geo;
  if (asked !== undefined) return [asked];
  return dialect === 'anthropic-messages' ? ['', ...Object.keys(price.geos ?? {})] : [''];
};

/**
 * OpenAI's models write their caches unasked, at the rate of short-lived entries; a longer life has to be asked for.
 * Anthropic's and Bedrock's write only where the request marks a point.
 */
const cacheWritesOf = (
  { dialect, provider }: ReachTarget,
  conversation: Conversation,
  charges: readonly Charge[],
): Reach['cacheWrites'] => {
  const ttls = new Set<CachePoint['ttl']>(isOpenaiDialect(dialect) ? ['5m'] : []);
  if (charges.some(({ kind }) => kind === 'long-cache')) ttls.add('1h');
  // Their half-hour is the short life; what else a point says is a charge of its own.
  if (isOpenaiDialect(dialect) && provider.kind === 'openai') return ttls;
  // A point that the conversation does not hold: at either rate.
  if (conversation.sameDialectOnly.includes('cache_control')) return new Set(['5m', '1h']);
  for (const { cache } of conversation.tools) if (cache !== undefined) ttls.add(cache.ttl);
  for (const turn of conversation.turns) {
    for (const part of turn.parts) {
      if ('cache' in part && part.cache !== undefined) ttls.add(part.cache.ttl);
      if (part.type !== 'tool-result') continue;
      for (const { cache } of part.content) if (cache !== undefined) ttls.add(cache.ttl);
    }
  }
  return ttls;
};

const countImages = ({ turns }: Conversation): number => {
  let images = 0;
  for (const { parts } of turns) {
    for (const part of parts) {
      if (part.type === 'image') images += 1;
      if (part.type === 'tool-result') for (const { type } of part.content) if (type === 'image') images += 1;
    }
  }
  return images;
};
