import { expect, test } from '@jest/globals';
import type { Provider } from '../../lambdas/core/provider.ts';
import type { ProviderSettings } from '../../lambdas/core/target.ts';
import { azureOpenai } from '../../lambdas/providers/azure-openai/azure-openai.ts';
import { openai } from '../../lambdas/providers/openai/openai.ts';
import { openaiCompatible } from '../../lambdas/providers/openai-compatible/openai-compatible.ts';
import { makeTarget } from '../core/call/call-fixture.ts';

const url = (provider: Provider, settings: Partial<ProviderSettings>, dialect: 'openai-chat' | 'openai-responses') => {
  const own = { name: 'p', kind: provider.kind, baseUrl: 'https://a.example.com', ...settings };
  const target = makeTarget('a', { provider: own, dialect, model: 'deployment' });
  const call = provider.call({ target, body: {}, stream: false, requestId: 'r', apiKey: 'k' });
  return call.transport === 'http' ? call.url : undefined;
};

test.each<[string, Provider, Partial<ProviderSettings>, string, string]>([
  [
    'OpenAI',
    openai,
    { baseUrl: 'https://api.openai.com/v1/' },
    'https://api.openai.com/v1/responses',
    'https://api.openai.com/v1/chat/completions',
  ],
  [
    'a compatible server',
    openaiCompatible,
    { baseUrl: 'http://127.0.0.1:8000/v1' },
    'http://127.0.0.1:8000/v1/responses',
    'http://127.0.0.1:8000/v1/chat/completions',
  ],
  [
    'Azure’s v1',
    azureOpenai,
    {},
    'https://a.example.com/openai/v1/responses',
    'https://a.example.com/openai/v1/chat/completions',
  ],
  [
    'Azure by a date',
    azureOpenai,
    { apiVersion: '2025-04-01-preview' },
    'https://a.example.com/openai/responses?api-version=2025-04-01-preview',
    'https://a.example.com/openai/deployments/deployment/chat/completions?api-version=2025-04-01-preview',
  ],
])('%s is called where each of its APIs is', (_, provider, settings, responses, chat) => {
  expect(url(provider, settings, 'openai-responses')).toBe(responses);
  expect(url(provider, settings, 'openai-chat')).toBe(chat);
});
