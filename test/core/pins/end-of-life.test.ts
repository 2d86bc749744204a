import { describe, expect, test } from '@jest/globals';
import { lifecycleOf, standingOf, sunsetHeaders, sunsetOf } from '../../../lambdas/core/pins/end-of-life.ts';
import { CONFIG, chatAnswer, chatStream, DONE, makeStory, says } from '../story/story-fixture.ts';
import { at, DAY } from './pin-fixture.ts';

const source = 'vendor, 2026-11-23';

describe('how a version stands', () => {
  test.each([
    ['nothing is known of it', undefined, { state: 'unknown', daysLeft: null }],
    [
      'a page lists it as in use',
      { stated: 'active', notBefore: '2026-10-15', source },
      { state: 'active', daysLeft: null },
    ],
    ['an end is known, and no more', { retiresOn: '2027-09-02', source }, { state: 'unknown', daysLeft: 283 }],
    [
      'its end has been announced',
      { deprecatedOn: '2026-06-11', retiresOn: '2026-12-11', source },
      { state: 'deprecated', daysLeft: 18 },
    ],
    [
      'its end will be announced tomorrow',
      { stated: 'active', deprecatedOn: '2026-11-24', source },
      { state: 'active', daysLeft: null },
    ],
    ['it ends tomorrow', { retiresOn: '2026-11-24', source }, { state: 'unknown', daysLeft: 1 }],
    ['it ends today', { retiresOn: '2026-11-23', source }, { state: 'retired', daysLeft: 0 }],
    [
      'it ended, whatever a page once said',
      { stated: 'active', retiresOn: '2026-10-23', source },
      { state: 'retired', daysLeft: -31 },
    ],
  ] as const)('%s', (_, lifecycle, standing) => {
    expect(standingOf(lifecycle, at('2026-11-23', '00:00:00'))).toEqual(standing);
    // A day is a day, at its first and its last instant.
    expect(standingOf(lifecycle, at('2026-11-23', '23:59:59.999'))).toEqual(standing);
  });
});

describe('what its owner says of a version', () => {
  const known = { deprecatedOn: '2026-06-11', retiresOn: '2026-12-11', successor: 'm-2', source };

  test.each([
    ['nothing', undefined, known],
    [
      'that it is served for longer',
      { retires: '2027-06-30' },
      { ...known, retiresOn: '2027-06-30', source: 'configuration' },
    ],
    [
      'that it is always served',
      { retires: 'never' },
      { deprecatedOn: '2026-06-11', successor: 'm-2', source: 'configuration' },
    ],
    ['what is to replace it', { successor: 'm-3' }, { ...known, successor: 'm-3' }],
  ] as const)('%s', (_, config, expected) => {
    expect(lifecycleOf(config, known)).toEqual(expected);
  });

  test('of one that the catalogue does not know', () => {
    expect(lifecycleOf({ retires: '2027-06-30' }, undefined)).toEqual({
      retiresOn: '2027-06-30',
      source: 'configuration',
    });
    expect(lifecycleOf(undefined, undefined)).toBeUndefined();
  });
});

describe('headers near the end', () => {
  const sunset = sunsetOf({ deprecatedOn: '2026-06-11', retiresOn: '2026-12-11', source });
  const told = { deprecation: '@1781136000', sunset: 'Fri, 11 Dec 2026 00:00:00 GMT' };
  const headersAt = (nowMs: number) => sunsetHeaders(sunset === undefined ? {} : { sunset }, nowMs);

  test('begin 90 days before it, to the millisecond, and stay', () => {
    const from = at('2026-12-11', '00:00:00') - 90 * DAY;
    expect(headersAt(from - 1)).toEqual({});
    expect(headersAt(from)).toEqual(told);
    expect(headersAt(at('2027-03-01'))).toEqual(told);
  });

  test('say nothing of an announcement that nobody dates, and nothing without an end', () => {
    expect(sunsetOf({ retiresOn: '2026-12-11', source })?.headers).toEqual({ sunset: told.sunset });
    expect(sunsetOf({ deprecatedOn: '2026-06-11', source })).toBeUndefined();
    expect(sunsetOf({ notBefore: '2026-12-11', source })).toBeUndefined();
    expect(sunsetOf(undefined)).toBeUndefined();
  });

  const [first, second] = CONFIG.models['assistant']?.targets ?? [];
  const ending = {
    ...CONFIG,
    models: {
      assistant: {
        targets: [
          { ...first, lifecycle: { deprecated: '2026-06-11', retires: '2026-12-11' } } as NonNullable<typeof first>,
          second as NonNullable<typeof second>,
        ],
      },
    },
  };
  const endOf = ({ headers }: Response) => ({
    deprecation: headers.get('deprecation') ?? undefined,
    sunset: headers.get('sunset') ?? undefined,
  });

  test('stand on an answer of the version that ends, plain or streamed, on every surface, and nothing else changes', async () => {
    const plain = await makeStory({ a: [chatAnswer('hi')] }, ending);
    const before = await makeStory({ a: [chatAnswer('hi')] });
    const [reply, usual] = [await plain.ask(), await before.ask()];
    expect(endOf(reply)).toEqual(told);
    expect(endOf(usual)).toEqual({});
    expect(JSON.parse(await plain.read(reply))).toMatchObject({ model: 'assistant' });
    const names = (one: Response) =>
      [...one.headers.keys()].filter((name) => name !== 'deprecation' && name !== 'sunset');
    expect(names(reply)).toEqual(names(usual));
    expect(endOf(await plain.ask({}, { surface: 'anthropic-messages' }))).toEqual(told);

    const streamed = await makeStory({ a: [chatStream([says('hi'), ...DONE])] }, ending);
    const stream = await streamed.ask({ stream: true });
    expect(endOf(stream)).toEqual(told);
    await streamed.read(stream);
  });

  test('are not those of the fallback that answered in its place', async () => {
    const story = await makeStory({ a: [{ status: 500, body: '{}' }], b: [chatAnswer('hi')] }, ending);
    const reply = await story.ask();
    expect(reply.headers.get('x-tollgate-model')).toBe('b/m-1');
    expect(endOf(reply)).toEqual({});
  });
});
