import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { catalogue } from '../../../lambdas/catalogue/catalogue.ts';
import { checkConfig } from '../../../lambdas/contract/check-config.ts';
import type { ModelConfig, ProviderConfig } from '../../../lambdas/contract/config.ts';
import type { Conversation, Turn } from '../../../lambdas/core/conversation.ts';
import type { Asked } from '../../../lambdas/core/decode/decode.ts';
import { planRoute } from '../../../lambdas/core/route/plan.ts';
import { POLICIES_AT_WORK } from '../../../lambdas/core/route/policies.ts';
import { resolveGateway } from '../../../lambdas/core/route/resolve-gateway.ts';
import { NO_SOURCES, type RouteSources } from '../../../lambdas/core/route/route-sources.ts';
import {
  NO_STATISTICS,
  noteCall,
  STALE_MS,
  type TargetStatistics,
} from '../../../lambdas/core/route/target-statistics.ts';
import type { Alias } from '../../../lambdas/core/target.ts';
import { ALL_CODECS } from '../../support/all-codecs.ts';
import { replayOrder } from '../../support/replay-order.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
const price = (input: number, more: object = {}) => ({ inputPerMTok: input, outputPerMTok: input * 5, ...more });
const target = (provider: string, more: object = {}) => ({
  provider,
  model: 'm',
  price: price(1),
  contextTokens: 200_000,
  maxOutputTokens: 8_000,
  ...more,
});
const PROVIDERS: Record<string, ProviderConfig> = {
  a: { kind: 'openai-compatible', baseUrl: 'https://a/v1' },
  b: { kind: 'openai-compatible', baseUrl: 'https://b/v1' },
  c: { kind: 'openai-compatible', baseUrl: 'https://c/v1' },
  r: { kind: 'openai-compatible', baseUrl: 'https://{region}.r/v1', regions: ['eu-west-1', 'us-east-1'] },
  claude: { kind: 'anthropic', apiKey: 'env:KEY' },
  bed: { kind: 'bedrock', regions: ['eu-central-1', 'us-east-1'] },
};

const resolved = (model: Partial<ModelConfig>) => {
  const config = { providers: PROVIDERS, models: { it: { targets: [target('a'), target('b')], ...model } } };
  const checked = checkConfig(config);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  const gateway = resolveGateway(checked.config, catalogue, 1);
  if (!gateway.ok) throw new Error(JSON.stringify(gateway.problems));
  const alias = gateway.gateway.aliases.get('it');
  if (alias === undefined) throw new Error('no alias');
  return alias;
};

const user = (text: string): Turn => ({ role: 'user', parts: [{ type: 'text', text }] });
const assistant = (text: string): Turn => ({ role: 'assistant', parts: [{ type: 'text', text }] });

interface Ask {
  conversation?: Partial<Conversation>;
  tags?: Record<string, string>;
  surface?: string;
  session?: string;
  team?: string;
}
const askedOf = (ask: Ask, alias: Alias | undefined): Asked => {
  const conversation: Conversation = {
    model: 'it',
    turns: [user('hi')],
    tools: [],
    choices: 1,
    stream: false,
    streamUsage: false,
    sameDialectOnly: [],
    costBearing: [],
    ...ask.conversation,
  };
  return {
    conversation,
    alias,
    caller: { team: ask.team ?? 'search' },
    labels: { tags: ask.tags ?? {}, ...(ask.session !== undefined && { session: ask.session }) },
    surface: { name: ask.surface ?? 'openai-chat' },
  } as unknown as Asked;
};
const planOf = (model: Partial<ModelConfig>, ask: Ask = {}, sources: Partial<RouteSources> = {}) =>
  planRoute(askedOf(ask, resolved(model)), ALL_CODECS.dialects, new Map(), {
    ...NO_SOURCES,
    now: NOW,
    policies: POLICIES_AT_WORK,
    ...sources,
  });
const routeOf = (...args: Parameters<typeof planOf>) => {
  const planned = planOf(...args);
  if (!planned.ok) throw new Error(planned.refusal.message);
  const { plan } = planned;
  return { ids: plan.targets.map(({ id }) => id), route: plan.route, passedOver: plan.passedOver, plan };
};

/** A target that answers streams in about that time, measured often enough. */
const measured = (firstTokenMs: number, at = NOW): TargetStatistics => {
  let stats = NO_STATISTICS;
  for (let i = 0; i < 5; i++)
    stats = noteCall(
      stats,
      { kind: 'ok', endedAt: at, firstTokenMs, tokenUs: 10_000, wholeTokenUs: firstTokenMs * 10 },
      at,
    );
  return stats;
};

describe('an ordered route', () => {
  test('stands as it is listed, and the receipt says nothing of it', () => {
    const { ids, route } = routeOf({});
    expect(ids).toEqual(['a/m', 'b/m']);
    expect(route).toBeUndefined();
  });

  test('asks for no chance and no statistics', () => {
    const never = (): never => {
      throw new Error('asked for');
    };
    expect(routeOf({}, {}, { draw: never, statisticsOf: never, homeOf: never }).ids).toEqual(['a/m', 'b/m']);
  });
});

describe('a weighted route', () => {
  const weighted: Partial<ModelConfig> = {
    policy: 'weighted',
    targets: [target('a', { weight: 1 }), target('b', { weight: 1 }), target('c', { weight: 2 })],
  };

  test('sends all turns of a conversation to the same target', () => {
    for (let i = 0; i < 50; i++) {
      const first = routeOf(weighted, { conversation: { turns: [user(`question ${i}`)] } }, { draw: () => 0.1 });
      const later = routeOf(
        weighted,
        { conversation: { turns: [user(`question ${i}`), assistant('so'), user(`and ${i * 7}?`)] } },
        { draw: () => 0.9 },
      );
      expect(later.ids).toEqual(first.ids);
    }
  });

  test('knows a conversation by its session, whatever it says', () => {
    const orders = new Set<string>();
    for (let i = 0; i < 20; i++)
      orders.add(routeOf(weighted, { session: 's1', conversation: { turns: [user(`question ${i}`)] } }).ids.join());
    expect(orders.size).toBe(1);
  });

  test('a session of another team is another conversation', () => {
    const seedOf = (team: string) => JSON.stringify(routeOf(weighted, { session: 's1', team }).route?.facts);
    expect(seedOf('search')).not.toBe(seedOf('sales'));
  });

  test('without affinity every request takes its chance', () => {
    const firsts = new Set<string>();
    for (let i = 0; i < 50; i++)
      firsts.add(routeOf({ ...weighted, affinity: false }, {}, { draw: () => i / 50 }).ids[0] ?? '');
    expect(firsts).toEqual(new Set(['a/m', 'b/m', 'c/m']));
  });
});

describe('the cheapest route', () => {
  const cheapest: Partial<ModelConfig> = {
    policy: 'cheapest',
    targets: [
      target('a', { price: price(3) }),
      target('b', { price: price(2, { aboveInputTokens: { tokens: 1_000, inputPerMTok: 10, outputPerMTok: 50 } }) }),
    ],
    output: { default: 100, floor: 50 },
  };

  test('is that of this request: a long input falls into a dearer tier', () => {
    expect(routeOf(cheapest).ids).toEqual(['b/m', 'a/m']);
    const long = { turns: [user('word '.repeat(4_000))] };
    expect(routeOf(cheapest, { conversation: long }).ids).toEqual(['a/m', 'b/m']);
  });

  test('counts what moving would lose of the cached discount', () => {
    const model: Partial<ModelConfig> = {
      policy: 'cheapest',
      targets: [target('a', { price: price(2) }), target('b', { price: price(3, { cachedInputPerMTok: '0.3' }) })],
      output: { default: 100, floor: 50 },
    };
    const turns = [user('word '.repeat(4_000)), assistant('so'), user('and?')];
    expect(routeOf(model, { conversation: { turns } }).ids).toEqual(['a/m', 'b/m']);
    const homeOf = () => ({ target: 'b/m', cachedTokens: 4_000, warmUntil: NOW + 1 });
    const at = routeOf(model, { conversation: { turns } }, { homeOf });
    expect(at.ids).toEqual(['b/m', 'a/m']);
    if (at.route?.facts?.policy !== 'cheapest') throw new Error('no facts');
    expect(at.route.facts.home).toBe(1);
    const [, atHome = '0'] = at.route.facts.costs;
    const away = routeOf(model, { conversation: { turns } }).route?.facts;
    if (away?.policy !== 'cheapest') throw new Error('no facts');
    // 4,000 tokens at $0.30 a million instead of $3.
    expect(BigInt(away.costs[1] ?? '0') - BigInt(atHome)).toBe(10_800_000n);
  });

  test('counts what has to be written to the cache elsewhere', () => {
    const model: Partial<ModelConfig> = {
      policy: 'cheapest',
      targets: [target('a', { price: price(3.2) }), { provider: 'claude', model: 'claude-sonnet-4-5-20250929' }],
      output: { default: 100, floor: 50 },
    };
    const part = { type: 'text' as const, text: 'word '.repeat(4_000), cache: { ttl: '5m' as const } };
    const turns: Turn[] = [{ role: 'user', parts: [part] }];
    // $3 a million, but $3.75 to write.
    expect(routeOf(model, { conversation: { turns } }).ids[0]).toBe('a/m');
    expect(routeOf(model, { conversation: { turns: [user(part.text)] } }).ids[0]).toBe(
      'claude/claude-sonnet-4-5-20250929',
    );
  });
});

describe('the fastest route', () => {
  const fastest: Partial<ModelConfig> = { policy: 'fastest', targets: [target('a'), target('b'), target('c')] };
  const stats = new Map([
    ['a/m', measured(900)],
    ['b/m', measured(300)],
  ]);
  const statisticsOf = (id: string) => stats.get(id);

  test('goes by what was measured of late', () => {
    expect(routeOf(fastest, { conversation: { stream: true } }, { statisticsOf }).ids).toEqual(['b/m', 'a/m', 'c/m']);
    expect(routeOf(fastest, {}, { statisticsOf }).ids).toEqual(['b/m', 'a/m', 'c/m']);
  });

  test('tries a slower target again that was not measured for a while, and never instead of the fastest alone', () => {
    const now = NOW + STALE_MS;
    const sources = {
      now,
      statisticsOf: (id: string) => (id === 'c/m' ? measured(500, now) : stats.get(id)),
    };
    const tried = routeOf(fastest, {}, { ...sources, draw: () => 0.01 });
    expect(tried.ids[0]).toBe('a/m');
    expect(tried.route?.facts).toMatchObject({ stale: [0], draw: 0.01 });
    expect(replayOrder({ targets: tried.ids, ...(tried.route && { route: tried.route }) })).toEqual(tried.ids);
    expect(routeOf(fastest, {}, { ...sources, draw: () => 0.5 }).ids[0]).toBe('b/m');
    expect(routeOf(fastest, {}, { ...sources, now: now - 1, draw: () => 0.01 }).ids[0]).toBe('b/m');
  });

  test('tries the unmeasured with some requests, and one whose measurement has faded', () => {
    expect(routeOf(fastest, {}, { statisticsOf, draw: () => 0.01 }).ids[0]).toBe('c/m');
    const hourLater = {
      now: NOW + 3_600_000,
      statisticsOf: (id: string) => (id === 'b/m' ? measured(300, NOW + 3_600_000) : stats.get(id)),
    };
    expect(routeOf(fastest, {}, { ...hourLater, draw: () => 0.01 }).ids[0]).toBe('a/m');
    expect(routeOf(fastest, {}, { ...hourLater, draw: () => 0.5 }).ids[0]).toBe('b/m');
  });
});

describe('rules', () => {
  const routes: Partial<ModelConfig> = {
    targets: [target('a'), target('b'), target('c')],
    routes: [
      { when: { tags: { data: ['secret', 'private'] } }, targets: ['c/m'] },
      { when: { inputTokensAbove: 1_000 }, targets: ['b/m', 'a/m'] },
      { when: { surface: 'anthropic-messages', inputTokensBelow: 500 }, policy: 'cheapest' },
    ],
  };
  const long = { turns: [user('word '.repeat(4_000))] };

  test('the first that holds chooses targets and policy, and the receipt names it', () => {
    expect(routeOf(routes, { tags: { data: 'private' }, conversation: long })).toMatchObject({
      ids: ['c/m'],
      route: { rule: 0 },
    });
    expect(routeOf(routes, { conversation: long })).toMatchObject({ ids: ['b/m', 'a/m'], route: { rule: 1 } });
    expect(routeOf(routes, { surface: 'anthropic-messages' }).route).toMatchObject({
      rule: 2,
      facts: { policy: 'cheapest' },
    });
    expect(routeOf(routes).route).toBeUndefined();
    expect(routeOf(routes).ids).toEqual(['a/m', 'b/m', 'c/m']);
  });

  test.each([{ data: 'public' }, {}, { other: 'secret' }])('tags %j are not those of the first', (tags) => {
    expect(routeOf(routes, { tags }).ids).toHaveLength(3);
  });

  test('a rule asks nobody else: where its targets can’t, the request is refused', () => {
    const model: Partial<ModelConfig> = {
      targets: [target('a'), target('b', { contextTokens: 10, maxOutputTokens: 10 })],
      routes: [{ when: { tags: { x: '1' } }, targets: ['b/m'] }],
    };
    const planned = planOf(model, { tags: { x: '1' }, conversation: long });
    expect(planned).toMatchObject({ ok: false, refusal: { code: 'context_length_exceeded' } });
  });

  test('a name stands for all regions of the target', () => {
    const model = { targets: [target('a'), target('r')], routes: [{ when: {}, targets: ['r/m', 'a/m'] }] };
    expect(routeOf(model).ids).toEqual(['r/m@eu-west-1', 'r/m@us-east-1', 'a/m']);
  });
});

describe('regions', () => {
  test('each is asked at its own address', () => {
    const { plan } = routeOf({ targets: [target('r')] });
    expect(plan.targets.map(({ provider }) => provider.baseUrl)).toEqual([
      'https://eu-west-1.r/v1',
      'https://us-east-1.r/v1',
    ]);
  });

  test('those that are not allowed are passed over, and so is a provider that names none', () => {
    const { ids, passedOver } = routeOf({ targets: [target('a'), target('r')], allowRegions: ['eu-west-1'] });
    expect(ids).toEqual(['r/m@eu-west-1']);
    expect(passedOver.map(({ target, reason }) => [target, reason.slice(0, 7)])).toEqual([
      ['a/m', 'region:'],
      ['r/m@us-east-1', 'region:'],
    ]);
    expect(routeOf({ targets: [target('r')], allowRegions: ['us'] }).ids).toEqual(['r/m@us-east-1']);
  });

  test('a profile that moves requests between regions needs the whole part of the world', () => {
    const bedrock = (model: string) => ({ provider: 'bed', model });
    const targets = [
      bedrock('eu.anthropic.claude-sonnet-4-5-20250929-v1:0'),
      bedrock('anthropic.claude-3-5-haiku-20241022-v1:0'),
    ];
    expect(routeOf({ targets, allowRegions: ['eu-central-1'] }).ids).toEqual([
      'bed/anthropic.claude-3-5-haiku-20241022-v1:0@eu-central-1',
    ]);
    expect(routeOf({ targets, allowRegions: ['eu'] }).ids).toContain(
      'bed/eu.anthropic.claude-sonnet-4-5-20250929-v1:0@eu-central-1',
    );
  });

  test('hold for whoever stands in for the model too', () => {
    const config = {
      providers: PROVIDERS,
      models: {
        it: { targets: [target('r')], allowRegions: ['eu'], downgradeTo: 'small' },
        small: { targets: [target('a'), target('r', { model: 'm2' })], downgradeTo: 'smaller' },
        smaller: { targets: [target('b')] },
      },
    };
    const checked = checkConfig(config);
    if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
    const gateway = resolveGateway(checked.config, catalogue, 1);
    if (!gateway.ok) throw new Error(JSON.stringify(gateway.problems));
    const { aliases } = gateway.gateway;
    const planned = planRoute(askedOf({}, aliases.get('it')), ALL_CODECS.dialects, aliases);
    if (!planned.ok) throw new Error(planned.refusal.message);
    expect(planned.plan.standIn?.()?.plan.targets.map(({ id }) => id)).toEqual(['r/m2@eu-west-1']);
  });

  test('where none is allowed, the request is refused', () => {
    expect(planOf({ targets: [target('r')], allowRegions: ['ap-southeast-2'] })).toMatchObject({
      ok: false,
      refusal: { code: 'unsupported_feature' },
    });
  });
});

describe('slow start', () => {
  const shareOf = (id: string) => (id === 'a/m' ? 0.25 : 1);
  const old = (i: number) => ({ turns: [user(`question ${i}`), assistant('so'), user('and?')] });

  test('lets that share of conversations back, and none that has come back out again', () => {
    let back = 0;
    for (let i = 0; i < 1_000; i++) {
      const first = routeOf({}, { conversation: old(i) }, { shareOf }).ids[0];
      if (first !== 'a/m') continue;
      back += 1;
      expect(routeOf({}, { conversation: old(i) }, { shareOf: () => 0.5 }).ids[0]).toBe('a/m');
    }
    expect(back / 1_000).toBeCloseTo(0.25, 1);
  });

  test('many alike that have just begun do not come at once', () => {
    const firsts = Array.from({ length: 100 }, (_, i) => routeOf({}, {}, { shareOf, draw: () => i / 100 }).ids[0]);
    expect(firsts.filter((id) => id === 'a/m')).toHaveLength(25);
  });

  test('that begins after a plan was made holds back whom a plan made then would have held back, and nobody else', () => {
    for (let i = 0; i < 200; i++) {
      let share = 1;
      const sources = { shareOf: (id: string) => (id === 'a/m' ? share : 1) };
      const { plan } = routeOf({}, { conversation: old(i) }, sources);
      expect(plan.targets.map((target) => plan.isHeldBack?.(target))).toEqual([false, false]);
      share = 0.25;
      const isBehind = routeOf({}, { conversation: old(i) }, sources).ids[0] !== 'a/m';
      expect(plan.targets.map((target) => plan.isHeldBack?.(target))).toEqual([isBehind, false]);
    }
  });

  test('that the plan knows of holds nobody back a second time', () => {
    for (let i = 0; i < 20; i++) {
      const { plan } = routeOf({}, { conversation: old(i) }, { shareOf });
      expect(plan.targets.map((target) => plan.isHeldBack?.(target))).toEqual([false, false]);
    }
  });

  test('of a conversation that has just begun goes by one draw, in the plan and after it', () => {
    const draws = [0.1, 0.9];
    let share = 1;
    const { plan } = routeOf({}, {}, { shareOf: () => share, draw: () => draws.shift() ?? 0 });
    share = 0.5;
    const asked = () => plan.targets.map((target) => plan.isHeldBack?.(target));
    expect([asked(), asked()]).toEqual([
      [false, false],
      [false, false],
    ]);
  });
});

describe('a receipt', () => {
  const anyModel = fc.record({
    policy: fc.constantFrom('ordered' as const, 'weighted' as const, 'cheapest' as const, 'fastest' as const),
    affinity: fc.boolean(),
    inputs: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 3 }),
    weights: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 3, maxLength: 3 }),
  });
  const anySources = fc.record({
    draw: fc.double({ min: 0, max: 0.999, noNaN: true }),
    speeds: fc.array(fc.option(fc.integer({ min: 50, max: 5_000 })), { minLength: 3, maxLength: 3 }),
    shares: fc.array(fc.constantFrom(1, 1, 0.1, 0.5), { minLength: 3, maxLength: 3 }),
    home: fc.option(fc.nat(2)),
    text: fc.string({ maxLength: 50 }),
    isOld: fc.boolean(),
  });
  const IDS = ['a/m', 'r/m@eu-west-1', 'r/m@us-east-1'];

  test('carries all that its order rests on, in little room', () => {
    fc.assert(
      fc.property(
        anyModel,
        anySources,
        ({ policy, affinity, inputs, weights }, { draw, speeds, shares, home, text, isOld }) => {
          const isWeighted = policy === 'weighted';
          const at = (i: number) => ({ price: price(inputs[i] ?? 1), ...(isWeighted && { weight: weights[i] ?? 1 }) });
          const homeId = home === null ? undefined : IDS[home];
          const { ids, route } = routeOf(
            { policy, affinity, targets: [target('a', at(0)), target('r', at(1))] },
            { conversation: { turns: isOld ? [user(text), assistant('x'), user('y')] : [user(text)], stream: true } },
            {
              draw: () => draw,
              statisticsOf: (id) => {
                const ms = speeds[IDS.indexOf(id)] ?? null;
                return ms === null ? undefined : measured(ms);
              },
              shareOf: (id) => shares[IDS.indexOf(id)] ?? 1,
              homeOf: () =>
                homeId === undefined ? undefined : { target: homeId, cachedTokens: 100, warmUntil: NOW + 1 },
            },
          );
          const written = JSON.stringify({ targets: ids, ...(route && { route }) });
          expect(replayOrder(JSON.parse(written))).toEqual(ids);
          expect(JSON.stringify(route ?? '').length).toBeLessThan(260);
          if (policy === 'ordered' && shares.every((share) => share === 1)) expect(route).toBeUndefined();
        },
      ),
    );
  });

  test('whose facts are changed no longer tells its order: the replay would be noticed', () => {
    const { ids, route } = routeOf({ policy: 'cheapest', targets: [target('a'), target('b', { price: price(2) })] });
    if (route?.facts?.policy !== 'cheapest') throw new Error('no facts');
    expect(replayOrder({ targets: ids, route })).toEqual(['a/m', 'b/m']);
    const changed = { ...route, facts: { ...route.facts, costs: route.facts.costs.toReversed() } };
    expect(replayOrder({ targets: ids, route: changed })).toEqual(['b/m', 'a/m']);
  });
});
