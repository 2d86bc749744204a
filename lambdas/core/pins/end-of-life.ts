import type { Lifecycle } from '../../catalogue/lifecycle.ts';
import { DAY_MS, daysUntil } from '../../contract/calendar-date.ts';
import type { LifecycleConfig } from '../../contract/config.ts';
import { present } from '../read-json.ts';
import type { Target } from '../target.ts';

/** From so many days before its end on, a version is near it: the longest of the notices. */
export const NEAR_DAYS = 90;

/** What answers carry once their version is near its end, made when the gateway starts. */
export interface Sunset {
  /** Milliseconds since 1970. */
  fromMs: number;
  headers: Readonly<Record<string, string>>;
}

export interface Standing {
  /** `unknown`: no source says. */
  state: 'active' | 'legacy' | 'deprecated' | 'retired' | 'unknown';
  /** Whole days until it retires: 0 on that day, below 0 after it; null = no date is known. */
  daysLeft: number | null;
}

/** What holds for a target: what its owner wrote, else what the catalogue has. */
export const lifecycleOf = (
  config: LifecycleConfig | undefined,
  known: Lifecycle | undefined,
): Lifecycle | undefined => {
  if (config === undefined) return known;
  const { retires, deprecated, successor } = config;
  const { retiresOn, ...rest } = known ?? { source: 'configuration' };
  return {
    ...rest,
    ...present('deprecatedOn', deprecated ?? rest.deprecatedOn),
    ...present('retiresOn', retires === 'never' ? undefined : (retires ?? retiresOn)),
    ...present('successor', successor ?? rest.successor),
    source: retires === undefined ? rest.source : 'configuration',
  };
};

/** How a version stands at an instant. Dates win over what a page once said. */
export const standingOf = (lifecycle: Lifecycle | undefined, nowMs: number): Standing => {
  const { retiresOn, deprecatedOn, stated } = lifecycle ?? {};
  const daysLeft = retiresOn === undefined ? null : daysUntil(retiresOn, nowMs);
  if (daysLeft !== null && daysLeft <= 0) return { state: 'retired', daysLeft };
  if (deprecatedOn !== undefined && daysUntil(deprecatedOn, nowMs) <= 0) return { state: 'deprecated', daysLeft };
  return { state: stated ?? 'unknown', daysLeft };
};

/**
 * `sunset` (RFC 8594) is the first instant of the day on which the version retires; `deprecation` (RFC 9745) that of the day
 * of its announcement, where one is known. undefined where no end is.
 */
export const sunsetOf = (lifecycle: Lifecycle | undefined): Sunset | undefined => {
  if (lifecycle?.retiresOn === undefined) return undefined;
  const retiresMs = Date.parse(lifecycle.retiresOn);
  const { deprecatedOn } = lifecycle;
  return {
    fromMs: retiresMs - NEAR_DAYS * DAY_MS,
    headers: {
      ...(deprecatedOn !== undefined && { deprecation: `@${Date.parse(deprecatedOn) / 1_000}` }),
      sunset: new Date(retiresMs).toUTCString(),
    },
  };
};

/** What an answer of a target says of its end: nothing until that is near. */
export const sunsetHeaders = ({ sunset }: Pick<Target, 'sunset'>, nowMs: number): Readonly<Record<string, string>> =>
  sunset !== undefined && nowMs >= sunset.fromMs ? sunset.headers : {};
