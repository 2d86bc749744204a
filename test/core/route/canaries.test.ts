import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { catalogue } from '../../../lambdas/catalogue/catalogue.ts';
import { checkConfig } from '../../../lambdas/contract/check-config.ts';
import type { ModelConfig, ProviderConfig, TargetConfig } from '../../../lambdas/contract/config.ts';
import type { Conversation, Turn } from '../../../lambdas/core/conversation.ts';
import type { Asked } from '../../../lambdas/core/decode/decode.ts';
import { makeCanaries, type ShareByHand } from '../../../lambdas/core/route/draw-canaries.ts';
import { planRoute } from '../../../lambdas/core/route/plan.ts';
import { planWithFallbacks } from '../../../lambdas/core/route/plan-fallbacks.ts';
import { POLICIES_AT_WORK } from '../../../lambdas/core/route/policies.ts';
import { resolveGateway } from '../../../lambdas/core/route/resolve-gateway.ts';
import { NO_SOURCES, type RouteSources } from '../../../lambdas/core/route/route-sources.ts';
import type { Alias } from '../../../lambdas/core/target.ts';
import { ALL_CODECS } from '../../support/all-codecs.ts';
import { replayOrder } from '../../support/replay-order.ts';

const PROVIDERS: Record<string, ProviderConfig> = {
  a: { kind: 'openai-compatible', baseUrl: 'https://a/v1' },
  b: { kind: 'openai-compatible', baseUrl: 'https://b/v1' },
  r: { kind: 'openai-compatible', baseUrl: 'https://{region}.r/v1', regions: ['eu-west-1', 'us-east-1'] },
};
const model = (name: string, more: object = {}) => ({
  model: name,
  price: { inputPerMTok: 1, outputPerMTok: 5 },
  contextTokens: 100_000,
  ...more,
});
const target = (provider: string, more: Partial<TargetConfig> = {}): TargetConfig => ({
  provider,
  ...model('m@20251022'),
  ...more,
});
const tried = (provider: string, share: number, more: object = {}): TargetConfig =>
  target(provider, { canary: { ...model('n'), share, ...more } });

const aliasOf = (config: Partial<ModelConfig>): Alias => {
  const checked = checkConfig({ providers: PROVIDERS, models: { it: { targets: [target('a')], ...config } } });
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  const resolved = resolveGateway(checked.config, catalogue, 1);
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
  const alias = resolved.gateway.aliases.get('it');
  if (alias === undefined) throw new Error('no alias');
  return alias;
};

const user = (text: string): Turn => ({ role: 'user', parts: [{ type: 'text', text }] });
const askedOf = (alias: Alias, session: string, conversation: Partial<Conversation> = {}): Asked =>
  ({
    conversation: {
      model: 'it',
      turns: [user('hi')],
      tools: [],
      choices: 1,
      stream: false,
      streamUsage: false,
      sameDialectOnly: [],
      costBearing: [],
      ...conversation,
    },
    alias,
    caller: { team: 'search' },
    labels: { tags: {}, session },
    surface: { name: 'openai-chat' },
  }) as unknown as Asked;

interface World {
  byHand?: ShareByHand;
  sources?: Partial<RouteSources>;
  conversation?: Partial<Conversation>;
}
const planOf = (alias: Alias, session: string, { byHand = () => undefined, sources, conversation }: World = {}) => {
  const planned = planRoute(askedOf(alias, session, conversation), ALL_CODECS.dialects, new Map(), {
    ...NO_SOURCES,
    policies: POLICIES_AT_WORK,
    canaries: makeCanaries(byHand),
    ...sources,
  });
  if (!planned.ok) throw new Error(planned.refusal.message);
  const { targets, passedOver, route, canaries } = planned.plan;
  return { targets: targets.map(({ id }) => id), passedOver, canaries, ...(route && { route }) };
};
const sessions = (count: number): string[] => Array.from({ length: count }, (_, i) => `session ${i}`);
const share = (plans: { targets: string[] }[], id: string): number =>
  plans.filter(({ targets }) => targets[0] === id).length / plans.length;

describe('a canary', () => {
  const alias = aliasOf({ targets: [tried('a', 0.2), target('b')] });

  test('takes the place of its target for its share of the conversations, with the target right behind it', () => {
    const plans = sessions(2_000).map((session) => planOf(alias, session));
    expect(share(plans, 'a/n')).toBeCloseTo(0.2, 1.4);
    for (const { targets } of plans)
      expect([
        ['a/n', 'a/m@20251022', 'b/m@20251022'],
        ['a/m@20251022', 'b/m@20251022'],
      ]).toContainEqual(targets);
  });

  test('keeps a conversation, whatever it says later, and keeps it while the share grows', () => {
    for (const session of sessions(200)) {
      const first = planOf(alias, session);
      const later = planOf(alias, session, { conversation: { turns: [user('hi'), user('more')] } });
      expect(later.targets).toEqual(first.targets);
      const grown = planOf(alias, session, { byHand: () => 0.5 });
      if (first.targets[0] === 'a/n') expect(grown.targets[0]).toBe('a/n');
    }
  });

  test('says in the plan how it was drawn, for those too who were not', () => {
    const plans = sessions(50).map((session) => planOf(alias, session));
    for (const { targets, canaries } of plans) {
      expect(canaries).toEqual([{ target: 'a/n', of: 'a/m@20251022', place: expect.any(Number), share: 0.2 }]);
      expect((canaries?.[0]?.place ?? 1) < 0.2).toBe(targets[0] === 'a/n');
    }
  });

  test('is drawn by another chance than that of weights', () => {
    const weighted = aliasOf({
      policy: 'weighted',
      targets: [tried('a', 0.5), { ...target('b'), canary: { ...model('n'), share: 0.5 } }],
    });
    const plans = sessions(2_000).map((session) => planOf(weighted, session));
    for (const id of ['a/m@20251022', 'a/n', 'b/m@20251022', 'b/n']) expect(share(plans, id)).toBeCloseTo(0.25, 1.2);
    // And those of two targets are not one chance either.
    const both = plans.filter(({ targets }) => targets.includes('a/n') && targets.includes('b/n'));
    expect(both.length / plans.length).toBeCloseTo(0.25, 1.2);
  });

  test('that can’t serve the request is passed over like any target; one that alone can stands for its target', () => {
    const small = aliasOf({ targets: [tried('a', 1, { contextTokens: 10 }), target('b')] });
    const { targets, passedOver } = planOf(small, 's', { conversation: { turns: [user('hi '.repeat(100))] } });
    expect(targets).toEqual(['a/m@20251022', 'b/m@20251022']);
    expect(passedOver).toMatchObject([{ target: 'a/n', reason: expect.stringMatching(/^context/) }]);
    const large = aliasOf({
      targets: [{ ...tried('a', 1), contextTokens: 10 }, target('b')],
    });
    expect(planOf(large, 's', { conversation: { turns: [user('hi '.repeat(100))] } }).targets).toEqual([
      'a/n',
      'b/m@20251022',
    ]);
  });

  test('comes with its target where a rule names that', () => {
    const ruled = aliasOf({
      targets: [target('b'), tried('a', 1)],
      routes: [{ when: {}, targets: ['a/m@20251022'] }],
    });
    expect(planOf(ruled, 's').targets).toEqual(['a/n', 'a/m@20251022']);
  });

  test('is put in order as the target whose place it takes: by speed and cost it would never be tried', () => {
    const dear = aliasOf({
      policy: 'cheapest',
      targets: [
        target('b', { price: { inputPerMTok: 2, outputPerMTok: 9 } }),
        tried('a', 1, { price: { inputPerMTok: 50, outputPerMTok: 50 } }),
      ],
    });
    expect(planOf(dear, 's').targets).toEqual(['a/n', 'a/m@20251022', 'b/m@20251022']);
  });

  test('is the home of the conversations that it answers, as its target would be', () => {
    const homely = aliasOf({ policy: 'cheapest', targets: [target('b'), tried('a', 1)] });
    const homeOf = () => ({ target: 'a/n', cachedTokens: 1_000, warmUntil: 1 });
    const { route } = planOf(homely, 's', { sources: { homeOf } });
    expect(route?.facts).toMatchObject({ home: 1 });
  });
});

describe('of another alias', () => {
  const alias = aliasOf({ targets: [tried('a', 1, { contextTokens: 20 })] });
  const other = { ...aliasOf({ targets: [tried('b', 1)] }), name: 'other' };
  const world = (own: Alias, words: number) => {
    const planned = planWithFallbacks(
      askedOf(own, 's', { turns: [user('word '.repeat(words))] }),
      ALL_CODECS.dialects,
      new Map([['other', other]]),
      { ...NO_SOURCES, canaries: makeCanaries(() => undefined) },
    );
    if (!planned.ok) throw new Error(planned.refusal.message);
    return planned.plan;
  };

  test('is drawn by that alias, and the note names it', () => {
    const small = {
      ...alias,
      targets: alias.targets.map((one) => ({ ...one, contextTokens: 20 })),
      fallbacks: { any: ['other'] },
    };
    const plan = world(small, 100);
    expect(plan.targets.map(({ id }) => id)).toEqual(['b/n', 'b/m@20251022']);
    expect(plan.canaries).toMatchObject([{ alias: 'other', target: 'b/n' }]);
    // Of the alias that was asked for it is said why its targets can’t; a canary is in the place of one of them.
    expect(plan.passedOver.map(({ target }) => target)).toEqual(['a/m@20251022']);
  });
});

describe('what the draw goes by', () => {
  const alias = aliasOf({ targets: [tried('a', 0.5)] });
  const placeOf = (more: { labels?: object; body?: object; conversation?: Partial<Conversation> }) => {
    const { conversation, ...rest } = more;
    const asked = { ...askedOf(alias, 's', conversation), body: {}, labels: { tags: {} }, ...rest } as Asked;
    const draw = makeCanaries(() => undefined).draw(alias.targets, asked, { now: 0, shareOf: () => 1 });
    return draw.notes[0];
  };
  const EXAMPLES = [user('great film'), { role: 'assistant', parts: [] } as Turn];

  test('is how a conversation begins, and its user: examples before the question do not make all one', () => {
    const places = ['ada', 'bob', 'cleo'].map(
      (name) =>
        placeOf({ labels: { tags: {}, user: name }, conversation: { turns: [...EXAMPLES, user(`by ${name}`)] } })
          ?.place,
    );
    expect(new Set(places).size).toBe(3);
    const again = placeOf({ labels: { tags: {}, user: 'ada' }, conversation: { turns: [...EXAMPLES, user('else')] } });
    expect(again?.place).toBe(places[0]);
  });

  test('is the session alone where there is one', () => {
    const of = (name: string) =>
      placeOf({ labels: { tags: {}, session: 's-1', user: name }, conversation: { turns: [user(name)] } })?.place;
    expect(of('ada')).toBe(of('bob'));
  });

  const kept = (text: string, body: object, labels: object = {}) =>
    placeOf({ labels: { tags: {}, ...labels }, body, conversation: { hasRemoteInput: true, turns: [user(text)] } });

  test('is the conversation that the vendor keeps, where the client names it', () => {
    const places = ['one', 'two'].map((text) => kept(text, { conversation: 'conv_1' })?.place);
    expect(places[0]).toBe(places[1]);
    expect(kept('three', { conversation: { id: 'conv_1' } })?.place).toBe(places[0]);
    expect(kept('one', { conversation: 'conv_2' })?.place).not.toBe(places[0]);
  });

  test('is nothing that is known where only the answer before is named: that stays with the target', () => {
    for (const text of ['one', 'two', 'three', 'four'])
      expect(kept(text, { previous_response_id: `resp_${text}` }, { user: 'ada' })).toMatchObject({
        place: 0.999999,
        unnamed: true,
      });
    expect(kept('one', { previous_response_id: 'resp' }, { session: 's-1' })).not.toHaveProperty('unnamed');
    const all = planOf(alias, 's', { byHand: () => 1, conversation: { hasRemoteInput: false } as never });
    expect(all.targets[0]).toBe('a/n');
  });
});

describe('in several regions', () => {
  test('one on trial is tried once; one that has all takes every place, and its target comes behind', () => {
    const alias = aliasOf({ targets: [tried('r', 0.5), target('b')] });
    const [EU, US] = ['r/m@20251022@eu-west-1', 'r/m@20251022@us-east-1'];
    const session = sessions(50).find((one) => planOf(alias, one).targets.includes('r/n@eu-west-1')) ?? '';
    expect(planOf(alias, session).targets).toEqual(['r/n@eu-west-1', EU, US, 'b/m@20251022']);
    expect(planOf(alias, session, { byHand: () => 1 }).targets).toEqual([
      'r/n@eu-west-1',
      'r/n@us-east-1',
      EU,
      US,
      'b/m@20251022',
    ]);
    expect(planOf(alias, session, { byHand: () => 0 }).targets).toEqual([EU, US, 'b/m@20251022']);
  });
});

describe('a share set by hand', () => {
  const alias = aliasOf({ targets: [tried('a', 0.2), target('b')] });

  test('wins, and the plan says that it was', () => {
    const pairs: unknown[] = [];
    const { targets, canaries } = planOf(alias, 's', {
      byHand: (pair) => {
        pairs.push(pair);
        return 1;
      },
    });
    expect(targets[0]).toBe('a/n');
    expect(canaries).toMatchObject([{ share: 1, byHand: true }]);
    expect(pairs).toEqual([{ alias: 'it', target: 'a/m@20251022', canary: 'a/n' }]);
  });

  test('that nobody could read yet keeps a canary behind its target: it may have been taken back, or promoted', () => {
    for (const session of sessions(20)) {
      const { targets, canaries } = planOf(alias, session, { byHand: () => 'unread' });
      expect(targets).toEqual(['a/m@20251022', 'a/n', 'b/m@20251022']);
      expect(canaries).toMatchObject([{ unread: true }]);
    }
  });
});

test('whose circuit has just closed gets its conversations back by and by', () => {
  const sources = { shareOf: (id: string) => (id === 'a/n' ? 0.25 : 1) };
  const plans = (byHand: number) =>
    sessions(1_000).map((session) =>
      planOf(aliasOf({ targets: [tried('a', 0.4)] }), session, { sources, byHand: () => byHand }),
    );
  expect(share(plans(0.4), 'a/n')).toBeCloseTo(0.1, 1.4);
  const promoted = plans(1);
  expect(share(promoted, 'a/n')).toBeCloseTo(0.25, 1.2);
  for (const { targets } of promoted) expect(targets).toHaveLength(2);
});

test('a plan with canaries is made again from its receipt alone', () => {
  const ALIASES = (['ordered', 'weighted', 'cheapest', 'fastest'] as const).map((policy) =>
    aliasOf({
      policy,
      allowRegions: ['eu-west-1', 'us-east-1'],
      targets: [
        tried('r', 0.3, { contextTokens: 30 }),
        { provider: 'r', ...model('k', { contextTokens: 60 }), canary: { ...model('l'), share: 1 } },
        { provider: 'r', ...model('o') },
      ],
    }),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...ALIASES),
      fc.string(),
      fc.constantFrom(undefined, 'unread' as const, 0, 0.5, 1),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.constantFrom(1, 40),
      fc.array(fc.constantFrom(0.25, 1), { minLength: 10, maxLength: 10 }),
      (alias, session, byHand, draw, words, shares) => {
        const ids = alias.targets.map(({ id }) => id);
        const plan = planOf(alias, session, {
          byHand: () => byHand,
          sources: { draw: () => draw, shareOf: (id) => shares[ids.indexOf(id)] ?? 1 },
          conversation: { turns: [user('word '.repeat(words))] },
        });
        expect(new Set(plan.targets).size).toBe(plan.targets.length);
        expect(replayOrder(JSON.parse(JSON.stringify(plan)))).toEqual(plan.targets);
        // Whoever can serve the request and is no canary is always there.
        const passed = new Set(plan.passedOver.map(({ target }) => target));
        for (const one of alias.targets)
          if (one.canaryOf === undefined && !passed.has(one.id)) expect(plan.targets).toContain(one.id);
      },
    ),
    { numRuns: 500 },
  );
});
