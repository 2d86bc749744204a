import type { Dialect, DialectName, Surface, SurfaceName } from '../core/dialect.ts';
import type { Provider } from '../core/provider.ts';
import type { ProviderKind } from '../core/target.ts';
import { anthropicMessages } from '../dialects/anthropic-messages/codec.ts';
import { bedrockConverse } from '../dialects/bedrock-converse/codec.ts';
import { openaiChat } from '../dialects/openai-chat/codec.ts';
import { anthropic } from '../providers/anthropic/anthropic.ts';
import { bedrock } from '../providers/bedrock/bedrock.ts';
import { openai } from '../providers/openai/openai.ts';
import { openaiCompatible } from '../providers/openai-compatible/openai-compatible.ts';
import { simulator } from '../providers/simulator/simulator.ts';

export const SURFACES: Record<SurfaceName, Surface> = {
  'openai-chat': openaiChat,
  'anthropic-messages': anthropicMessages,
};

export const DIALECTS: Record<DialectName, Dialect> = { ...SURFACES, 'bedrock-converse': bedrockConverse };

export const PROVIDERS: Record<ProviderKind, Provider> = {
  openai,
  'openai-compatible': openaiCompatible,
  anthropic,
  bedrock,
  simulator,
};
