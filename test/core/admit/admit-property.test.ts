import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import { epochOf } from '../../../lambdas/contract/timing.ts';
import { endQuotas } from '../../../lambdas/core/admit/admit-attempt.ts';
import { ceilingAt } from '../../../lambdas/core/admit/at-target.ts';
import { authenticate } from '../../../lambdas/core/authenticate/authenticate.ts';
import { type Asked, decode } from '../../../lambdas/core/decode/decode.ts';
import { type AdmittedOnce, admitOnce } from '../../../lambdas/core/idempotency/claim-answer.ts';
import { present } from '../../../lambdas/core/read-json.ts';
import { planRoute } from '../../../lambdas/core/route/plan.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';
import { CONFIG, makeStory, type Story } from '../story/story-fixture.ts';
import { type MoodyStore, makeMoodyStore, type What } from './moody-store.ts';

const [A, B] = CONFIG.models['assistant']?.targets ?? [];
if (A === undefined || B === undefined) throw new Error('the fixture has two targets');
const quota = { requestsPerMinute: 100, tokensPerMinute: 100_000 };

/** Everything that can say no: budgets that clamp and downgrade, runs, limits that clamp, targets with quotas. */
const EVERYTHING: GatewayConfig = {
  ...CONFIG,
  models: {
    assistant: {
      targets: [
        { ...A, limits: quota },
        { ...B, limits: quota },
      ],
      downgradeTo: 'cheap',
      output: { default: 2_000, floor: 10 },
    },
    cheap: {
      targets: [
        { ...A, model: 'm-2', price: { inputPerMTok: '1', outputPerMTok: '10' }, limits: quota },
        { ...B, model: 'm-2', price: { inputPerMTok: '2', outputPerMTok: '20' } },
      ],
    },
    /** Has no stand-in. */
    alone: { targets: [{ ...B, model: 'm-3' }] },
  },
  budgets: {
    org: { monthly: '$10', downgradeAt: 0.9 },
    perTeam: { daily: '$5', downgradeAt: 0.9, withoutStandIn: 'reject' },
    perUser: { daily: '$1', backPressure: 'clamp' },
    perKey: { backPressure: 'clamp', tokensPerMinute: 20_000 },
    perRun: { lifetime: '$3', calls: 9, minutes: 10 },
  },
  limits: {
    org: { requestsPerMinute: 1_000 },
    perKey: { requestsPerMinute: 600, concurrent: 8 },
  },
};

interface Wish {
  model: 'assistant' | 'alone';
  run: string | undefined;
  parent?: string;
  isKeyed: boolean;
  /** The vector of its question. */
  besides?: bigint | undefined;
}

let story: Story;
beforeAll(async () => {
  story = await makeStory({}, EVERYTHING);
});

const askedOf = async ({ model, run, parent, isKeyed, besides }: Wish): Promise<Asked> => {
  const headers = new Headers({
    authorization: `Bearer ${story.key}`,
    ...(run !== undefined && { 'x-tollgate-run': run }),
    ...(parent !== undefined && { 'x-tollgate-parent-run': parent }),
    ...(isKeyed && { 'idempotency-key': 'again' }),
  });
  const body = JSON.stringify({ model, max_tokens: 1_000, messages: [{ role: 'user', content: 'hello' }] });
  const { ports } = story;
  const known = await authenticate(headers, ports);
  if (!known.ok) throw new Error(known.refusal.message);
  const request = new Request('http://gateway/', { method: 'POST', headers, body });
  const decoded = await decode(request, openaiChat, known.caller, ports.gateway);
  if (!decoded.ok) throw new Error(decoded.refusal.message);
  return { ...decoded.asked, ...present('besides', besides) };
};

const needsOf = ({ run, isKeyed }: Wish): What[] => [
  'limits',
  'hold',
  ...(run === undefined ? [] : (['run'] as const)),
  ...(isKeyed ? (['claim'] as const) : []),
];

interface Ended {
  store: MoodyStore;
  outcome: AdmittedOnce | { ok: false; thrown: unknown };
  trips: number;
}

const admitIn = async (wish: Wish, choices: readonly number[], isHasty = false): Promise<Ended> => {
  const asked = await askedOf(wish);
  const { dialects, gateway, random, clock } = story.ports;
  const planned = planRoute(asked, dialects, gateway.aliases);
  if (!planned.ok) throw new Error(planned.refusal.message);
  const store = makeMoodyStore(choices, { needs: needsOf(wish), startMs: clock.now(), isHasty });
  let outcome: Ended['outcome'] | undefined;
  const work = admitOnce(asked, planned.plan, { ...store.ports, gateway, random }).then(
    (value) => {
      outcome = value;
    },
    (thrown: unknown) => {
      outcome = { ok: false, thrown };
    },
  );
  const trips = await store.run(work);
  if (outcome === undefined) throw new Error('it has not ended');
  return { store, outcome, trips };
};

const ALL: readonly What[] = ['limits', 'quota', 'hold', 'run', 'claim'];
const left = ({ standing }: MoodyStore) => Object.fromEntries(ALL.map((what) => [what, standing(what).length]));
const NOTHING = { limits: 0, quota: 0, hold: 0, run: 0, claim: 0 };

const SILENCES = ['take limits', 'hold', 'enter', 'open', 'refuse'].map((what) => `${what}: no answer`);

/** What came of it, in a word. */
const endingOf = ({ outcome, store }: Ended): string => {
  if ('thrown' in outcome) return outcome.thrown instanceof Error ? outcome.thrown.message : 'thrown';
  if ('replay' in outcome) return 'replay';
  if (!outcome.ok) return outcome.refusal.code;
  const { receipt, outputLimit } = outcome.admission;
  const how = [receipt.downgrade && 'stand-in', outputLimit.setBy === 'clamp' && 'lowered'].filter(Boolean);
  if (store.told.filter((what) => what === 'hold').length > 1) how.push('again');
  return ['admitted', ...how].join(' ');
};

describe('whatever the store says, and where it says nothing', () => {
  test('what was surely taken is given back once or is the admission’s, and what is not sure is left', async () => {
    const endings = new Map<string, number>();
    const heard = new Set<string>();
    /** How those were admitted that had no room for what they cost beside their calls. */
    const withouts = new Set<string>();
    const wishes = fc.record<Wish>({
      model: fc.constantFrom('assistant', 'alone'),
      run: fc.constantFrom(undefined, 'job'),
      isKeyed: fc.boolean(),
      besides: fc.constantFrom(undefined, 0n, 50_000_000n),
    });
    await fc.assert(
      fc.asyncProperty(wishes, fc.array(fc.nat(999), { maxLength: 80, size: 'max' }), async (wish, choices) => {
        const ended = await admitIn(wish, choices);
        const { store, outcome } = ended;
        const ending = endingOf(ended);
        endings.set(ending, (endings.get(ending) ?? 0) + 1);
        for (const what of store.told) heard.add(what);

        expect(store.wrongs).toEqual([]);
        expect(store.opened).toEqual(outcome.ok ? [outcome.admission.requestId] : []);
        // Who gets no answer asks no second time: perhaps it was taken.
        if (!wish.isKeyed)
          expect(store.told.filter((what) => SILENCES.includes(what)).length > 0 && outcome.ok).toBe(false);
        // An entry that may live keeps its hold until its epoch closes.
        const mayLive =
          !outcome.ok && store.told.some((what) => what === 'refuse: settled' || what === 'refuse: no answer');
        if (!outcome.ok) {
          expect(left(store)).toEqual({ ...NOTHING, hold: mayLive ? 1 : 0 });
          return;
        }
        const { admission } = outcome;
        const needs = needsOf(wish);
        const quotas = admission.quotas.filter(({ kind }) => kind === 'taken').length;
        const kept = Object.fromEntries(ALL.map((what) => [what, needs.includes(what) ? 1 : 0]));
        expect(left(store)).toEqual({ ...kept, quota: quotas });
        expect(admission.claim !== undefined).toBe(wish.isKeyed);
        // All of it is held, or it is known that none is.
        const { asked, firstTarget, outputLimit, receipt } = admission;
        const held = asked.besides ?? 0n;
        expect([0n, wish.besides ?? 0n]).toContain(held);
        if (receipt.downgrade === undefined)
          expect(admission.hold).toBe(
            ceilingAt(firstTarget, { asked: { ...asked, besides: 0n }, plan: admission.plan }, outputLimit.tokens) +
              held,
          );
        if (held < (wish.besides ?? 0n)) withouts.add(endingOf(ended));
        for (const { target } of admission.quotas) expect(admission.plan.targets).toContain(target);
        await store.run(endQuotas(admission, store.ports));
        expect(left(store)).toEqual(kept);
        expect(store.wrongs).toEqual([]);
      }),
      { numRuns: 2_000, seed: 20_261_122 },
    );
    // It has been everywhere.
    expect([...endings.keys()].toSorted()).toEqual(
      expect.arrayContaining([
        'admitted',
        'admitted again',
        'admitted lowered again',
        'admitted stand-in',
        'admitted stand-in again',
        'admitted stand-in lowered again',
        'budget_exceeded',
        'idempotency_in_progress',
        'idempotency_mismatch',
        'idempotency_too_large',
        'invalid_request',
        'no answer',
        'rate_limit_exceeded',
        'replay',
        'store_unavailable',
        'the entry has been settled',
      ]),
    );
    expect([...withouts]).toEqual(expect.arrayContaining(['admitted again', 'admitted lowered again']));
    for (const what of ['limits', 'quota', 'hold', 'run', 'claim']) {
      expect([...heard]).toContain(`give back ${what}`);
      expect([...heard]).toContain(`give back ${what}: no answer`);
    }
    for (const what of ['take limits', 'take quota', 'hold', 'enter', 'claim', 'open', 'refuse', 'read runs'])
      expect([...heard]).toContain(`${what}: no answer`);
  }, 60_000);

  test('two trips admit, with everything that there is to ask: all scopes at once, then the entry', async () => {
    const { store, outcome, trips } = await admitIn({ model: 'assistant', run: 'job', isKeyed: true }, [], true);
    expect(outcome.ok).toBe(true);
    expect(trips).toBe(2);
    const asked = store.told.filter((what) => !what.includes(':'));
    expect(asked.slice(0, -1).toSorted()).toEqual(['claim', 'enter', 'hold', 'take limits', 'take quota']);
    expect(asked.at(-1)).toBe('open');
  });

  test('a wrong epoch: what was taken goes back, and the next round is in the store’s own', async () => {
    // The target's circuit, the limits, then the hold: the store is 400 s ahead.
    const { store, outcome } = await admitIn({ model: 'alone', run: undefined, isKeyed: false }, [0, 0, 17, 2], true);
    expect(store.told).toContain('hold: wrong-epoch');
    expect(store.told.filter((what) => what === 'give back limits')).toHaveLength(1);
    expect(outcome).toMatchObject({ ok: true, admission: { epoch: epochOf(story.clock.now() + 400_000) } });
  });

  test('a request that can’t be is refused unasked, and a claim that got no answer is heard all the same', async () => {
    // A rejection that nobody hears would fail this test, and end a process.
    const ended = await admitIn({ model: 'alone', run: 'job', parent: 'job', isKeyed: true }, [23], true);
    expect(endingOf(ended)).toBe('no answer');
    expect(ended.store.told).toEqual(['claim', 'claim: no answer']);
  });

  test('a refusal takes two: what was asked, and giving it back', async () => {
    // The target's circuit, then the limits: they say no.
    const { store, outcome, trips } = await admitIn({ model: 'alone', run: undefined, isKeyed: false }, [0, 6], true);
    expect(endingOf({ store, outcome, trips })).toBe('rate_limit_exceeded');
    expect(trips).toBe(2);
  });
});
