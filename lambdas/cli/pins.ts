import { didYouMean } from '../contract/config-problem.ts';
import { describePin, endingPins, pinData, retiredPins } from '../core/pins/describe-pin.ts';
import { percent } from '../core/pins/judge-canary.ts';
import type { Pin } from '../core/pins/list-pins.ts';
import type { CalendarEntry, PinOverride, PinOverrideChange, PinStore } from '../core/pins/pin-store.ts';
import type { PinList } from '../wiring/open-pin-list.ts';
import { describeCanaries } from './canaries.ts';
import { describeHearing, hearingData } from './heard-pins.ts';
import { CommandFailed, isoTime, type Output, printable, shortTime, table } from './output.ts';

/**
 * Every version that a configuration points at, or an alias of it does, and what is tried in their places.
 *
 * @param overrides set by hand; undefined where no store was looked at
 * @throws {CommandFailed} where there is no such alias
 */
export const showPins = (
  { pins, canaries, asOf, file }: Pick<PinList, 'pins' | 'canaries' | 'asOf' | 'file'>,
  alias: string | undefined,
  overrides: readonly PinOverride[] | undefined,
  nowMs: number,
): Output => {
  const meant = alias === undefined ? pins : pins.filter(({ aliases }) => aliases.includes(alias));
  if (meant.length === 0) {
    const known = pins.flatMap(({ aliases }) => aliases);
    throw new CommandFailed(
      alias === undefined
        ? `${file} has no targets.`
        : `There is no alias ${JSON.stringify(alias)} in ${file}.${didYouMean(alias, new Set(known))}`,
    );
  }
  const rows = meant.map(({ id, aliases, standing, lifecycle, replacement }) => [
    id,
    aliases.join(','),
    standing.state,
    endText(lifecycle),
    standing.daysLeft === null ? '' : String(standing.daysLeft),
    replacement?.model ?? '',
  ]);
  const ofAlias = <Of extends { alias: string }>(list: readonly Of[]): Of[] =>
    list.filter((one) => alias === undefined || one.alias === alias);
  const tried = describeCanaries({ canaries: ofAlias(canaries), file }, overrides && ofAlias(overrides), nowMs);
  return {
    text: [
      table([['PIN', 'ALIASES', 'STATE', 'RETIRES', 'DAYS', 'REPLACED BY'], ...rows]),
      ...(tried.text === '' ? [] : [`\n${tried.text}`]),
      `\n${printable(file)}, by the catalogue of ${asOf}. "unknown": no source says.`,
    ].join('\n'),
    data: { config: file, pins: meant.map(pinData), ...tried.data, catalogue_as_of: asOf },
  };
};

const endText = (lifecycle: Pin['lifecycle']): string => {
  if (lifecycle?.retiresOn !== undefined) return lifecycle.retiresOn;
  return lifecycle?.notBefore === undefined ? 'unknown' : `after ${lifecycle.notBefore}`;
};

/**
 * What of a configuration has retired, what will within so many days, and what would replace it.
 *
 * @throws {CommandFailed} with all of it, where something has retired: a deployment is refused then
 */
export const checkPins = (
  { pins, hearing, file }: Pick<PinList, 'pins' | 'hearing' | 'file'>,
  withinDays: number,
): Output => {
  const [retired, ending] = [retiredPins(pins), endingPins(pins, withinDays)];
  const unknown = pins.filter(({ standing }) => standing.daysLeft === null);
  const output: Output = {
    text: [
      ...retired.map((pin) => `RETIRED  ${describeWhole(pin)}`),
      ...ending.map((pin) => `ENDS     ${describeWhole(pin)}`),
      ...(retired.length + ending.length === 0
        ? [`Nothing in ${printable(file)} has retired, or will within ${withinDays} days as far as is known.`]
        : []),
      `${unknown.length} of ${pins.length} pins of ${printable(file)} have no known end.`,
      ...describeHearing(hearing),
    ].join('\n'),
    data: {
      config: file,
      within_days: withinDays,
      retired: retired.map(pinData),
      ending: ending.map(pinData),
      bedrock: hearingData(hearing),
    },
  };
  if (retired.length === 0) return output;
  throw new CommandFailed(
    `${retired.length === 1 ? 'One pin has' : `${retired.length} pins have`} retired. Take another model, leave the target out, or say until when it is still served to you: lifecycle: { retires: 'DATE' }.`,
    output,
  );
};

const describeWhole = (pin: Pin): string => printable(describePin(pin));

/** What the watcher of pins has seen to change in the calendar, what people were told, and who set canaries by hand; newest first. */
export const showPinHistory = async ({ pins }: { pins: PinStore }): Promise<Output> => {
  const [records, { history }] = await Promise.all([pins.list(), pins.readOverrides()]);
  const changes = records
    .flatMap(({ pin, changes: of }) => of.map((change) => ({ pin, ...change })))
    .toSorted((a, b) => b.at - a.at || (a.pin < b.pin ? -1 : 1));
  const told = records
    .flatMap(({ pin, notices }) =>
      notices.flatMap(({ key, toldAt }) =>
        toldAt === null || key.startsWith('change ') ? [] : [{ pin, key, toldAt }],
      ),
    )
    .toSorted((a, b) => b.toldAt - a.toldAt || (a.pin < b.pin ? -1 : 1));
  const lines = [
    ...changes.map(({ pin, at, from, to }) => [shortTime(at), pin, `${entryText(from)} → ${entryText(to)}`]),
    ...told.map(({ pin, key, toldAt }) => [shortTime(toldAt), pin, `told: ${noticeText(key)}`]),
    ...history.map((change) => [shortTime(change.at), change.canary, changeText(change)]),
  ];
  return {
    text:
      lines.length === 0
        ? 'The calendar of the pins has not changed since it is watched, and no canary was set by hand.'
        : table([['WHEN', 'PIN', 'WHAT'], ...lines]),
    data: {
      changes: changes.map(({ pin, at, from, to }) => ({
        pin,
        at: isoTime(at),
        from: entryData(from),
        to: entryData(to),
      })),
      told: told.map(({ pin, key, toldAt }) => ({ pin, at: isoTime(toldAt), notice: noticeText(key) })),
      canaries: history.map(({ at, until, ...change }) => ({
        ...change,
        at: isoTime(at),
        until: until === null ? null : isoTime(until),
      })),
    },
  };
};

const changeText = ({ alias, target, share, by, until }: PinOverrideChange): string => {
  const what = share === null ? 'follows the configuration again' : `gets ${percent(share)}`;
  return `canary of ${target} in ${alias} ${what}, by ${by}${until === null ? '' : `, until ${shortTime(until)}`}`;
};

/** `90 2026-12-11` → `90 days before 2026-12-11`. */
const noticeText = (key: string): string => {
  const [days, date] = key.split(' ');
  return days === '0' ? `on ${date}` : `${days} days before ${date}`;
};

const entryText = ({ retiresOn, successor }: CalendarEntry): string =>
  `${retiresOn ?? 'no date'}${successor === null ? '' : `, ${successor}`}`;

const entryData = ({ deprecatedOn, retiresOn, successor }: CalendarEntry) => ({
  deprecated_on: deprecatedOn,
  retires_on: retiresOn,
  successor,
});
