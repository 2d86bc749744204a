import { didYouMean } from '../contract/config-problem.ts';
import { describeEnd, endingPins, retiredPins } from '../core/pins/describe-pin.ts';
import { percent } from '../core/pins/judge-canary.ts';
import type { Pin } from '../core/pins/list-pins.ts';
import { isInForce } from '../core/pins/live-canaries.ts';
import { MOST_OVERRIDES, overridePin, releasePins } from '../core/pins/override-pins.ts';
import type { PinOverride, PinOverrides, PinStore } from '../core/pins/pin-store.ts';
import type { Clock } from '../core/ports.ts';
import type { ConfiguredCanary, PinList } from '../wiring/open-pin-list.ts';
import { CommandFailed, isoTime, type Output, printable, shortTime, UsageError } from './output.ts';

type CanaryPorts = { pins: Pick<PinStore, 'readOverrides' | 'writeOverrides'>; clock: Pick<Clock, 'now'> };

/** Which canary is meant. */
export interface CanaryChoice {
  alias: string;
  /** `provider/model`, where an alias has several. */
  target: string | undefined;
  /** The canary's name, to be sure that it is that one. */
  to?: string | undefined;
}

/**
 * Gives a canary so much of its alias's conversations, over what the configuration says: 1 = all, 0 = none. Only what the
 * configuration has, with its price, can be given any.
 */
export const setCanary = async (
  { share, until, by, ...choice }: CanaryChoice & { share: number; until: number | null; by: string },
  configured: Pick<PinList, 'pins' | 'canaries' | 'aliases' | 'file'>,
  ports: CanaryPorts,
): Promise<Output> => {
  const { alias, target, canary } = chooseCanary(choice, configured);
  const now = ports.clock.now();
  const written = await overridePin({ alias, target, canary, share, until, by }, ports);
  if (written === undefined)
    throw new CommandFailed(
      `There are ${MOST_OVERRIDES} canaries set by hand, which is as many as gateways read. Release some: pins release ALIAS.`,
    );
  const replaced = replacedBy(written, { alias, target, canary, share, by }, now);
  const ends = until === null ? 'until "pins release"' : `until ${shortTime(until)}`;
  const rest =
    share === 0
      ? `${target} answers alone.`
      : share === 1
        ? `${target} stands behind it, and answers where it fails.`
        : `${target} has the others, and answers where the canary fails.`;
  return {
    warnings: [...replaced, ...endingWarnings(share === 0 ? target : canary, configured.pins)],
    text: printable(
      `${alias}: ${canary} gets ${percent(share)} of the conversations ${ends}. ${rest} ` +
        'Running gateways see it within seconds; one whose configuration has other versions there does not follow it.',
    ),
    data: { alias, target, canary, share, by, until: until === null ? null : isoTime(until) },
  };
};

/** Whose word is replaced by this one: it may have been given for a reason. */
const replacedBy = (
  { history }: PinOverrides,
  { alias, target, canary, share, by }: Omit<PinOverride, 'until' | 'at'>,
  now: number,
): string[] => {
  const [, before] = history.filter((one) => one.alias === alias && one.target === target);
  if (before === undefined || before.share === null || before.canary !== canary) return [];
  if (before.until !== null && before.until <= now) return [];
  if (before.by === by || before.share === share) return [];
  return [
    `This replaces what ${printable(before.by)} has set at ${shortTime(before.at)}: ${percent(before.share)} for ${printable(canary)}.`,
  ];
};

/** Whoever leans on one version should know of its end. */
const endingWarnings = (version: string, pins: readonly Pin[]): string[] => {
  const own = pins.filter(({ id }) => id === version);
  return [...retiredPins(own), ...endingPins(own)].map((pin) => `${printable(describeEnd(pin))}.`);
};

/** Lets the configuration hold again. */
export const releaseCanary = async (
  { alias, target, by }: { alias: string; target: string | undefined; by: string },
  ports: CanaryPorts,
): Promise<Output> => {
  const released = await releasePins({ alias, target, by }, ports);
  if (released.length === 0)
    throw new CommandFailed(
      `No canary of ${printable(alias)}${target === undefined ? '' : ` and ${printable(target)}`} is set by hand.`,
    );
  return {
    text: released
      .map(
        (one) =>
          `${printable(one.alias)}: nothing is set by hand for ${printable(one.canary)} in the place of ${printable(one.target)} any more. ` +
          'Where a configuration has the two, its share holds.',
      )
      .join('\n'),
    data: { released: released.map(({ target: of, canary }) => ({ alias, target: of, canary })), by },
  };
};

const chooseCanary = (
  { alias, target, to }: CanaryChoice,
  { canaries, aliases, file }: Pick<PinList, 'canaries' | 'aliases' | 'file'>,
): ConfiguredCanary => {
  if (!aliases.includes(alias))
    throw new CommandFailed(`There is no alias ${JSON.stringify(alias)} in ${file}.${didYouMean(alias, aliases)}`);
  const own = canaries.filter((one) => one.alias === alias);
  if (own.length === 0)
    throw new CommandFailed(
      `No target of ${alias} has a canary in ${file}. Give one a canary: { model, share }, and deploy: only what the configuration has, with its price, may be called.`,
    );
  const ofTarget = own.filter((one) => target === undefined || one.target === target);
  if (ofTarget.length === 0)
    throw new CommandFailed(
      `${alias} has no canary of ${JSON.stringify(target)}.${didYouMean(
        target ?? '',
        own.map((one) => one.target),
      )} It has: ${own.map(pairText).join(', ')}.`,
    );
  const meant = ofTarget.filter(({ canary }) => to === undefined || to === canary || canary.endsWith(`/${to}`));
  const [one, another] = meant;
  if (one === undefined)
    throw new CommandFailed(
      `${JSON.stringify(to)} is no canary of ${alias} in ${file}: it has ${ofTarget.map(pairText).join(', ')}. Only what the configuration has, with its price, may be called.`,
    );
  if (another !== undefined)
    throw new UsageError(
      `${alias} has several canaries: ${meant.map(pairText).join(', ')}. Say which: --target PROVIDER/MODEL.`,
    );
  return one;
};

const pairText = ({ target, canary }: Pick<ConfiguredCanary, 'target' | 'canary'>): string => `${canary} of ${target}`;

/**
 * The canaries as they stand, for people and programs.
 *
 * @param overrides undefined where no store was looked at
 */
export const describeCanaries = (
  { canaries, file }: Pick<PinList, 'canaries' | 'file'>,
  overrides: readonly PinOverride[] | undefined,
  nowMs: number,
) => {
  const lasting = (overrides ?? []).filter(({ until }) => until === null || until > nowMs);
  const rows = canaries.map((pair) => {
    const override = lasting.find((one) => one.alias === pair.alias && isInForce(one, pair, nowMs));
    return { ...pair, override };
  });
  const idle = lasting.filter((one) => !rows.some(({ override }) => override === one));
  const lines = [
    ...rows.map(({ override, ...pair }) => {
      const held = override === undefined ? 'as configured' : `${byHand(override)}; ${percent(pair.share)} configured`;
      return `${pair.alias}: canary ${pairText(pair)} gets ${percent(override?.share ?? pair.share)} (${held}).`;
    }),
    ...idle.map(
      (one) =>
        `${one.alias}: ${percent(one.share)} for the canary ${pairText(one)} (${byHand(one)}) says nothing: ${file} has no such pair. Where that is what is deployed, "pins release ${one.alias}" takes it away.`,
    ),
    ...(overrides === undefined && canaries.length > 0
      ? ['Whether somebody has set them by hand is in the store: --local or --stack.']
      : []),
  ];
  return {
    text: lines.map(printable).join('\n'),
    data: {
      canaries: rows.map(({ override, alias, target, canary, share }) => ({
        alias,
        target,
        canary,
        configured_share: share,
        share: overrides === undefined ? null : (override?.share ?? share),
        override: override === undefined ? null : overrideData(override),
      })),
      idle_overrides: idle.map(({ alias, target, canary, ...one }) => ({
        alias,
        target,
        canary,
        ...overrideData({ alias, target, canary, ...one }),
      })),
    },
  };
};

const byHand = ({ by, at, until }: PinOverride): string =>
  `by ${by}, ${shortTime(at)}${until === null ? '' : `, until ${shortTime(until)}`}`;

const overrideData = ({ share, by, at, until }: PinOverride) => ({
  share,
  by,
  at: isoTime(at),
  until: until === null ? null : isoTime(until),
});
