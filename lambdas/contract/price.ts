import type { NanoUsdPerMillion } from './money.ts';

/** Rates of one model, nano-USD per million tokens. Every rate is present: a price that lacks one is not a price. */
export interface Rates {
  input: NanoUsdPerMillion;
  cachedInput: NanoUsdPerMillion;
  cacheWrite5m: NanoUsdPerMillion;
  cacheWrite1h: NanoUsdPerMillion;
  /** Reasoning is output. */
  output: NanoUsdPerMillion;
}

export interface Price extends Rates {
  /** Long-context tiers, ascending: above that many input tokens (cached ones included) these rates hold for the whole request. */
  tiers: { aboveInputTokens: number; rates: Rates }[];
  /** Where the figures come from: a catalogue source with its date, or `configuration`. */
  source: string;
}
