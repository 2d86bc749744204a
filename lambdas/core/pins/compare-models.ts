import type { CatalogueModel } from '../../catalogue/catalogue.ts';
import { formatUsd, type NanoUsd } from '../../contract/money.ts';

/** What another model in a model's place would change. Dollars per million tokens, decimal text; JSON-ready. */
export interface ModelDifference {
  input_usd: readonly [from: string, to: string];
  output_usd: readonly [from: string, to: string];
  /** What both together cost of what they cost now, in thousandths, for as many tokens out as in; null where they cost nothing now. */
  cost_per_mille: number | null;
  /** Abilities that the one has and the other lacks. */
  loses: string[];
  gains: string[];
  context_tokens: readonly [from: number, to: number];
  max_output_tokens: readonly [from: number, to: number];
}

type Compared = Pick<CatalogueModel, 'price' | 'capabilities' | 'contextTokens' | 'maxOutputTokens'>;

export const compareModels = (from: Compared, to: Compared): ModelDifference => ({
  input_usd: [formatUsd(from.price.input), formatUsd(to.price.input)],
  output_usd: [formatUsd(from.price.output), formatUsd(to.price.output)],
  cost_per_mille: perMille(to.price.input + to.price.output, from.price.input + from.price.output),
  loses: [...from.capabilities].filter((one) => !to.capabilities.has(one)).toSorted(),
  gains: [...to.capabilities].filter((one) => !from.capabilities.has(one)).toSorted(),
  context_tokens: [from.contextTokens, to.contextTokens],
  max_output_tokens: [from.maxOutputTokens, to.maxOutputTokens],
});

const perMille = (part: NanoUsd, whole: NanoUsd): number | null =>
  whole === 0n ? null : Number((part * 1_000n) / whole);

/** For people: `$3 → $2 in, $15 → $10 out per million tokens; context 200000 → 1000000; loses tools`. */
export const describeDifference = (difference: ModelDifference): string => {
  const { input_usd, output_usd, context_tokens, max_output_tokens, loses, gains } = difference;
  return [
    `${moved(input_usd.map((usd) => `$${usd}`))} in, ${moved(output_usd.map((usd) => `$${usd}`))} out per million tokens`,
    ...(context_tokens[0] === context_tokens[1] ? [] : [`context ${moved(context_tokens.map(String))}`]),
    ...(max_output_tokens[0] === max_output_tokens[1]
      ? []
      : [`longest answer ${moved(max_output_tokens.map(String))}`]),
    ...(loses.length === 0 ? [] : [`loses ${loses.join(', ')}`]),
    ...(gains.length === 0 ? [] : [`gains ${gains.join(', ')}`]),
  ].join('; ');
};

const moved = ([from = '', to = '']: string[]): string => (from === to ? from : `${from} → ${to}`);
