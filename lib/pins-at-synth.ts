import type { GatewayConfig } from '../lambdas/contract/config.ts';
import { type ConfigProblem, pathText } from '../lambdas/contract/config-problem.ts';
import { paidEmbedderOf } from '../lambdas/contract/configured-caches.ts';
import { describeEnd, describeReplacement, endingPins } from '../lambdas/core/pins/describe-pin.ts';
import type { Pin } from '../lambdas/core/pins/list-pins.ts';

/** A version that is not served any more, at each place that it stands, with the way out. */
export const retiredPinProblems = (config: GatewayConfig, pins: readonly Pin[]): ConfigProblem[] => {
  const byId = new Map(pins.map((pin) => [pin.id, pin]));
  return placesOf(config).flatMap(({ provider, model, path }) => {
    const pin = byId.get(`${provider}/${model}`);
    if (pin?.standing.state !== 'retired') return [];
    const out =
      "Take another model, or leave the target out. Where it is still served to you, say until when with lifecycle: { retires: 'DATE' }, or 'never'";
    return [
      {
        path: pathText([...path, 'model']),
        message: `"${model}" retired on ${pin.lifecycle?.retiresOn} (${pin.lifecycle?.source}); ${describeReplacement(pin)}. ${out}.`,
      },
    ];
  });
};

/** Where versions stand: targets, their canaries, and the embedder. */
const placesOf = (config: GatewayConfig): { provider: string; model: string; path: PropertyKey[] }[] => {
  const targets = Object.entries(config.models).flatMap(([alias, model]) =>
    model.targets.flatMap(({ provider, model, canary }, index) => {
      const path = ['models', alias, 'targets', index];
      return [
        { provider, model, path },
        ...(canary === undefined ? [] : [{ provider, model: canary.model, path: [...path, 'canary'] }]),
      ];
    }),
  );
  const embedder = paidEmbedderOf(config);
  return embedder === undefined ? targets : [...targets, { ...embedder, path: ['semanticCache', 'embedder'] }];
};

/** What is to be said of the pins at a synth: those that end soon. */
export const pinWarnings = (pins: readonly Pin[]): { id: string; text: string }[] =>
  endingPins(pins).map((pin) => ({
    id: `tollgate:pin:${pin.id}`,
    text: `${describeEnd(pin)} (${pin.lifecycle?.source}); ${describeReplacement(pin)}`,
  }));
