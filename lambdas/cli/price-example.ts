import { formatUsd, type NanoUsd } from '../contract/money.ts';
import type { Price, Rates, SearchSize } from '../contract/price.ts';
import type { Usage } from '../core/conversation.ts';
import { type Billing, cardOf, priceUsage, ratesAt } from '../core/settle/price-usage.ts';

/** A request whose cost is worked out: counts as the vendor would tell them, and what it bills by. */
export interface Example {
  usage: Usage;
  billing: Billing;
  searches: number;
  searchSize: SearchSize;
  images: number;
}

export interface CostLine {
  what: string;
  count: number;
  /** Decimal dollars; of tokens for a million. */
  rateUsd: string;
  /** Decimal dollars, exactly: not yet rounded. */
  amountUsd: string;
}

export interface WorkedExample {
  lines: CostLine[];
  /** The tier of rates that the input's length falls in. */
  aboveInputTokens: number;
  /** Rounded up to the nano-dollar once, as a settlement is. */
  total: NanoUsd;
}

/** @returns undefined where the price has no rates for this way of serving or place */
export const workOut = (price: Price, example: Example): WorkedExample | undefined => {
  const { usage, billing, searches, searchSize, images } = example;
  const card = cardOf(price, billing);
  if (card === undefined) return undefined;
  const input = inputTokensOf(usage);
  const rates = ratesAt(card, input);
  const fees = [
    { what: 'web search', count: searches, fee: price.fees?.webSearch?.[searchSize] },
    { what: 'image', count: images, fee: price.fees?.image },
    { what: 'call', count: 1, fee: price.fees?.call },
  ].flatMap(({ what, count, fee }) => (fee === undefined || count === 0 ? [] : [{ what, count, fee }]));
  return {
    lines: [
      ...tokenLines(usage, rates),
      ...fees.map(({ what, count, fee }) => ({
        what,
        count,
        rateUsd: formatUsd(fee),
        amountUsd: formatUsd(fee * BigInt(count)),
      })),
    ],
    aboveInputTokens: card.tiers.findLast(({ rates: own }) => own === rates)?.aboveInputTokens ?? 0,
    total: priceUsage(card, usage) + fees.reduce((sum, { count, fee }) => sum + fee * BigInt(count), 0n),
  };
};

const inputTokensOf = (usage: Usage): bigint =>
  BigInt(usage.inputTokens + usage.cachedInputTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens);

/** Audio and images are parts of the input and the output: named apart where they have rates of their own. */
const tokenLines = (usage: Usage, rates: Rates): CostLine[] => {
  const { audioInputTokens = 0, audioOutputTokens = 0, imageInputTokens = 0 } = usage.billed ?? {};
  const spokenIn = rates.audioInput === undefined ? 0 : audioInputTokens;
  const spokenOut = rates.audioOutput === undefined ? 0 : audioOutputTokens;
  const seen = rates.imageInput === undefined ? 0 : imageInputTokens;
  const rows: [string, number, bigint | undefined][] = [
    ['input', usage.inputTokens - spokenIn - seen, rates.input],
    ['cached input', usage.cachedInputTokens, rates.cachedInput],
    ['cache write, 5 minutes', usage.cacheWrite5mTokens, rates.cacheWrite5m],
    ['cache write, 1 hour', usage.cacheWrite1hTokens, rates.cacheWrite1h],
    ['audio input', spokenIn, rates.audioInput],
    ['image input', seen, rates.imageInput],
    ['output', usage.outputTokens - spokenOut, rates.output],
    ['audio output', spokenOut, rates.audioOutput],
  ];
  return rows.flatMap(([what, count, rate]) =>
    count === 0 || rate === undefined
      ? []
      : [{ what, count, rateUsd: formatUsd(rate), amountUsd: formatMillionths(BigInt(count) * rate) }],
  );
};

const MILLION = 1_000_000n;

/** Nano-dollars times a million, as exact decimal dollars. */
const formatMillionths = (amount: bigint): string => {
  if (amount % MILLION === 0n) return formatUsd(amount / MILLION);
  const digits = amount.toString().padStart(16, '0');
  return `${digits.slice(0, -15)}.${digits.slice(-15).replace(/0+$/, '')}`;
};
