import { describe, expect, test } from '@jest/globals';
import { type Catalogue, readCatalogue } from '../../../lambdas/catalogue/catalogue.ts';
import type { GatewayConfig, TargetConfig } from '../../../lambdas/contract/config.ts';
import { hearPins } from '../../../lambdas/core/pins/hear-pins.ts';
import {
  bedrockModelOf,
  type HeardLifecycle,
  type RegionAnswer,
  regionsToAsk,
  type ToldLifecycle,
} from '../../../lambdas/core/pins/heard-lifecycle.ts';
import { listPins } from '../../../lambdas/core/pins/list-pins.ts';
import { pinnedTargets } from '../../../lambdas/core/pins/pinned-targets.ts';
import { at, configOf, gatewayOf, target } from './pin-fixture.ts';

const ON = '2026-11-23';
const ROW = { in: '1', out: '2', can: 's', context: 100_000, output: 8_000 };
const PAGE = 'a page, 2026-08-03';
const CATALOGUE: Catalogue = readCatalogue({
  asOf: ON,
  sources: [],
  models: {
    openai: {},
    anthropic: {},
    gemini: {},
    'azure-openai': {},
    bedrock: {
      'eu.v.ending': { ...ROW, ends: '2027-01-10', deprecated: '2026-07-10', next: 'eu.v.next', said: PAGE },
      'v.active': { ...ROW, state: 'active', notBefore: '2026-10-16', said: PAGE },
      'v.silent': ROW,
    },
  },
});

const bedrock = (model: string, more: Partial<TargetConfig> = {}): TargetConfig => ({
  provider: 'bedrock',
  model,
  ...more,
});

/** One region unless a test is about several. */
const inEurope = (models: Record<string, TargetConfig[]>): GatewayConfig => {
  const config = configOf(models);
  return { ...config, providers: { ...config.providers, bedrock: { kind: 'bedrock', regions: ['eu-central-1'] } } };
};
const answer = (region: string, models: Record<string, ToldLifecycle>): RegionAnswer => ({
  ok: true,
  region,
  models: new Map(Object.entries(models)),
});
const eu = (models: Record<string, ToldLifecycle>) => answer('eu-central-1', models);
const us = (models: Record<string, ToldLifecycle>) => answer('us-east-1', models);
const mute = (region: string): RegionAnswer => ({ ok: false, region, because: 'of the test' });

const hear = (config: GatewayConfig, answers: RegionAnswer[], before?: Record<string, HeardLifecycle>, on = ON) => {
  const source = { pinned: pinnedTargets(gatewayOf(config, CATALOGUE)), config, catalogue: CATALOGUE };
  const joined = hearPins(source, answers, on, before && new Map(Object.entries(before)));
  return { ...joined, pins: listPins(joined.pinned, CATALOGUE, at(on)) };
};

describe('what Bedrock says', () => {
  test('wins over the catalogue, with who says so and when; the successor stays', () => {
    const config = inEurope({ chat: [bedrock('eu.v.ending')] });
    const { pins } = hear(config, [
      eu({ 'v.ending': { stated: 'legacy', deprecatedOn: '2026-07-08', retiresOn: '2027-01-08' } }),
    ]);
    expect(pins).toMatchObject([
      {
        id: 'bedrock/eu.v.ending',
        lifecycle: {
          stated: 'legacy',
          deprecatedOn: '2026-07-08',
          retiresOn: '2027-01-08',
          successor: 'eu.v.next',
          source: "Bedrock's API in eu-central-1, 2026-11-23",
        },
        standing: { state: 'deprecated', daysLeft: 46 },
      },
    ]);
  });

  test('that it is in use takes away an end that only the catalogue has', () => {
    const { pins } = hear(inEurope({ chat: [bedrock('eu.v.ending')] }), [eu({ 'v.ending': { stated: 'active' } })]);
    expect(pins[0]?.lifecycle).toEqual({
      stated: 'active',
      successor: 'eu.v.next',
      source: "Bedrock's API in eu-central-1, 2026-11-23",
    });
    expect(pins[0]?.standing).toEqual({ state: 'active', daysLeft: null });
  });

  test('without days leaves those of the catalogue', () => {
    const { pins, differences } = hear(inEurope({ chat: [bedrock('eu.v.ending')] }), [
      eu({ 'v.ending': { stated: 'legacy' } }),
    ]);
    expect(pins[0]?.lifecycle).toMatchObject({ deprecatedOn: '2026-07-10', retiresOn: '2027-01-10' });
    expect(differences).toEqual([]);
  });

  test('of an end takes the place of a promise, which holds without one', () => {
    const of = (told: ToldLifecycle) =>
      hear(inEurope({ chat: [bedrock('v.active')] }), [eu({ 'v.active': told })]).pins[0];
    expect(of({ stated: 'legacy', retiresOn: '2027-05-01' })?.lifecycle).not.toHaveProperty('notBefore');
    expect(of({ stated: 'active' })?.lifecycle).toMatchObject({ notBefore: '2026-10-16' });
  });

  test('holds for a model that the catalogue does not have', () => {
    const config = inEurope({ chat: [target('bedrock', 'global.v.newest')] });
    const { pins } = hear(config, [eu({ 'v.newest': { stated: 'legacy', retiresOn: '2026-12-01' } })]);
    expect(pins).toMatchObject([{ standing: { state: 'legacy', daysLeft: 8 } }]);
  });

  test('gives way to what the configuration says of the target', () => {
    const told = [eu({ 'v.ending': { stated: 'legacy', deprecatedOn: '2026-07-08', retiresOn: '2026-11-01' } })];
    for (const [retires, expected] of [
      ['never', undefined],
      ['2027-06-30', '2027-06-30'],
    ] as const) {
      const { pins } = hear(inEurope({ chat: [bedrock('eu.v.ending', { lifecycle: { retires } })] }), told);
      expect(pins[0]?.lifecycle).toMatchObject({ source: 'configuration', deprecatedOn: '2026-07-08' });
      expect(pins[0]?.lifecycle?.retiresOn).toBe(expected);
    }
    const { pins } = hear(inEurope({ chat: [bedrock('eu.v.ending', { lifecycle: { successor: 'mine' } })] }), told);
    expect(pins[0]?.lifecycle).toMatchObject({ successor: 'mine', retiresOn: '2026-11-01' });
  });

  test('reaches canaries, with what the configuration says of those', () => {
    const canary = { model: 'v.silent', share: 0.1, lifecycle: { successor: 'other' } };
    const config = inEurope({ chat: [bedrock('v.active', { canary })] });
    const { pins } = hear(config, [
      eu({ 'v.active': { stated: 'active' }, 'v.silent': { stated: 'legacy', retiresOn: '2027-01-01' } }),
    ]);
    expect(pins.map(({ id, lifecycle }) => [id, lifecycle?.retiresOn, lifecycle?.successor])).toEqual([
      ['bedrock/v.silent', '2027-01-01', 'other'],
      ['bedrock/v.active', undefined, undefined],
    ]);
  });

  test('is nothing where nothing was answered: the targets are the same ones', () => {
    const config = inEurope({ chat: [bedrock('eu.v.ending'), target('a', 'm-1')] });
    const source = { pinned: pinnedTargets(gatewayOf(config, CATALOGUE)), config, catalogue: CATALOGUE };
    expect(hearPins(source, [], ON).pinned).toEqual(source.pinned);
  });
});

describe('where it and the catalogue differ', () => {
  test.each<[string, string, ToldLifecycle, [string, string] | undefined]>([
    [
      'another day',
      'eu.v.ending',
      { stated: 'legacy', retiresOn: '2027-01-08' },
      ['retires 2027-01-08', 'retires 2027-01-10'],
    ],
    ['the same day', 'eu.v.ending', { stated: 'legacy', retiresOn: '2027-01-10' }, undefined],
    ['no end', 'eu.v.ending', { stated: 'active' }, ['in use, no end announced', 'retires 2027-01-10']],
    [
      'an end of what is in use',
      'v.active',
      { stated: 'legacy', retiresOn: '2027-05-01' },
      ['retires 2027-05-01', 'in use, no end announced'],
    ],
    ['in use, both', 'v.active', { stated: 'active' }, undefined],
    ['what the catalogue says nothing of', 'v.silent', { stated: 'legacy', retiresOn: '2027-05-01' }, undefined],
  ])('%s', (_, model, told, expected) => {
    const { differences } = hear(inEurope({ one: [bedrock(model)], two: [bedrock(model)] }), [
      eu({ [bedrockModelOf(model) ?? '']: told }),
    ]);
    expect(differences).toEqual(
      expected === undefined
        ? []
        : [
            {
              pin: `bedrock/${model}`,
              heard: expected[0],
              heardFrom: "Bedrock's API in eu-central-1, 2026-11-23",
              catalogue: expected[1],
              catalogueFrom: PAGE,
            },
          ],
    );
  });

  test('what costs more from a day on is told, unless the target has its own price', () => {
    const told = [eu({ 'v.silent': { stated: 'legacy', dearerFrom: '2026-12-01' } })];
    expect(hear(inEurope({ chat: [bedrock('v.silent')] }), told).dearer).toEqual([
      { pin: 'bedrock/v.silent', from: '2026-12-01', source: "Bedrock's API in eu-central-1, 2026-11-23" },
    ]);
    expect(hear(inEurope({ chat: [target('bedrock', 'v.silent')] }), told).dearer).toEqual([]);
  });
});

describe('of several regions', () => {
  const config = configOf({ chat: [bedrock('v.active')] });
  const legacy = (retiresOn: string): ToldLifecycle => ({ stated: 'legacy', retiresOn });

  test('the nearest end counts, and is what is remembered', () => {
    const { pins, heard } = hear(config, [
      us({ 'v.active': legacy('2027-03-01') }),
      eu({ 'v.active': legacy('2027-02-01') }),
    ]);
    expect(pins).toMatchObject([
      { lifecycle: { retiresOn: '2027-02-01', source: "Bedrock's API in eu-central-1, 2026-11-23" } },
    ]);
    expect(heard.get('bedrock/v.active')?.retiresOn).toBe('2027-02-01');
  });

  test.each([
    ['could not be asked', mute('us-east-1'), []],
    ['does not have it', us({ 'v.other': {} }), [{ pin: 'bedrock/v.active', region: 'us-east-1' }]],
  ])('one that %s takes what the other says', (_, other, notListed) => {
    const heard = hear(config, [other, eu({ 'v.active': legacy('2027-02-01') })]);
    expect(heard.pinned[0]?.[1].map(({ region, lifecycle }) => [region, lifecycle?.retiresOn])).toEqual([
      ['us-east-1', '2027-02-01'],
      ['eu-central-1', '2027-02-01'],
    ]);
    expect(heard).toMatchObject({ silent: [], notListed });
  });
});

describe('where it says nothing', () => {
  const config = inEurope({ chat: [bedrock('v.active')] });
  const legacy: HeardLifecycle = {
    stated: 'legacy',
    retiresOn: '2027-02-01',
    source: "Bedrock's API in eu-central-1, 2026-11-20",
  };
  const before = { 'bedrock/v.active': legacy };

  test('the catalogue holds', () => {
    const { pins, silent } = hear(config, [mute('eu-central-1')]);
    expect(silent).toEqual(['bedrock/v.active']);
    expect(pins).toMatchObject([{ lifecycle: { stated: 'active', source: PAGE } }]);
  });

  test('what was heard before holds, with the day of that', () => {
    const { pins, heard } = hear(config, [mute('eu-central-1')], before);
    expect(pins).toMatchObject([{ lifecycle: { retiresOn: '2027-02-01', source: legacy.source } }]);
    expect(heard.get('bedrock/v.active')).toEqual(legacy);
  });

  test('but not over what is heard now', () => {
    const { pins } = hear(config, [eu({ 'v.active': { stated: 'active' } })], before);
    expect(pins[0]?.lifecycle?.retiresOn).toBeUndefined();
  });

  test('a model that was listed before and is no more has ended: on the day that was known, else today', () => {
    const other = [eu({ 'v.other': {} })];
    const source = "Bedrock's API in eu-central-1 does not list it any more, 2026-11-23";
    expect(hear(config, other, before).pins).toMatchObject([
      { lifecycle: { retiresOn: ON, source }, standing: { state: 'retired' } },
    ]);
    const ended = { 'bedrock/v.active': { ...legacy, retiresOn: '2026-11-22' } };
    expect(hear(config, other, ended).pins[0]?.lifecycle).toMatchObject({
      retiresOn: '2026-11-22',
      source: legacy.source,
    });
    const next = hear(config, other, before).heard;
    expect(hear(config, other, Object.fromEntries(next), '2026-11-24').pins[0]?.lifecycle).toMatchObject({
      retiresOn: ON,
      source,
    });
  });

  test('of a model that it lists, the catalogue holds, and nothing is absent', () => {
    const { pins, silent, notListed } = hear(config, [eu({ 'v.active': {} })]);
    expect(pins).toMatchObject([{ lifecycle: { stated: 'active', source: PAGE } }]);
    expect({ silent, notListed }).toEqual({ silent: ['bedrock/v.active'], notListed: [] });
  });

  test('one that was never listed has not', () => {
    const { pins, notListed } = hear(config, [eu({ 'v.other': {} })]);
    expect(pins).toMatchObject([{ standing: { state: 'active' } }]);
    expect(notListed).toEqual([{ pin: 'bedrock/v.active', region: 'eu-central-1' }]);
  });

  test('nor has one while a region could not be asked', () => {
    const { pins } = hear(
      configOf({ chat: [bedrock('v.active')] }),
      [mute('us-east-1'), eu({ 'v.other': {} })],
      before,
    );
    expect(pins).toMatchObject([{ lifecycle: { retiresOn: '2027-02-01' }, standing: { state: 'legacy' } }]);
  });
});

describe('it is asked', () => {
  test('in the regions of what is pinned there, by the process’s own credentials', () => {
    const config = configOf({
      chat: [bedrock('v.active'), target('a', 'm-1'), target('openai', 'gpt-5.4-2026-03-05')],
    });
    expect(regionsToAsk(pinnedTargets(gatewayOf(config, CATALOGUE)))).toEqual(['eu-central-1', 'us-east-1']);
    const keyed: GatewayConfig = {
      ...config,
      providers: { ...config.providers, bedrock: { kind: 'bedrock', regions: ['us-east-1'], apiKey: 'env:B' } },
    };
    expect(regionsToAsk(pinnedTargets(gatewayOf(keyed, CATALOGUE)))).toEqual([]);
    const heard = hear(keyed, [us({ 'v.active': { stated: 'legacy', retiresOn: '2026-12-01' } })]);
    expect(heard.pins.map(({ lifecycle }) => lifecycle?.retiresOn)).not.toContain('2026-12-01');
  });

  test.each([
    ['anthropic.claude-haiku-4-5-20251001-v1:0', 'anthropic.claude-haiku-4-5-20251001-v1:0'],
    ['eu.anthropic.claude-haiku-4-5-20251001-v1:0', 'anthropic.claude-haiku-4-5-20251001-v1:0'],
    ['global.anthropic.claude-sonnet-5-5', 'anthropic.claude-sonnet-5-5'],
    ['us-gov.anthropic.claude-sonnet-5-5', 'anthropic.claude-sonnet-5-5'],
    ['us.amazon', 'us.amazon'],
    ['arn:aws:bedrock:eu-central-1:1:inference-profile/eu.amazon.nova-pro-v1:0', 'amazon.nova-pro-v1:0'],
    ['arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-pro-v1:0', 'amazon.nova-pro-v1:0'],
    ['arn:aws:bedrock:eu-central-1:1:application-inference-profile/x1y2', undefined],
    ['arn:aws:bedrock:eu-central-1:1:provisioned-model/x1y2', undefined],
  ])('about the model behind %s', (name, model) => {
    expect(bedrockModelOf(name)).toBe(model);
  });
});
