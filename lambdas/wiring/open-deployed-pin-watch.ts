import { makeDynamoPinStore } from '../adapters/dynamodb/pin-store.ts';
import { makeEventSender } from '../adapters/eventbridge/make-event-sender.ts';
import type { PowertoolsLog } from '../adapters/powertools-log/make-powertools-log.ts';
import { makePowertoolsMetrics } from '../adapters/powertools-metrics/make-powertools-metrics.ts';
import { readCatalogue } from '../catalogue/catalogue.ts';
import type { DeployedConfig } from '../catalogue/deployed-config.ts';
import { problemText } from '../contract/config-problem.ts';
import { EVENT_SOURCE } from '../contract/escalation.ts';
import { PIN_EVENT_TYPE } from '../contract/pin-notices.ts';
import { listPins } from '../core/pins/list-pins.ts';
import { measurePins } from '../core/pins/measure-pins.ts';
import { pinnedTargets } from '../core/pins/pinned-targets.ts';
import { type Watched, watchPins } from '../core/pins/watch-pins.ts';
import { resolveCaches } from '../core/route/resolve-caches.ts';
import { resolveGateway } from '../core/route/resolve-gateway.ts';
import { openDeployedDynamo } from './open-deployed-dynamo.ts';

export interface DeployedPinWatch {
  log: PowertoolsLog;
  /** One run. @param self ARN of the function, which its events name @throws {AggregateError} as `watchPins` does @throws {StoreUnavailable} */
  watch(self: string): Promise<Watched>;
}

/** Configuration and environment → the daily look at the pins. @throws {Error} when the environment names no tables */
export const openDeployedPinWatch = (
  { config, catalogue: data }: DeployedConfig,
  env: Readonly<Record<string, string | undefined>>,
): DeployedPinWatch => {
  const { dynamo, clock, log } = openDeployedDynamo('pin-watch', env);
  const catalogue = readCatalogue(data);
  const resolved = resolveGateway(config, catalogue, 0, { caches: resolveCaches });
  if (!resolved.ok) throw new Error(`the bundled configuration: ${resolved.problems.map(problemText).join('; ')}`);
  const targets = pinnedTargets(resolved.gateway);
  const emitMetrics = makePowertoolsMetrics();
  const send = makeEventSender();
  return {
    log,
    watch: (self) => {
      const pins = listPins(targets, catalogue, clock.now());
      // First: the alarm on them needs no store.
      emitMetrics(measurePins(pins));
      return watchPins(pins, {
        pins: makeDynamoPinStore(dynamo),
        clock,
        log,
        tell: ({ subject, message, detail }) =>
          send({ source: EVENT_SOURCE, type: PIN_EVENT_TYPE, resource: self, detail: { ...detail, subject, message } }),
      });
    },
  };
};
