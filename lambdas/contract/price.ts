import { ceilDivide, type NanoUsd, type NanoUsdPerMillion } from './money.ts';

/**
 * Rates of one model, nano-USD per million tokens. The five that every model has are present: a price that lacks one is not a
 * price. The others are absent where the model has no such tokens, or nobody says what they cost: a request that would be
 * billed by an absent rate is refused, or told by the vendor's count at the dearest rate there is.
 */
export interface Rates {
  input: NanoUsdPerMillion;
  cachedInput: NanoUsdPerMillion;
  cacheWrite5m: NanoUsdPerMillion;
  /** Writes that live an hour or longer. */
  cacheWrite1h: NanoUsdPerMillion;
  /** Reasoning is output. */
  output: NanoUsdPerMillion;
  audioInput?: NanoUsdPerMillion;
  audioOutput?: NanoUsdPerMillion;
  /** Only where image tokens have a rate of their own; elsewhere they are input. */
  imageInput?: NanoUsdPerMillion;
}

export interface RateCard extends Rates {
  /** Long-context tiers, ascending: above that many input tokens (cached ones included) these rates hold for the whole request. */
  tiers: { aboveInputTokens: number; rates: Rates }[];
}

/** Ways of serving that have rates of their own. What a vendor's contract has prepaid (`scale`, `reserved`, Anthropic's `priority`) is `standard` here: no list has a rate for it. */
export const SERVICES = ['flex', 'priority', 'fast', 'ultrafast'] as const;
export type PricedService = (typeof SERVICES)[number];
export type Service = 'standard' | PricedService;

/** How much of the web a search brings in, where the vendor lets the client say. */
export type SearchSize = 'low' | 'medium' | 'high';

export interface Fees {
  /** Each search of the web that the provider makes. */
  webSearch?: Record<SearchSize, NanoUsd>;
  /** Each image of the input, beside its tokens. */
  image?: NanoUsd;
  /** Every call that is answered. */
  call?: NanoUsd;
}

/** Standard rates, and all that a request may be billed by instead or besides. */
export interface Price extends RateCard {
  /** Where the figures come from: a catalogue source with its date, or `configuration`. */
  source: string;
  services?: Partial<Record<PricedService, RateCard>>;
  /** Recorded for people; the gateway sends no batches. */
  batch?: RateCard;
  /** What processing in a part of the world that the request may name multiplies every rate by, in thousandths: `{ us: 1100 }`. */
  geos?: Record<string, number>;
  fees?: Fees;
}

/** Every rate as `change` makes it. */
export const mapRates = (rates: Rates, change: (rate: NanoUsdPerMillion, name: keyof Rates) => bigint): Rates => ({
  input: change(rates.input, 'input'),
  cachedInput: change(rates.cachedInput, 'cachedInput'),
  cacheWrite5m: change(rates.cacheWrite5m, 'cacheWrite5m'),
  cacheWrite1h: change(rates.cacheWrite1h, 'cacheWrite1h'),
  output: change(rates.output, 'output'),
  ...(rates.audioInput !== undefined && { audioInput: change(rates.audioInput, 'audioInput') }),
  ...(rates.audioOutput !== undefined && { audioOutput: change(rates.audioOutput, 'audioOutput') }),
  ...(rates.imageInput !== undefined && { imageInput: change(rates.imageInput, 'imageInput') }),
});

/** Every rate multiplied by so many thousandths, and rounded up. */
export const timesPerMille = (card: RateCard, perMille: number): RateCard => {
  const factor = BigInt(perMille);
  const times = (rates: Rates): Rates => mapRates(rates, (rate) => ceilDivide(rate * factor, 1_000n));
  return {
    ...times(card),
    tiers: card.tiers.map(({ aboveInputTokens, rates }) => ({ aboveInputTokens, rates: times(rates) })),
  };
};
