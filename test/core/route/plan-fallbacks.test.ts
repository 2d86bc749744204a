import { expect, test } from '@jest/globals';
import type { Asked } from '../../../lambdas/core/decode/decode.ts';
import { planWithFallbacks } from '../../../lambdas/core/route/plan-fallbacks.ts';
import type { Alias, Target } from '../../../lambdas/core/target.ts';
import { ALL_CODECS } from '../../support/all-codecs.ts';
import { makeScene, makeTarget } from '../call/call-fixture.ts';

const scene = makeScene({ any: [] });
const { surface, conversation, body, alias: template } = scene.request();

const aliasOf = (name: string, targets: Target[], more: Partial<Alias> = {}): Alias => ({
  ...template,
  name,
  targets,
  ...more,
});
const plan = (alias: Alias, ...others: Alias[]) => {
  const asked = { surface, conversation, body, alias, caller: {}, labels: {} } as unknown as Asked;
  const aliases = new Map([alias, ...others].map((one) => [one.name, one]));
  return planWithFallbacks(asked, ALL_CODECS.dialects, aliases);
};
const here = makeTarget('here', { region: 'eu-west-1' });
const there = makeTarget('there', { region: 'us-east-1' });
const near = makeTarget('near', { region: 'eu-central-1' });

test('a fallback never takes a request out of the regions that its own alias allows', () => {
  const asked = aliasOf('asked', [here], { allowRegions: ['eu'], fallbacks: { any: ['other', 'away'] } });
  const planned = plan(asked, aliasOf('other', [there, near]), aliasOf('away', [there]));
  if (!planned.ok) throw new Error(planned.refusal.message);
  const found = planned.plan.fallbacks?.('any') ?? [];
  expect(found.map(({ alias, targets }) => [alias, targets.map(({ id }) => id)])).toEqual([['other', ['near']]]);
});

test('nor out of those of the fallback', () => {
  const asked = aliasOf('asked', [here], { fallbacks: { any: ['other'] } });
  const planned = plan(asked, aliasOf('other', [there, near], { allowRegions: ['us'] }));
  if (!planned.ok) throw new Error(planned.refusal.message);
  expect(planned.plan.fallbacks?.('any').flatMap(({ targets }) => targets.map(({ id }) => id))).toEqual(['there']);
});

test('a chain is what its own alias lists: the fallback’s own fallbacks are not followed', () => {
  const asked = aliasOf('asked', [here], { fallbacks: { any: ['other'] } });
  const other = aliasOf('other', [near], { fallbacks: { any: ['third', 'asked'] } });
  const planned = plan(asked, other, aliasOf('third', [there]));
  if (!planned.ok) throw new Error(planned.refusal.message);
  expect(planned.plan.fallbacks?.('any').map(({ alias }) => alias)).toEqual(['other']);
});

test('an alias that is not set up here is left out', () => {
  const planned = plan(aliasOf('asked', [here], { fallbacks: { any: ['gone'] } }));
  if (!planned.ok) throw new Error(planned.refusal.message);
  expect(planned.plan.fallbacks?.('any')).toEqual([]);
});

test('an alias without fallbacks is planned as ever', () => {
  const planned = plan(aliasOf('asked', [here]));
  expect(planned.ok && planned.plan.fallbacks).toBeUndefined();
});

test('where no target can serve the request, the refusal is the alias’s own if the fallbacks can’t either', () => {
  const small = makeTarget('small', { contextTokens: -1 });
  const asked = aliasOf('asked', [small], { fallbacks: { contextLength: ['other'] } });
  const planned = plan(asked, aliasOf('other', [makeTarget('smaller', { contextTokens: -1 })]));
  expect(planned).toMatchObject({ ok: false, refusal: { message: expect.stringContaining('"asked"') } });
});
