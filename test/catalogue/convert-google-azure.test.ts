import { describe, expect, test } from '@jest/globals';
import { convertLitellm, type LitellmModel } from '../../lambdas/catalogue/convert-litellm.ts';

const model = (more: LitellmModel = {}): LitellmModel => ({
  litellm_provider: 'gemini',
  mode: 'chat',
  input_cost_per_token: 1e-6,
  output_cost_per_token: 2e-6,
  max_input_tokens: 1_048_576,
  max_output_tokens: 65_536,
  ...more,
});
const azure = (more: LitellmModel = {}) => model({ litellm_provider: 'azure', ...more });
const unsized = (more: LitellmModel = {}): LitellmModel => {
  const { max_input_tokens: _, max_output_tokens: __, ...rest } = azure(more);
  return rest;
};

describe('Google’s models', () => {
  test('have tiers, cached, audio and service rates, and schemas of their own', () => {
    const source = {
      'gemini/gemini-x': model({
        cache_read_input_token_cost: 1e-7,
        input_cost_per_audio_token: 3e-6,
        input_cost_per_token_above_200k_tokens: 2e-6,
        cache_read_input_token_cost_above_200k_tokens: 2e-7,
        output_cost_per_token_above_200k_tokens: 3e-6,
        input_cost_per_token_flex: 5e-7,
        output_cost_per_token_flex: 1e-6,
        search_context_cost_per_query: {
          search_context_size_low: 0.035,
          search_context_size_medium: 0.035,
          search_context_size_high: 0.035,
        },
        supports_response_schema: true,
        supports_pdf_input: true,
      }),
    };
    expect(convertLitellm(source).gemini).toEqual({
      'gemini-x': {
        in: '1',
        cached: '0.1',
        out: '2',
        audioIn: '3',
        can: 'djs',
        context: 1_048_576,
        output: 65_536,
        above: [{ tokens: 200_000, in: '2', cached: '0.2', out: '3' }],
        services: { flex: { in: '0.5', out: '1' } },
        search: '0.035',
      },
    });
  });

  test.each([
    'gemini-2.5-pro',
    'gemini/gemini-2.5-pro-preview-tts',
    'gemini/gemini-3-pro-image',
    'gemini/deep-research-preview-04-2026',
    'gemini/lyria-3-pro-preview',
    'gemini/gemini-exp-1206',
    'gemini/gemini-gemma-2-9b-it',
    'gemini/gemini-omni-1.1-flash',
  ])('%s is left out', (name) => {
    expect(convertLitellm({ [name]: model() }).gemini).toEqual({});
  });
});

describe('Azure’s deployments', () => {
  test('a data zone has prices of its own, and the sizes and abilities of the model where its entry has none', () => {
    const { 'azure-openai': rows } = convertLitellm({
      'azure/eu/gpt-x': unsized({ input_cost_per_token: 1.1e-6 }),
      'azure/gpt-x': azure({
        supports_vision: true,
        cache_read_input_token_cost: 1e-7,
        input_cost_per_token_priority: 9e-6,
      }),
    });
    expect(rows['gpt-x']).toMatchObject({ in: '1', cached: '0.1', can: 'vs' });
    expect(rows['eu/gpt-x']).toEqual({ in: '1.1', out: '2', can: 'vs', context: 1_048_576, output: 65_536 });
  });

  test.each([
    'azure/model-router',
    'azure/command-r-plus',
    'azure/container',
    'azure/global/gpt-4o-2024-08-06',
    'azure/us-gov/gpt-5.1',
    'azure/o3-deep-research',
  ])('%s is left out', (name) => {
    expect(convertLitellm({ [name]: azure() })['azure-openai']).toEqual({});
  });

  test('a zone of a model that has no size anywhere is left out', () => {
    expect(convertLitellm({ 'azure/eu/gpt-x': unsized() })['azure-openai']).toEqual({});
  });
});
