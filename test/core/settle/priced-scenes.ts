import fc from 'fast-check';
import {
  type Fees,
  type Price,
  type RateCard,
  type Rates,
  SERVICES,
  type Service,
  timesPerMille,
} from '../../../lambdas/contract/price.ts';
import type { Billed, Charge, Conversation, CostBearing, Turn, Usage } from '../../../lambdas/core/conversation.ts';
import { type DialectName, isOpenaiDialect } from '../../../lambdas/core/dialect.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import { makeTarget } from '../call/call-fixture.ts';

/** Prices, requests and what a vendor may bill for them, for the properties of holds and costs. */

export const KINDS = {
  'openai-chat': 'openai',
  'openai-responses': 'openai',
  'anthropic-messages': 'anthropic',
  'bedrock-converse': 'bedrock',
  gemini: 'gemini',
} as const;

export const makeConversation = (more: Partial<Conversation> = {}): Conversation => ({
  model: 'assistant',
  turns: [{ role: 'user', parts: [{ type: 'text', text: 'Hello' }] }],
  tools: [],
  choices: 1,
  stream: false,
  streamUsage: false,
  sameDialectOnly: [],
  costBearing: [],
  ...more,
});

export const makeUsage = (counts: Partial<Usage>): Usage => ({
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  ...counts,
});

export const makeCost = (dialect: DialectName, charge: Charge, more: Partial<CostBearing> = {}): CostBearing =>
  ({ field: charge.kind, bound: charge.kind, dialect, isDispensable: false, ...charge, ...more }) as CostBearing;

const rate = fc.bigInt({ min: 0n, max: 200_000_000_000n });

/** Without rates of their own for audio and images, which not every model has. */
const plainRates: fc.Arbitrary<Rates> = fc.record({
  input: rate,
  cachedInput: rate,
  cacheWrite5m: rate,
  cacheWrite1h: rate,
  output: rate,
});

export const someRates: fc.Arbitrary<Rates> = fc.oneof(
  plainRates,
  fc
    .tuple(plainRates, rate, rate, rate)
    .map(([rates, audioInput, audioOutput, imageInput]) => ({ ...rates, audioInput, audioOutput, imageInput })),
);

export const someCard: fc.Arbitrary<RateCard> = fc
  .tuple(
    someRates,
    fc.uniqueArray(fc.record({ aboveInputTokens: fc.nat(500_000), rates: someRates }), {
      maxLength: 2,
      selector: ({ aboveInputTokens }) => aboveInputTokens,
    }),
  )
  .map(([base, tiers]) => ({ ...base, tiers: tiers.toSorted((a, b) => a.aboveInputTokens - b.aboveInputTokens) }));

const fee = fc.bigInt({ min: 0n, max: 1_000_000_000n });

/** A standard price and, now and then, everything that may hold instead or besides. */
export const somePrice: fc.Arbitrary<Price> = fc
  .record({
    card: someCard,
    services: fc.subarray([...SERVICES]),
    cards: fc.array(fc.oneof(someCard, fc.integer({ min: 1, max: 6_000 })), { minLength: 4, maxLength: 4 }),
    geos: fc.constantFrom<Record<string, number>[]>({}, { us: 1_100 }, { us: 1_100, eu: 999 }),
    fees: fc.oneof(
      fc.constant<Fees>({}),
      fc.record({ webSearch: fc.record({ low: fee, medium: fee, high: fee }), image: fee, call: fee }),
    ),
  })
  .map(({ card, services, cards, geos, fees }) => ({
    ...card,
    source: 'test',
    services: Object.fromEntries(
      services.map((name, index) => {
        const own = cards[index] ?? 1_000;
        return [name, typeof own === 'number' ? timesPerMille(card, own) : own];
      }),
    ),
    geos,
    fees,
  }));

export const CONTEXT = 700_000;

export const someTarget: fc.Arbitrary<Target> = fc
  .record({
    price: somePrice,
    dialect: fc.constantFrom<DialectName[]>(
      'openai-chat',
      'openai-responses',
      'anthropic-messages',
      'bedrock-converse',
    ),
    serviceTier: fc.constantFrom<NonNullable<Target['serviceTier']>[]>('default', 'auto', 'flex', 'priority'),
    webSearches: fc.integer({ min: 1, max: 3 }),
    tokensPerToolUse: fc.option(fc.nat(50_000), { nil: undefined }),
  })
  .map(({ price, dialect, serviceTier, webSearches, tokensPerToolUse }) => {
    const isPriced = serviceTier === 'default' || serviceTier === 'auto' || price.services?.[serviceTier] !== undefined;
    return makeTarget('a', {
      dialect,
      price,
      provider: { name: 'a', kind: KINDS[dialect], baseUrl: 'https://a' },
      contextTokens: CONTEXT,
      bounds: {
        webSearches,
        webFetches: 2,
        ...(tokensPerToolUse !== undefined && { tokensPerToolUse }),
        fields: new Map([
          ['unpriced', 123_456_789n],
          ['audio', 1_000n],
        ]),
      },
      ...(isOpenaiDialect(dialect) && { serviceTier: isPriced ? serviceTier : 'default' }),
    });
  });

const marked = (ttl: '5m' | '1h'): Turn => ({ role: 'user', parts: [{ type: 'text', text: 'Hello', cache: { ttl } }] });
const image: Turn = { role: 'user', parts: [{ type: 'image', source: { type: 'url', url: 'https://example.com/a' } }] };

const CHARGES: Charge[] = [
  { kind: 'service', service: 'flex' },
  { kind: 'service', service: 'priority' },
  { kind: 'service', service: 'auto' },
  { kind: 'geo', geo: 'us' },
  { kind: 'geo', geo: '' },
  { kind: 'tool', tool: 'web-search', uses: 1, size: 'low' },
  { kind: 'tool', tool: 'web-search', size: 'high' },
  { kind: 'tool', tool: 'web-fetch', size: 'medium' },
  { kind: 'audio' },
  { kind: 'prediction', text: 'what the answer may be like' },
  { kind: 'long-cache' },
  { kind: 'unpriced' },
];

/** Requests with at most one way of serving and one place, as a body can name. */
export const someConversation = (dialect: DialectName): fc.Arbitrary<Conversation> =>
  fc
    .record({
      turns: fc.subarray([marked('5m'), marked('1h'), image]),
      choices: fc.integer({ min: 1, max: 4 }),
      charges: fc.subarray(CHARGES),
    })
    .map(({ turns, choices, charges }) =>
      makeConversation({
        turns,
        choices,
        costBearing: charges
          .filter(
            ({ kind }, index) =>
              (kind !== 'service' && kind !== 'geo') || charges.findIndex((other) => other.kind === kind) === index,
          )
          .map((charge) => makeCost(dialect, charge)),
      }),
    );

/** What a vendor says of ways and places, of those that the request allows; undefined = nothing. */
export const someBilled = (services: readonly Service[], geos: readonly string[]): fc.Arbitrary<Billed> =>
  fc
    .record({
      service: fc.constantFrom(undefined, ...services),
      geo: fc.constantFrom(undefined, ...geos),
    })
    .map(({ service, geo }) => ({ ...(service !== undefined && { service }), ...(geo !== undefined && { geo }) }));
