import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type EmbeddedStores, openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import { dateOf } from '../../../lambdas/contract/calendar-date.ts';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import { hearPins } from '../../../lambdas/core/pins/hear-pins.ts';
import type { RegionAnswer, ToldLifecycle } from '../../../lambdas/core/pins/heard-lifecycle.ts';
import { listPins } from '../../../lambdas/core/pins/list-pins.ts';
import type { PinNotice } from '../../../lambdas/core/pins/make-pin-notice.ts';
import { pinnedTargets } from '../../../lambdas/core/pins/pinned-targets.ts';
import { watchPins } from '../../../lambdas/core/pins/watch-pins.ts';
import { type FakeClock, makeFakeClock } from '../../support/fake-clock.ts';
import { makeMemoryLog } from '../call/call-fixture.ts';
import { at, configOf, DAY, EMPTY, gatewayOf, target } from './pin-fixture.ts';

const BASE = configOf({ chat: [target('bedrock', 'eu.v.model')] });
const CONFIG: GatewayConfig = {
  ...BASE,
  providers: { ...BASE.providers, bedrock: { kind: 'bedrock', regions: ['eu-central-1'] } },
};
const MUTE: RegionAnswer = { ok: false, region: 'eu-central-1', because: 'of the test' };
const saying = (told: ToldLifecycle): RegionAnswer => listing({ 'v.model': told, 'v.other': { stated: 'active' } });
const listing = (models: Record<string, ToldLifecycle>): RegionAnswer => ({
  ok: true,
  region: 'eu-central-1',
  models: new Map(Object.entries(models)),
});
const LEGACY: ToldLifecycle = { stated: 'legacy', deprecatedOn: '2026-08-14', retiresOn: '2027-02-14' };

let stores: EmbeddedStores;
let clock: FakeClock;
let told: PinNotice[];
beforeEach(() => {
  clock = makeFakeClock(at('2026-11-01', '06:17:00'));
  stores = openEmbeddedStores({ file: ':memory:', clock, random: systemRandom });
  told = [];
});
afterEach(() => stores.close());

/** A run of the watcher, as wiring/open-deployed-pin-watch.ts does it. */
const look = async (answer: RegionAnswer, config: GatewayConfig = CONFIG) => {
  const source = { pinned: pinnedTargets(gatewayOf(config)), config, catalogue: EMPTY };
  const on = dateOf(clock.now()) ?? '';
  const seen = await stores.pins.read(hearPins(source, [answer], on).silent);
  const before = new Map(seen.flatMap((record) => (record?.heard ? [[record.pin, record.heard] as const] : [])));
  const { pinned, heard } = hearPins(source, [answer], on, before);
  const ports = {
    pins: stores.pins,
    clock,
    log: makeMemoryLog(),
    heard,
    tell: async (one: PinNotice) => void told.push(one),
  };
  return watchPins(listPins(pinned, EMPTY, clock.now()), ports);
};
const summary = () => told.map(({ detail }) => [detail.notice, detail.threshold_days, detail.retires_on]);
const toDay = (date: string) => clock.advance(at(date, '06:17:00') - clock.now());

describe('the watcher of pins, with a provider that says how its models stand', () => {
  test('tells of an end that only the provider knows, until the model is gone', async () => {
    for (; clock.now() < at('2027-03-01'); await clock.advance(DAY)) {
      const isOver = clock.now() > at('2027-02-14', '08:00:00');
      await look(isOver ? listing({ 'v.other': { stated: 'active' } }) : saying(LEGACY));
    }
    expect(summary()).toEqual([
      ['ends', 90, '2027-02-14'],
      ['ends', 30, '2027-02-14'],
      ['ends', 7, '2027-02-14'],
      ['ended', 0, '2027-02-14'],
    ]);
  });

  test('says nothing new while the provider can not be asked, and no day is missed', async () => {
    await look(saying(LEGACY));
    for (; clock.now() < at('2027-02-16'); await clock.advance(DAY)) await look(MUTE);
    expect(summary()).toEqual([
      ['ends', 90, '2027-02-14'],
      ['ends', 30, '2027-02-14'],
      ['ends', 7, '2027-02-14'],
      ['ended', 0, '2027-02-14'],
    ]);
    expect(told[0]?.message).toContain("(Bedrock's API in eu-central-1, 2026-11-01)");
  });

  test('tells of an announcement, of another date, and of one that is taken back', async () => {
    await look(saying({ stated: 'active' }));
    await look(saying(LEGACY));
    await look(saying({ ...LEGACY, retiresOn: '2027-03-14' }));
    await look(saying({ stated: 'active' }));
    expect(
      told.map(({ detail }) => detail.change && [detail.change.from.retiresOn, detail.change.to.retiresOn]),
    ).toEqual([
      [null, '2027-02-14'],
      ['2027-02-14', '2027-03-14'],
      ['2027-03-14', null],
    ]);
  });

  test('tells of a model that vanishes without a word, that it has retired, once', async () => {
    await look(saying({ stated: 'active' }));
    await toDay('2026-11-05');
    await look(listing({ 'v.other': {} }));
    await toDay('2026-11-06');
    await look(MUTE);
    await toDay('2026-11-07');
    await look(listing({ 'v.other': {} }));
    expect(summary()).toEqual([
      ['calendar-changed', null, '2026-11-05'],
      ['ended', 0, '2026-11-05'],
    ]);
    expect(told[0]?.message).toContain('does not list it any more, 2026-11-05');
  });

  test('forgets what it heard where the provider is not asked any more', async () => {
    await look(saying(LEGACY));
    const keyed: GatewayConfig = {
      ...CONFIG,
      providers: { ...CONFIG.providers, bedrock: { kind: 'bedrock', regions: ['eu-central-1'], apiKey: 'env:B' } },
    };
    await look(MUTE, keyed);
    const [record] = await stores.pins.read(['bedrock/eu.v.model']);
    expect(record).toMatchObject({ calendar: { retiresOn: null } });
    expect(record).not.toHaveProperty('heard');
  });

  test('remembers what it hears though the catalogue says the same', async () => {
    await look(MUTE);
    await look(saying({ stated: 'active' }));
    const [record] = await stores.pins.read(['bedrock/eu.v.model']);
    expect(record?.heard).toEqual({ stated: 'active', source: "Bedrock's API in eu-central-1, 2026-11-01" });
    expect(await look(saying({ stated: 'active' }))).toEqual({ pins: 1, told: 0, changed: 0 });
    expect((await stores.pins.read(['bedrock/eu.v.model']))[0]?.version).toBe(record?.version);
  });
});
