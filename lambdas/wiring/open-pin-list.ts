import { loadConfigFile } from '../adapters/config-file/load-config-file.ts';
import { catalogue } from '../catalogue/catalogue.ts';
import { dateOf } from '../contract/calendar-date.ts';
import type { ConfigProblem } from '../contract/config-problem.ts';
import { type HeardPins, hearPins, type Pinned } from '../core/pins/hear-pins.ts';
import type { RegionAnswer } from '../core/pins/heard-lifecycle.ts';
import { listPins, type Pin } from '../core/pins/list-pins.ts';
import { pinnedTargets } from '../core/pins/pinned-targets.ts';
import { canaryPairs } from '../core/route/draw-canaries.ts';
import { resolveCaches } from '../core/route/resolve-caches.ts';
import { resolveGateway } from '../core/route/resolve-gateway.ts';

/** A canary of the configuration. */
export interface ConfiguredCanary {
  alias: string;
  /** `provider/model` of both. */
  target: string;
  canary: string;
  share: number;
}

/** What a configuration has. */
export interface PinList {
  pins: Pin[];
  canaries: ConfiguredCanary[];
  aliases: string[];
  /** Where it stands, for messages. */
  file: string;
  /** The catalogue's day. */
  asOf: string;
  /** What was asked of Bedrock's API, and what it came to; no answers where nothing was asked. */
  hearing: PinHearing;
}

export type AskLifecycles = (pinned: Pinned) => Promise<RegionAnswer[]>;

export interface PinHearing extends HeardPins {
  answers: RegionAnswer[];
}

/**
 * The pins of a configuration as they stand at an instant, whether their providers have keys here or not: no store, and no
 * network but what `ask` does.
 *
 * @param ask what the providers' own APIs say of them (`askLifecycles`); the catalogue alone speaks unless given
 */
export const openPinList = async (
  file: string,
  nowMs: number,
  ask: AskLifecycles = async () => [],
): Promise<({ ok: true } & PinList) | { ok: false; problems: ConfigProblem[] }> => {
  const loaded = await loadConfigFile(file);
  if (!loaded.ok) return loaded;
  const resolved = resolveGateway(loaded.config, catalogue, 0, { caches: resolveCaches });
  if (!resolved.ok) return resolved;
  const aliases = [...resolved.gateway.aliases].map(([name, { targets }]) => [name, targets] as const);
  const canaries = aliases.flatMap(([alias, targets]) =>
    canaryPairs(targets).map(({ target, canary, share }) => ({ alias, target, canary, share })),
  );
  const names = aliases.map(([name]) => name);
  const { config } = loaded;
  const pinned = pinnedTargets(resolved.gateway);
  const answers = await ask(pinned);
  const heard = hearPins({ pinned, config, catalogue }, answers, dateOf(nowMs) ?? '');
  return {
    ok: true,
    pins: listPins(heard.pinned, catalogue, nowMs),
    canaries,
    aliases: names,
    file,
    asOf: catalogue.asOf,
    hearing: { ...heard, answers },
  };
};
