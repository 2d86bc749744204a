import type { GatewayConfig } from '../contract/config.ts';
import type { Dialects, Providers } from '../core/codecs.ts';
import type { AnyDialectName, Dialect, EmbeddingDialect, ReadySurface, Surface } from '../core/dialect.ts';
import type { Provider } from '../core/provider.ts';
import type { Alias, ProviderKind } from '../core/target.ts';
import { anthropicMessages } from '../dialects/anthropic-messages/codec.ts';
import { openaiChat } from '../dialects/openai-chat/codec.ts';
import { anthropic } from '../providers/anthropic/anthropic.ts';
import { openai } from '../providers/openai/openai.ts';
import { openaiCompatible } from '../providers/openai-compatible/openai-compatible.ts';
import { simulator } from '../providers/simulator/simulator.ts';

/** Spoken by clients, so always there, whatever is configured. */
export const SURFACES: Record<ReadySurface, Surface> = {
  'openai-chat': openaiChat,
  'anthropic-messages': anthropicMessages,
};

/** Spoken by clients that want vectors: loaded by the first of them. */
export const loadEmbeddings = async (): Promise<Surface> => {
  const { makeOpenaiEmbeddings } = await import('../dialects/openai-embeddings/codec.ts');
  return makeOpenaiEmbeddings(openaiChat);
};

/** Spoken by clients of OpenAI's Responses, and to targets that are asked by it: loaded by the first of either. */
export const loadResponses = async (): Promise<Surface> =>
  (await import('../dialects/openai-responses/codec.ts')).openaiResponses;

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
export const withEmbeddings = async (
  dialects: Dialects,
  { aliases }: { aliases: ReadonlyMap<string, Pick<Alias, 'targets'>> },
): Promise<Dialects> => {
  const names = new Set([...aliases.values()].flatMap(({ targets }) => targets.map(({ dialect }) => dialect)));
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
 * By kind of provider. One that brings a language which no client speaks is loaded where it is configured and nowhere else:
 * a deployed function carries it as a file of its own (docs/decisions/008).
 */
const CODECS: Record<ProviderKind, () => Promise<Codec>> = {
  openai: async () => ({ provider: openai, dialect: openaiChat }),
  'openai-compatible': async () => ({ provider: openaiCompatible, dialect: openaiChat }),
  anthropic: async () => ({ provider: anthropic, dialect: anthropicMessages }),
  simulator: async () => ({ provider: simulator, dialect: openaiChat }),
  'azure-openai': async () => {
    const { azureOpenai } = await import('../providers/azure-openai/azure-openai.ts');
    return { provider: azureOpenai, dialect: openaiChat };
  },
  gemini: async () => {
    const [provider, dialect] = await Promise.all([
      import('../providers/gemini/gemini.ts'),
      import('../dialects/gemini/codec.ts'),
    ]);
    return { provider: provider.gemini, dialect: dialect.gemini };
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
