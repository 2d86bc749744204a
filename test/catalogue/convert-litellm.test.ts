import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { convertLitellm, type LitellmModel } from '../../lambdas/catalogue/convert-litellm.ts';
import { perMillion } from '../../lambdas/catalogue/decimal-text.ts';
import { parseUsd } from '../../lambdas/contract/money.ts';

const model = (more: LitellmModel = {}): LitellmModel => ({
  litellm_provider: 'openai',
  mode: 'chat',
  input_cost_per_token: 1e-6,
  output_cost_per_token: 2e-6,
  max_input_tokens: 128_000,
  max_output_tokens: 16_384,
  ...more,
});

const vectors = (more: LitellmModel = {}) =>
  model({ mode: 'embedding', input_cost_per_token: 2e-8, output_cost_per_token: 0, max_input_tokens: 8_191, ...more });

const claude = (more: LitellmModel = {}) => model({ litellm_provider: 'bedrock_converse', ...more });

describe('perMillion', () => {
  test.each([
    [1.5e-7, '0.15'],
    [1.25e-6, '1.25'],
    [3.75e-8, '0.0375'],
    [1e-5, '10'],
    [0.00015, '150'],
    [0.000015, '15'],
    [8.75e-9, '0.00875'],
    [0.1, '100000'],
    [1, '1000000'],
    [12, '12000000'],
    [0, '0'],
    [1.0725e-7, '0.10725'],
  ])('%d dollars a token are %s a million', (perToken, text) => {
    expect(perMillion(perToken)).toBe(text);
  });

  test('is exact: a million tokens cost what one does, a million times, to the last written digit', () => {
    const digits = fc.tuple(fc.integer({ min: 1, max: 999_999 }), fc.integer({ min: 0, max: 9 }));
    fc.assert(
      fc.property(digits, ([mantissa, exponent]) => {
        const perToken = Number(`${mantissa}e-${exponent + 6}`);
        expect(parseUsd(perMillion(perToken))).toBe(BigInt(mantissa) * 10n ** BigInt(9 - exponent));
      }),
    );
  });
});

describe('convertLitellm', () => {
  test('a model’s prices, sizes, abilities and end', () => {
    const source = {
      'gpt-5-2025-08-07': model({
        input_cost_per_token: 1.25e-6,
        cache_read_input_token_cost: 1.25e-7,
        output_cost_per_token: 1e-5,
        max_input_tokens: 272_000,
        max_output_tokens: 128_000,
        deprecation_date: '2026-12-11',
        regional_processing_uplift_multiplier_eu: 1.1,
        supports_function_calling: true,
        supports_vision: true,
        supports_pdf_input: true,
        supports_response_schema: true,
        supports_reasoning: true,
      }),
    };
    expect(convertLitellm(source).openai).toEqual({
      'gpt-5-2025-08-07': {
        in: '1.25',
        cached: '0.125',
        out: '10',
        can: 'tvdjrs',
        context: 400_000,
        output: 128_000,
        ends: '2026-12-11',
        uplift: '1.1',
      },
    });
  });

  test.each([
    ['openai', 'openai', 'text-embedding-3-small', 'text-embedding-3-small'],
    ['bedrock', 'bedrock', 'amazon.titan-embed-text-v2:0', 'amazon.titan-embed-text-v2:0'],
    ['gemini', 'gemini', 'gemini/gemini-embedding-001', 'gemini-embedding-001'],
    ['azure', 'azure-openai', 'azure/text-embedding-3-small', 'text-embedding-3-small'],
  ] as const)('a model of %s that makes vectors is billed by its input alone', (provider, vendor, key, name) => {
    const models = convertLitellm({ [key]: vectors({ litellm_provider: provider, max_output_tokens: undefined }) });
    expect(models[vendor]).toEqual({ [name]: { in: '0.02', out: '0', can: 'e', context: 8_191, output: 0 } });
  });

  test.each<[string, string, LitellmModel]>([
    ['another vendor', 'mistral-large', model({ litellm_provider: 'mistral' })],
    ['vectors of what is no text', 'amazon.titan-embed-image-v1', vectors({ litellm_provider: 'bedrock' })],
    ['vectors that cost what they are long', 'text-embedding-3-small', vectors({ output_cost_per_token: 1e-6 })],
    ['vectors of a model that is asked in another way', 'cohere.embed-v4:0', vectors({ litellm_provider: 'bedrock' })],
    ['what only the responses API serves', 'gpt-5-pro', model({ supported_endpoints: ['/v1/responses'] })],
    ['what costs by the search', 'gpt-4o-search-preview', model()],
    ['what speaks as it listens', 'gpt-realtime', model()],
    ['a model without a price', 'gpt-x', model({ input_cost_per_token: null })],
    ['a model without a size', 'gpt-x', model({ max_input_tokens: null })],
    ['a name that is no Bedrock id', 'bedrock/invoke/anthropic.claude-3', claude()],
    ['a commitment', 'bedrock/us-east-1/1-month-commitment/meta.llama3', claude()],
    ['what Converse does not serve', 'amazon.titan-text-lite-v1', claude()],
  ])('%s is left out', (_, name, entry) => {
    expect(Object.values(convertLitellm({ [name]: entry })).flatMap((rows) => Object.keys(rows))).toEqual([]);
  });

  test('Anthropic’s cache writes are 1.25 and 2 times the input where the source leaves them out', () => {
    const { anthropic } = convertLitellm({
      'claude-x': model({ litellm_provider: 'anthropic', input_cost_per_token: 1.1e-7 }),
    });
    expect(anthropic['claude-x']).toMatchObject({ in: '0.11', write5m: '0.1375', write1h: '0.22' });
  });

  test('a write that would cost less than fresh input is not believed', () => {
    const { openai } = convertLitellm({ 'ft:gpt-4o': model({ cache_creation_input_token_cost: 5e-7 }) });
    expect(openai['ft:gpt-4o']).not.toHaveProperty('write5m');
  });

  test('long-context tiers come with all their rates, in order', () => {
    const tiered = claude({
      input_cost_per_token_above_272k_tokens: 9e-6,
      input_cost_per_token_above_200k_tokens: 2e-6,
      output_cost_per_token_above_200k_tokens: 3e-6,
      cache_read_input_token_cost_above_200k_tokens: 2e-7,
      input_cost_per_token_above_200k_tokens_batches: 1e-9,
    });
    expect(convertLitellm({ 'anthropic.claude-x': tiered }).bedrock['anthropic.claude-x']?.above).toEqual([
      { tokens: 200_000, in: '2', cached: '0.2', write5m: '2.5', write1h: '4', out: '3' },
      { tokens: 272_000, in: '9', write5m: '11.25', write1h: '18', out: '2' },
    ]);
  });

  test('a region has a row of its own only where its price is its own', () => {
    const nova = (input: number) => claude({ input_cost_per_token: input });
    const source = {
      'bedrock/us-east-1/amazon.nova-lite-v1:0': nova(1e-6),
      'bedrock/us-gov-west-1/amazon.nova-lite-v1:0': nova(1.2e-6),
      'amazon.nova-lite-v1:0': nova(1e-6),
    };
    expect(Object.keys(convertLitellm(source).bedrock)).toEqual([
      'amazon.nova-lite-v1:0',
      'amazon.nova-lite-v1:0@us-gov-west-1',
    ]);
  });

  test('a Claude id without a prefix costs what its regional profile does', () => {
    const source = {
      'anthropic.claude-x': claude({ deprecation_date: '2030-01-01' }),
      'us.anthropic.claude-x': claude({ input_cost_per_token: 1.1e-6, output_cost_per_token: 2.2e-6 }),
      'global.anthropic.claude-x': claude(),
    };
    const { bedrock } = convertLitellm(source);
    expect(bedrock['anthropic.claude-x']).toMatchObject({ in: '1.1', out: '2.2', ends: '2030-01-01' });
    expect(bedrock['global.anthropic.claude-x']).toMatchObject({ in: '1', out: '2' });
  });

  test('a schema that LiteLLM imitates by a forced tool is not the vendor’s', () => {
    const imitated = convertLitellm({ 'anthropic.claude-x': claude({ supports_response_schema: true }) });
    const native = convertLitellm({ 'anthropic.claude-x': claude({ supports_native_structured_output: true }) });
    expect(imitated.bedrock['anthropic.claude-x']?.can).not.toContain('j');
    expect(native.bedrock['anthropic.claude-x']?.can).toContain('j');
  });

  test('a service whose rates are all one multiple of the standard ones is that factor; any other has its rates', () => {
    const source = {
      'gpt-x': model({
        cache_read_input_token_cost: 1e-7,
        input_cost_per_token_priority: 1.75e-6,
        cache_read_input_token_cost_priority: 1.75e-7,
        output_cost_per_token_priority: 3.5e-6,
        input_cost_per_token_flex: 5e-7,
        cache_read_input_token_cost_flex: 5e-8,
        output_cost_per_token_flex: 1.1e-6,
        input_cost_per_token_batches: 5e-7,
        output_cost_per_token_batches: 1e-6,
      }),
    };
    expect(convertLitellm(source).openai['gpt-x']).toMatchObject({
      services: { priority: '1.75', flex: { in: '0.5', cached: '0.05', out: '1.1' } },
      // No word of cached input: it is as fresh.
      batch: { in: '0.5', out: '1' },
    });
  });

  test('a service’s own rates for long inputs come with it', () => {
    const source = {
      'gpt-x': model({
        input_cost_per_token_above_272k_tokens: 2e-6,
        output_cost_per_token_above_272k_tokens: 3e-6,
        input_cost_per_token_ultrafast: 6e-6,
        output_cost_per_token_ultrafast: 1.2e-5,
        input_cost_per_token_above_272k_tokens_ultrafast: 1.2e-5,
        output_cost_per_token_above_272k_tokens_ultrafast: 1.9e-5,
      }),
    };
    expect(convertLitellm(source).openai['gpt-x']?.services).toEqual({
      ultrafast: { in: '6', out: '12', above: [{ tokens: 272_000, in: '12', out: '19' }] },
    });
  });

  test('audio and image tokens, longer cache lives, search fees and regional factors are kept', () => {
    const search = { search_context_size_low: 0.03, search_context_size_medium: 0.035, search_context_size_high: 0.05 };
    const { openai, anthropic } = convertLitellm({
      'gpt-audio': model({
        input_cost_per_audio_token: 3.2e-5,
        output_cost_per_audio_token: 6.4e-5,
        input_cost_per_image_token: 3e-6,
        cache_creation_input_token_cost: 1.25e-6,
        cache_creation_input_token_cost_above_12hr: 2e-6,
        search_context_cost_per_query: search,
        regional_processing_uplift_multiplier_eu: 1.1,
        regional_processing_uplift_multiplier_us: 1.2,
      }),
      'claude-x': model({
        litellm_provider: 'anthropic',
        provider_specific_entry: { us: 1.1, fast: 2.0 },
        search_context_cost_per_query: {
          search_context_size_low: 0.01,
          search_context_size_medium: 0.01,
          search_context_size_high: 0.01,
        },
      }),
    });
    expect(openai['gpt-audio']).toMatchObject({
      audioIn: '32',
      audioOut: '64',
      imageIn: '3',
      write5m: '1.25',
      write1h: '2',
      search: { low: '0.03', medium: '0.035', high: '0.05' },
      uplift: '1.2',
    });
    expect(anthropic['claude-x']).toMatchObject({ geos: { us: '1.1' }, services: { fast: '2' }, search: '0.01' });
  });
});
