import { describeDifference } from './compare-models.ts';
import { NEAR_DAYS } from './end-of-life.ts';
import type { Pin } from './list-pins.ts';

/** Pins whose version has retired. */
export const retiredPins = (pins: readonly Pin[]): Pin[] => pins.filter(({ standing }) => standing.state === 'retired');

/** Pins whose version retires within so many days, those that have retired left out. */
export const endingPins = (pins: readonly Pin[], withinDays: number = NEAR_DAYS): Pin[] =>
  pins.filter(
    ({ standing: { state, daysLeft } }) => state !== 'retired' && daysLeft !== null && daysLeft <= withinDays,
  );

/** `openai/gpt-5-2025-08-07 (assistant) retires 2026-12-11, in 18 days`. */
export const describeEnd = ({ id, aliases, lifecycle, standing }: Pin): string => {
  const { daysLeft } = standing;
  const what = `${id} (${aliases.join(', ')})`;
  if (daysLeft === null) return `${what}: no end is known`;
  if (daysLeft <= 0) return `${what} retired ${lifecycle?.retiresOn}`;
  return `${what} retires ${lifecycle?.retiresOn}, in ${daysLeft === 1 ? '1 day' : `${daysLeft} days`}`;
};

/** What would take its place, at what difference; that nobody says, where nobody does. */
export const describeReplacement = ({ replacement }: Pin): string => {
  if (replacement === undefined) return 'nothing says what replaces it';
  const { model, isFloating, difference } = replacement;
  const what = difference === undefined ? 'not in the catalogue: its price is unknown' : describeDifference(difference);
  const floating = isFloating ? "; the vendor can move this name, which needs pins: { floating: 'allow' }" : '';
  return `replaced by ${model}: ${what}${floating}`;
};

/** Both in one line, with who says so. */
export const describePin = (pin: Pin): string =>
  `${describeEnd(pin)}; ${describeReplacement(pin)}${pin.lifecycle === undefined ? '' : ` (${pin.lifecycle.source})`}`;

/** JSON-ready. */
export const pinData = ({ id, aliases, lifecycle, standing, replacement }: Pin) => ({
  pin: id,
  aliases,
  state: standing.state,
  deprecated_on: lifecycle?.deprecatedOn ?? null,
  retires_on: lifecycle?.retiresOn ?? null,
  not_before: lifecycle?.notBefore ?? null,
  days_left: standing.daysLeft,
  source: lifecycle?.source ?? null,
  replacement:
    replacement === undefined
      ? null
      : { model: replacement.model, floating: replacement.isFloating, difference: replacement.difference ?? null },
});
