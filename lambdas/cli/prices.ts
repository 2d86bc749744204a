import { didYouMean } from '../contract/config-problem.ts';
import { formatUsd } from '../contract/money.ts';
import type { Price, RateCard, Rates } from '../contract/price.ts';
import type { Target } from '../core/target.ts';
import type { PriceList } from '../wiring/open-price-list.ts';
import { CommandFailed, type Output, printable, table } from './output.ts';
import { type Example, type WorkedExample, workOut } from './price-example.ts';

/** One model at one place: what it costs and why. */
interface PricedModel {
  /** Aliases that it is a target of; none where it was found in the catalogue alone. */
  aliases: string[];
  id: string;
  price: Price;
  target?: Target;
  differences: { field: string; ours: string; theirs: string }[];
}

/**
 * What each target of the configuration costs, or those that `name` means: an alias, `provider/model`, or a model's own name,
 * which may also stand in the catalogue alone.
 *
 * @throws {CommandFailed} where nothing is called so
 */
export const showPrices = (list: PriceList, name: string | undefined, example: Example | undefined): Output => {
  const models = findModels(list, name);
  if (models.length === 0) {
    const known = [...list.aliases.keys(), ...[...list.aliases.values()].flat().map(({ id }) => id)];
    throw new CommandFailed(
      name === undefined
        ? 'The configuration has no targets.'
        : `Nothing is called ${JSON.stringify(name)}: no alias, target or model of the catalogue.${didYouMean(name, known)}`,
    );
  }
  const worked = models.map((model) => ({ model, example: example && workOut(model.price, example) }));
  const second = `${list.second.name} ${list.second.version}`;
  return {
    text: [
      ...worked.map(({ model, example: done }) => describeModel(model, second, example, done)),
      sourcesText(list),
    ].join('\n\n'),
    data: {
      models: worked.map(({ model, example: done }) => modelData(model, example, done)),
      catalogue: {
        as_of: list.asOf,
        sources: list.sources,
        compared_with: list.second,
      },
    },
  };
};

const findModels = (list: PriceList, name: string | undefined): PricedModel[] => {
  const byId = new Map<string, PricedModel>();
  for (const [alias, targets] of list.aliases) {
    for (const target of targets) {
      if (name !== undefined && !means(name, alias, target)) continue;
      const known = byId.get(target.id);
      if (known !== undefined) known.aliases.push(alias);
      else
        byId.set(target.id, {
          aliases: [alias],
          id: target.id,
          price: target.price,
          target,
          differences:
            target.price.source === 'configuration' ? [] : list.differencesOf(target.provider.kind, target.model),
        });
    }
  }
  if (byId.size > 0 || name === undefined) return [...byId.values()];
  return list.findModels(name).map(({ vendor, model, price }) => ({
    aliases: [],
    id: `${vendor}/${model}`,
    price,
    differences: list.differencesOf(vendor, model),
  }));
};

const means = (name: string, alias: string, target: Target): boolean =>
  name === alias || name === target.id || name === target.model || name === `${target.provider.name}/${target.model}`;

const RATE_NAMES: [keyof Rates, string][] = [
  ['input', 'input'],
  ['cachedInput', 'cached input'],
  ['cacheWrite5m', 'cache write, 5 minutes'],
  ['cacheWrite1h', 'cache write, 1 hour'],
  ['output', 'output'],
  ['audioInput', 'audio input'],
  ['audioOutput', 'audio output'],
  ['imageInput', 'image input'],
];

/** Standard rates, then every other set of them, each with a name of its own. */
const cardsOf = (price: Price): { name: string; card: RateCard; isUsed: boolean }[] => [
  { name: 'standard', card: price, isUsed: true },
  ...Object.entries(price.services ?? {}).map(([name, card]) => ({ name, card, isUsed: true })),
  ...(price.batch === undefined ? [] : [{ name: 'batch', card: price.batch, isUsed: false }]),
];

const columnsOf = (price: Price): { name: string; rates: Rates }[] =>
  cardsOf(price).flatMap(({ name, card, isUsed }) => {
    const shown = isUsed ? name : `${name} (never sent)`;
    return [
      { name: shown, rates: card },
      ...card.tiers.map(({ aboveInputTokens, rates }) => ({
        name: `${shown} > ${shortCount(aboveInputTokens)}`,
        rates,
      })),
    ];
  });

const shortCount = (tokens: number): string => (tokens % 1_000 === 0 ? `${tokens / 1_000}k` : String(tokens));

const ratesTable = (price: Price): string => {
  const columns = columnsOf(price);
  return table([
    ['$ per million tokens', ...columns.map(({ name }) => name)],
    ...RATE_NAMES.flatMap(([field, name]) =>
      columns.some(({ rates }) => rates[field] !== undefined)
        ? [[name, ...columns.map(({ rates }) => usdOf(rates[field]))]]
        : [],
    ),
  ]);
};

const usdOf = (rate: bigint | undefined): string => (rate === undefined ? '-' : formatUsd(rate));

const extrasOf = ({ geos = {}, fees = {} }: Price): string[] => {
  const { webSearch, image, call } = fees;
  const isFlat = webSearch !== undefined && webSearch.low === webSearch.medium && webSearch.medium === webSearch.high;
  return [
    ...Object.entries(geos).map(([geo, perMille]) => `processed in "${geo}": every rate × ${factorText(perMille)}`),
    ...(webSearch === undefined
      ? []
      : [
          isFlat
            ? `web search: $${formatUsd(webSearch.low)} each`
            : `web search: $${formatUsd(webSearch.low)}, $${formatUsd(webSearch.medium)} or $${formatUsd(webSearch.high)} each (low, medium, high context)`,
        ]),
    ...(image === undefined ? [] : [`image of the input: $${formatUsd(image)} each, beside its tokens`]),
    ...(call === undefined ? [] : [`call: $${formatUsd(call)} each, beside its tokens`]),
  ];
};

/** Thousandths as decimal text. */
const factorText = (perMille: number): string => formatUsd(BigInt(perMille) * 1_000_000n);

const boundsOf = (target: Target | undefined): string[] => {
  const { bounds, serviceTier } = target ?? {};
  return [
    ...(serviceTier === undefined ? [] : [`service tier asked for where a request names none: ${serviceTier}`]),
    ...(bounds?.webSearches === undefined ? [] : [`at most ${bounds.webSearches} web searches a request`]),
    ...(bounds?.webFetches === undefined ? [] : [`at most ${bounds.webFetches} fetches a request`]),
    ...[...(bounds?.fields ?? [])].map(
      ([field, most]) => `"${field}" has no price: charged $${formatUsd(most)} a request that has it`,
    ),
  ];
};

const describeModel = (
  model: PricedModel,
  second: string,
  example: Example | undefined,
  worked: WorkedExample | undefined,
): string => {
  const { aliases, id, price, target, differences } = model;
  return [
    aliases.length === 0 ? `${id} (in the catalogue, not configured)` : `${id}   for ${aliases.join(', ')}`,
    indent(ratesTable(price)),
    ...[...extrasOf(price), ...boundsOf(target)].map((line) => `  ${line}`),
    `  why: ${whyOf(price)}`,
    ...differences.map(
      ({ field, ours, theirs }) => `  differs: ${second} says ${field} ${theirs}, the catalogue ${ours}`,
    ),
    ...(example === undefined ? [] : [indent(describeExample(price, example, worked))]),
  ]
    .map((part) => part.split('\n').map(printable).join('\n'))
    .join('\n');
};

const indent = (text: string): string => text.replace(/^/gm, '  ');

const whyOf = ({ source }: Price): string =>
  source === 'configuration'
    ? "the target's own price in the configuration, which wins over the catalogue"
    : source === 'simulator'
      ? 'the simulator costs this, so that sums can be checked in one’s head'
      : `the catalogue (${source})`;

const describeExample = (price: Price, example: Example, worked: WorkedExample | undefined): string => {
  const { service, geo } = example.billing;
  const where = [service === 'standard' ? '' : `tier ${service}`, geo === '' ? '' : `processed in "${geo}"`]
    .filter((part) => part !== '')
    .join(', ');
  if (worked === undefined) return `example: no price for ${where}; a request that asks for it is refused`;
  const unpriced = example.searches > 0 && price.fees?.webSearch === undefined;
  const rows = worked.lines.map(({ what, count, rateUsd, amountUsd }) => [
    what,
    String(count),
    `× $${rateUsd}${TOKENS.has(what) ? ' per million' : ''}`,
    `= $${amountUsd}`,
  ]);
  return [
    `example${where === '' ? '' : ` (${where})`}${worked.aboveInputTokens > 0 ? `, at the rates above ${worked.aboveInputTokens} input tokens` : ''}:`,
    indent(table([...rows, ['in all', '', '', `= $${formatUsd(worked.total)}`]])),
    ...(unpriced ? ['  web searches have no price here; a request that asks for them is refused'] : []),
  ].join('\n');
};

const TOKENS: ReadonlySet<string> = new Set(RATE_NAMES.map(([, name]) => name));

const sourcesText = ({ sources, asOf, second }: PriceList): string =>
  [
    `Catalogue of ${asOf}:`,
    ...sources.map(
      ({ name, version, file, sha256, licence }) => `  ${name} ${version}, ${file} (${licence}), sha256 ${sha256}`,
    ),
    `  compared with ${second.name} ${second.version}, ${second.file} (${second.licence}), sha256 ${second.sha256}`,
  ].join('\n');

const modelData = (model: PricedModel, example: Example | undefined, worked: WorkedExample | undefined): unknown => {
  const { aliases, id, price, target, differences } = model;
  return {
    target: id,
    aliases,
    source: price.source,
    usd_per_million_tokens: cardsOf(price).map(({ name, card, isUsed }) => ({
      service: name,
      used: isUsed,
      ...ratesData(card),
      tiers: card.tiers.map(({ aboveInputTokens, rates }) => ({
        above_input_tokens: aboveInputTokens,
        ...ratesData(rates),
      })),
    })),
    inference_geo: Object.fromEntries(
      Object.entries(price.geos ?? {}).map(([geo, perMille]) => [geo, factorText(perMille)]),
    ),
    fees_usd: {
      web_search:
        price.fees?.webSearch === undefined
          ? null
          : Object.fromEntries(Object.entries(price.fees.webSearch).map(([size, fee]) => [size, formatUsd(fee)])),
      image: price.fees?.image === undefined ? null : formatUsd(price.fees.image),
      call: price.fees?.call === undefined ? null : formatUsd(price.fees.call),
    },
    bounds: {
      service_tier: target?.serviceTier ?? null,
      web_searches: target?.bounds?.webSearches ?? null,
      web_fetches: target?.bounds?.webFetches ?? null,
      fields_usd: Object.fromEntries(
        [...(target?.bounds?.fields ?? [])].map(([field, most]) => [field, formatUsd(most)]),
      ),
    },
    differences: differences.map(({ field, ours, theirs }) => ({ field, catalogue: ours, second_source: theirs })),
    example:
      example === undefined
        ? null
        : worked === undefined
          ? { refused: true }
          : {
              lines: worked.lines.map(({ what, count, rateUsd, amountUsd }) => ({
                what,
                count,
                rate_usd: rateUsd,
                amount_usd: amountUsd,
              })),
              above_input_tokens: worked.aboveInputTokens,
              total_usd: formatUsd(worked.total),
            },
  };
};

const ratesData = (rates: Rates): Record<string, string | null> =>
  Object.fromEntries(
    RATE_NAMES.map(([field]) => {
      const rate = rates[field];
      return [
        field.replace(/[A-Z]|\d+/g, (letter) => `_${letter.toLowerCase()}`),
        rate === undefined ? null : formatUsd(rate),
      ];
    }),
  );
