import type { GatewayConfig } from '../contract/config.ts';
import type { Dialects, Providers } from '../core/codecs.ts';
import type { AnyDialectName, AnySurfaceName, Dialect, EmbeddingDialect, Surface } from '../core/dialect.ts';
import type { Ports, SemanticCache } from '../core/ports.ts';
import type { Provider } from '../core/provider.ts';
import type { Alias, ProviderKind } from '../core/target.ts';

const loadChat = async (): Promise<Surface> => (await import('../dialects/openai-chat/codec.ts')).openaiChat;
const loadMessages = async (): Promise<Surface> =>
  (await import('../dialects/anthropic-messages/codec.ts')).anthropicMessages;
const loadResponses = async (): Promise<Surface> =>
  (await import('../dialects/openai-responses/codec.ts')).openaiResponses;
const loadEmbeddings = async (): Promise<Surface> => {
  const [{ makeOpenaiEmbeddings }, chat] = await Promise.all([
    import('../dialects/openai-embeddings/codec.ts'),
    loadChat(),
  ]);
  return makeOpenaiEmbeddings(chat);
};

const SURFACES: Record<AnySurfaceName, () => Promise<Surface>> = {
  'openai-chat': loadChat,
  'anthropic-messages': loadMessages,
  'openai-responses': loadResponses,
  'openai-embeddings': loadEmbeddings,
};

/** Asking for a module again goes through the loader again: 30 µs of each request, measured. */
const surfaces = new Map<AnySurfaceName, Promise<Surface>>();

/** A language that clients speak: a deployed function carries each as a file of its own, read by the first who speaks it. */
export const loadSurface: Ports['loadSurface'] = (name) => {
  const known = surfaces.get(name);
  if (known !== undefined) return known;
  const loading = SURFACES[name]();
  surfaces.set(name, loading);
  // The next request tries again.
  loading.catch(() => surfaces.delete(name));
  return loading;
};

/** Languages in which vectors are asked for of a provider. Errors are told as in the same vendor's chat. */
const EMBEDDING_DIALECTS: Record<EmbeddingDialect, () => Promise<Dialect>> = {
  'openai-embeddings': loadEmbeddings,
  'titan-embeddings': async () => {
    const [{ makeTitanEmbeddings }, { bedrockConverse }] = await Promise.all([
      import('../dialects/titan-embeddings/codec.ts'),
      import('../dialects/bedrock-converse/codec.ts'),
    ]);
    return makeTitanEmbeddings(bedrockConverse);
  },
  'gemini-embeddings': async () => {
    const [{ makeGeminiEmbeddings }, { gemini }] = await Promise.all([
      import('../dialects/gemini-embeddings/codec.ts'),
      import('../dialects/gemini/codec.ts'),
    ]);
    return makeGeminiEmbeddings(gemini);
  },
};

/** Languages that the targets ask for, by what the configuration says of them: loaded where there are any. */
const LATE_DIALECTS: Partial<Record<AnyDialectName, () => Promise<Dialect>>> = {
  ...EMBEDDING_DIALECTS,
  'openai-responses': loadResponses,
};

/** The dialects with those that only some targets are asked in: of vectors, and OpenAI's Responses. */
export const withLateDialects = async (
  dialects: Dialects,
  {
    aliases,
    semanticCache,
  }: { aliases: ReadonlyMap<string, Pick<Alias, 'targets'>>; semanticCache?: Pick<SemanticCache, 'embedder'> },
): Promise<Dialects> => {
  const names = new Set([...aliases.values()].flatMap(({ targets }) => targets.map(({ dialect }) => dialect)));
  const embedder = semanticCache?.embedder;
  if (typeof embedder === 'object') names.add(embedder.dialect);
  const missing = [...names].flatMap((name) => {
    const load = LATE_DIALECTS[name];
    return load === undefined ? [] : [load()];
  });
  const loaded = await Promise.all(missing);
  return { ...dialects, ...Object.fromEntries(loaded.map((dialect) => [dialect.name, dialect])) };
};

/** A vendor and its language. */
interface Codec {
  provider: Provider;
  dialect: Dialect;
}

/**
 * By kind of provider, loaded where it is configured and nowhere else: a deployed function carries each as a file of its own
 * (docs/decisions/008).
 */
const CODECS: Record<ProviderKind, () => Promise<Codec>> = {
  openai: async () => {
    const [{ openai }, dialect] = await Promise.all([import('../providers/openai/openai.ts'), loadChat()]);
    return { provider: openai, dialect };
  },
  'openai-compatible': async () => {
    const [{ openaiCompatible }, dialect] = await Promise.all([
      import('../providers/openai-compatible/openai-compatible.ts'),
      loadChat(),
    ]);
    return { provider: openaiCompatible, dialect };
  },
  'azure-openai': async () => {
    const [{ azureOpenai }, dialect] = await Promise.all([
      import('../providers/azure-openai/azure-openai.ts'),
      loadChat(),
    ]);
    return { provider: azureOpenai, dialect };
  },
  anthropic: async () => {
    const [{ anthropic }, dialect] = await Promise.all([import('../providers/anthropic/anthropic.ts'), loadMessages()]);
    return { provider: anthropic, dialect };
  },
  simulator: async () => {
    const [{ simulator }, dialect] = await Promise.all([import('../providers/simulator/simulator.ts'), loadChat()]);
    return { provider: simulator, dialect };
  },
  gemini: async () => {
    const [{ gemini: provider }, { gemini: dialect }] = await Promise.all([
      import('../providers/gemini/gemini.ts'),
      import('../dialects/gemini/codec.ts'),
    ]);
    return { provider, dialect };
  },
  bedrock: async () => {
    const [{ bedrock }, { bedrockConverse }] = await Promise.all([
      import('../providers/bedrock/bedrock.ts'),
      import('../dialects/bedrock-converse/codec.ts'),
    ]);
    return { provider: bedrock, dialect: bedrockConverse };
  },
};

export const PROVIDER_KINDS = Object.keys(CODECS) as ProviderKind[];

/** The kinds of the providers that a configuration names. */
export const kindsIn = ({ providers }: Pick<GatewayConfig, 'providers'>): ReadonlySet<ProviderKind> =>
  new Set(Object.values(providers).map(({ kind }) => kind));

/** Loads what providers of these kinds need. */
export const loadCodecs = async (
  kinds: Iterable<ProviderKind>,
): Promise<{ dialects: Dialects; providers: Providers }> => {
  const codecs = await Promise.all([...kinds].map((kind) => CODECS[kind]()));
  return {
    dialects: Object.fromEntries(codecs.map(({ dialect }) => [dialect.name, dialect])),
    providers: Object.fromEntries(codecs.map(({ provider }) => [provider.kind, provider])),
  };
};
