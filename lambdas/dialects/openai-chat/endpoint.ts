import type { Target } from '../../core/target.ts';

/** Where a target is called, by OpenAI's paths: its model answers in words, by one of two APIs, or makes vectors. */
export const endpointOf = ({ dialect, provider }: Pick<Target, 'dialect' | 'provider'>): string =>
  `${provider.baseUrl.replace(/\/+$/, '')}/${pathOf(dialect)}`;

export const pathOf = (dialect: Target['dialect']): 'embeddings' | 'responses' | 'chat/completions' => {
  if (dialect === 'openai-embeddings') return 'embeddings';
  return dialect === 'openai-responses' ? 'responses' : 'chat/completions';
};
