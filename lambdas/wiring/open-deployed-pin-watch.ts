import { makeDynamoPinStore } from '../adapters/dynamodb/pin-store.ts';
import { makeEventSender } from '../adapters/eventbridge/make-event-sender.ts';
import type { PowertoolsLog } from '../adapters/powertools-log/make-powertools-log.ts';
import { makePowertoolsMetrics } from '../adapters/powertools-metrics/make-powertools-metrics.ts';
import { readCatalogue } from '../catalogue/catalogue.ts';
import type { DeployedConfig } from '../catalogue/deployed-config.ts';
import { dateOf } from '../contract/calendar-date.ts';
import { problemText } from '../contract/config-problem.ts';
import { EVENT_SOURCE } from '../contract/escalation.ts';
import { PIN_EVENT_TYPE } from '../contract/pin-notices.ts';
import { hearPins } from '../core/pins/hear-pins.ts';
import { listPins } from '../core/pins/list-pins.ts';
import { measurePins } from '../core/pins/measure-pins.ts';
import { pinnedTargets } from '../core/pins/pinned-targets.ts';
import { type Watched, watchPins } from '../core/pins/watch-pins.ts';
import { resolveCaches } from '../core/route/resolve-caches.ts';
import { resolveGateway } from '../core/route/resolve-gateway.ts';
import { askLifecycles } from './ask-lifecycles.ts';
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
  const pinned = pinnedTargets(resolved.gateway);
  const store = makeDynamoPinStore(dynamo);
  const emitMetrics = makePowertoolsMetrics();
  const send = makeEventSender();
  return {
    log,
    watch: async (self) => {
      const now = clock.now();
      const on = dateOf(now) ?? '';
      const answers = await askLifecycles(pinned);
      for (const answer of answers)
        if (!answer.ok) log.warn("Bedrock's lifecycle API could not be asked; what it said last holds", { ...answer });
      let joined = hearPins({ pinned, config, catalogue }, answers, on);
      try {
        if (joined.silent.length > 0) {
          const seen = await store.read(joined.silent);
          const before = new Map(
            seen.flatMap((record) => (record?.heard ? [[record.pin, record.heard] as const] : [])),
          );
          joined = hearPins({ pinned, config, catalogue }, answers, on, before);
        }
      } finally {
        // Also where the store is down: the alarm on them needs none.
        emitMetrics(measurePins(listPins(joined.pinned, catalogue, now)));
      }
      for (const absent of joined.notListed) log.warn('Bedrock does not list a pinned model', { ...absent });
      return watchPins(listPins(joined.pinned, catalogue, now), {
        pins: store,
        heard: joined.heard,
        clock,
        log,
        tell: ({ subject, message, detail }) =>
          send({ source: EVENT_SOURCE, type: PIN_EVENT_TYPE, resource: self, detail: { ...detail, subject, message } }),
      });
    },
  };
};
