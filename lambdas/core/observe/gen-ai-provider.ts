import type { Target } from '../target.ts';

/** OpenTelemetry's name of the vendor (`gen_ai.provider.name`); of those it has none for, the configuration's own. */
export const genAiProvider = ({ provider: { kind, name } }: Pick<Target, 'provider'>): string => {
  switch (kind) {
    case 'openai':
    case 'anthropic':
      return kind;
    case 'gemini':
      return 'gcp.gemini';
    case 'azure-openai':
      return 'azure.ai.openai';
    case 'bedrock':
      return 'aws.bedrock';
    default:
      return name;
  }
};
