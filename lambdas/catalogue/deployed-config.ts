import { withCanaries } from '../contract/canary.ts';
import type { GatewayConfig } from '../contract/config.ts';
import { paidEmbedderOf } from '../contract/configured-caches.ts';
import type { CatalogueData, CatalogueRow, CatalogueVendor } from './catalogue.ts';

/**
 * What a deployed function knows of its configuration: checked at synth and bundled into it as `tollgate:config`, so that
 * code, configuration and prices change together and roll back together.
 */
export interface DeployedConfig {
  config: GatewayConfig;
  /** Only the models that the configuration names. */
  catalogue: CatalogueData;
}

/**
 * The part of a catalogue that a configuration can ask for: the rows of its targets, in every region.
 *
 * @param withSuccessors the rows of what replaces them as well: calls don't need them, whoever tells of their end does
 */
export const cutCatalogue = (
  { asOf, sources, models }: CatalogueData,
  config: GatewayConfig,
  { withSuccessors = false } = {},
): CatalogueData => {
  const targets = Object.values(config.models).flatMap((model) => withCanaries(model.targets));
  const embedder = paidEmbedderOf(config);
  const embedders = embedder === undefined ? [] : [embedder];
  const own = [...targets, ...embedders].map(({ model, deploymentOf }) => deploymentOf ?? model);
  const names = withSuccessors
    ? [...own, ...targets.flatMap(({ lifecycle }) => lifecycle?.successor ?? []), ...successorsOf(own, models)]
    : own;
  // A fine-tuned model is looked up by its base: `ft:<base>`.
  const wanted = new Set(names.map((name) => (name.startsWith('ft:') ? name.split(':').slice(0, 2).join(':') : name)));
  const rowsOf = (vendor: CatalogueVendor): Record<string, CatalogueRow> =>
    Object.fromEntries(
      Object.entries(models[vendor])
        .filter(([name]) => wanted.has(name.replace(/@[^@]*$/, '')))
        // The gateway sends no batches.
        .map(([name, { batch: _, ...row }]) => [name, row]),
    );
  return {
    asOf,
    sources,
    models: {
      openai: rowsOf('openai'),
      anthropic: rowsOf('anthropic'),
      gemini: rowsOf('gemini'),
      'azure-openai': rowsOf('azure-openai'),
      bedrock: rowsOf('bedrock'),
    },
  };
};

const successorsOf = (names: readonly string[], models: CatalogueData['models']): string[] =>
  Object.values(models).flatMap((rows) =>
    names.flatMap((name) => (Object.hasOwn(rows, name) ? (rows[name]?.next ?? []) : [])),
  );
