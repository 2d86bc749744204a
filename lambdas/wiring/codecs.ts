import type { GatewayConfig } from '../contract/config.ts';
import type { Dialects, Providers } from '../core/codecs.ts';
import type { Dialect, Surface, SurfaceName } from '../core/dialect.ts';
import type { Provider } from '../core/provider.ts';
import type { ProviderKind } from '../core/target.ts';
import { anthropicMessages } from '../dialects/anthropic-messages/codec.ts';
import { openaiChat } from '../dialects/openai-chat/codec.ts';
import { anthropic } from '../providers/anthropic/anthropic.ts';
import { openai } from '../providers/openai/openai.ts';
import { openaiCompatible } from '../providers/openai-compatible/openai-compatible.ts';
import { simulator } from '../providers/simulator/simulator.ts';

/** Spoken by clients, so always there, whatever is configured. */
export const SURFACES: Record<SurfaceName, Surface> = {
  'openai-chat': openaiChat,
  'anthropic-messages': anthropicMessages,
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
