import { describe, expect, test } from '@jest/globals';
import { catalogue, readCatalogue } from '../../../lambdas/catalogue/catalogue.ts';
import { describePin, endingPins, pinData, retiredPins } from '../../../lambdas/core/pins/describe-pin.ts';
import { measurePins } from '../../../lambdas/core/pins/measure-pins.ts';
import { at, configOf, EMPTY, pinsOf, target } from './pin-fixture.ts';

const NOW = at('2026-11-23');

describe('pins', () => {
  const pins = pinsOf(
    configOf({
      assistant: [{ provider: 'openai', model: 'gpt-5-2025-08-07' }, target('a', 'm-1')],
      small: [
        { provider: 'openai', model: 'o4-mini-2025-04-16' },
        { provider: 'openai', model: 'gpt-5-2025-08-07' },
        { provider: 'bedrock', model: 'us.anthropic.claude-opus-4-1-20250805-v1:0' },
      ],
      own: [target('a', 'm-0', { retires: '2027-03-01', successor: 'm-1' })],
    }),
    NOW,
    catalogue,
  );

  test('stand in the order of their ends, once for all aliases and regions', () => {
    expect(pins.map(({ id, aliases, standing }) => [id, aliases.join(), standing.daysLeft])).toEqual([
      ['openai/o4-mini-2025-04-16', 'small', -31],
      ['openai/gpt-5-2025-08-07', 'assistant,small', 18],
      ['bedrock/us.anthropic.claude-opus-4-1-20250805-v1:0', 'small', 46],
      ['a/m-0', 'own', 98],
      ['a/m-1', 'assistant', null],
    ]);
    expect(retiredPins(pins)).toHaveLength(1);
    expect(endingPins(pins).map(({ id }) => id)).toEqual([
      'openai/gpt-5-2025-08-07',
      'bedrock/us.anthropic.claude-opus-4-1-20250805-v1:0',
    ]);
    expect(endingPins(pins, 18)).toHaveLength(1);
    expect(endingPins(pins, 17)).toHaveLength(0);
  });

  test('say what replaces them, at what difference, and that its name can be moved', () => {
    const [, gpt5] = pins;
    expect(gpt5 && pinData(gpt5)).toMatchObject({
      state: 'deprecated',
      deprecated_on: '2026-06-11',
      retires_on: '2026-12-11',
      replacement: {
        model: 'gpt-6.1-sol',
        floating: true,
        difference: { input_usd: ['1.25', '2'], output_usd: ['10', '10'], cost_per_mille: 1066, loses: [], gains: [] },
      },
    });
    expect(gpt5 && describePin(gpt5)).toBe(
      "openai/gpt-5-2025-08-07 (assistant, small) retires 2026-12-11, in 18 days; replaced by gpt-6.1-sol: $1.25 → $2 in, $10 out per million tokens; context 400000 → 1050000; the vendor can move this name, which needs pins: { floating: 'allow' } (developers.openai.com/api/docs/deprecations, 2026-11-23)",
    );
  });

  test('whose replacement nobody names, or the catalogue does not know, say so', () => {
    const [, , opus, own] = pins;
    expect(opus && describePin(opus)).toContain('in 46 days; nothing says what replaces it (docs.aws.amazon.com/');
    expect(own && describePin(own)).toContain('replaced by m-1: not in the catalogue: its price is unknown');
  });

  test('abilities and sizes that a replacement lacks are named', () => {
    const [pin] = pinsOf(
      configOf({
        one: [{ provider: 'openai', model: 'gpt-4o-2024-11-20', lifecycle: { successor: 'gpt-3.5-turbo-0125' } }],
      }),
      NOW,
      catalogue,
    );
    expect(pin?.replacement?.difference).toMatchObject({
      loses: expect.arrayContaining(['vision']),
      context_tokens: [128_000, 16_385],
      max_output_tokens: [16_384, 4_096],
    });
    expect(pin && describePin(pin)).toMatch(/context 128000 → 16385; longest answer 16384 → 4096; loses .*vision/);
  });
});

test('of a model that ends in one region before it does in another, the first end counts', () => {
  const row = (ends: string) => ({ in: '1', out: '2', can: 's', context: 10_000, output: 1_000, ends });
  const { asOf, sources } = EMPTY;
  const rows = { 'v.m-1': row('2027-03-01'), 'v.m-1@eu-central-1': row('2027-01-01') };
  const known = readCatalogue({
    asOf,
    sources: [...sources],
    models: { openai: {}, anthropic: {}, gemini: {}, 'azure-openai': {}, bedrock: rows },
  });
  const config = configOf({ one: [{ provider: 'bedrock', model: 'v.m-1' }] });
  expect(pinsOf(config, NOW, known).map(({ id, standing }) => [id, standing.daysLeft])).toEqual([
    ['bedrock/v.m-1', 39],
  ]);
});

test('an alias has as many days as the first of its versions to end; of those without a date nothing is measured', () => {
  const measured = measurePins(
    pinsOf(
      configOf({
        one: [target('a', 'x', { retires: '2027-01-01' }), target('b', 'y', { retires: '2026-12-01' })],
        two: [target('a', 'x', { retires: '2027-01-01' })],
        gone: [target('a', 'z', { retires: '2026-11-20' }), target('b', 'w')],
        open: [target('b', 'w')],
      }),
      NOW,
    ),
  );
  expect(measured).toEqual([
    { dimensions: {}, values: { DaysToSunset: [-3] } },
    { dimensions: { Alias: 'gone' }, values: { DaysToSunset: [-3] } },
    { dimensions: { Alias: 'one' }, values: { DaysToSunset: [8] } },
    { dimensions: { Alias: 'two' }, values: { DaysToSunset: [39] } },
  ]);
  expect(measurePins(pinsOf(configOf({ open: [target('b', 'w')] }), NOW))).toEqual([]);
});
