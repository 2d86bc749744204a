/**
 * A year of the calendar: an application asks three aliases every day, three of their versions retire at their vendors, and
 * operators do what the notices say. The gateway, its store and the watcher are real; time and the vendors are not.
 */
import { describe, expect, test } from '@jest/globals';
import { openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import type { PinNotice } from '../../../lambdas/core/pins/make-pin-notice.ts';
import { watchPins } from '../../../lambdas/core/pins/watch-pins.ts';
import { checkDeployedConfig } from '../../../lib/check-deployed-config.ts';
import { makeStory } from '../story/story-fixture.ts';
import { DAY, gatewayOf, pinsOf } from './pin-fixture.ts';
import { BEGINS, configOn, DAYS, DEPLOYABLE_PROVIDERS, FIRST, type Models, vendor } from './year-fixture.ts';

interface Year {
  /** Answers that were no 200, with the day. */
  failures: string[];
  answered: number;
  /** `date notice pin days` of all that was told. */
  told: string[];
  /** Days on which answers of an alias carried `sunset`, and what it said. */
  sunsets: Record<string, { first: string; last: string; says: Set<string> }>;
  deployed: string[];
}

const live = async ({ followsNotices }: { followsNotices: boolean }): Promise<Year> => {
  const year: Year = { failures: [], answered: 0, told: [], sunsets: {}, deployed: [] };
  const story = await makeStory({}, configOn(FIRST, BEGINS));
  const { clock } = story;
  const { pins } = openEmbeddedStores({ file: ':memory:', clock, random: systemRandom });
  const today = () => new Date(clock.now()).toISOString().slice(0, 10);
  story.ports.upstream = vendor(() => clock.now());

  const models = { ...FIRST };
  /** What operators do of a morning: the notice that names a replacement becomes a line of the configuration, a week later. */
  const todo: { due: number; from: string; to: string }[] = [];
  const hear = ({ detail }: PinNotice): void => {
    year.told.push(`${today()} ${detail.notice} ${detail.pin} ${detail.days_left}`);
    const { replacement, pin } = detail;
    if (followsNotices && detail.threshold_days === 30 && replacement !== null)
      todo.push({ due: clock.now() + 7 * DAY, from: pin.replace('a/', ''), to: replacement.model });
  };
  for (let day = 0; day < DAYS; day++) {
    const config = configOn(models, today());
    await watchPins(pinsOf(config, clock.now()), { pins, clock, log: story.log, tell: async (notice) => hear(notice) });
    for (const { due, from, to } of todo)
      if (due <= clock.now())
        for (const alias of ['chat', 'classify', 'draft'] as const)
          if (models[alias] === from) {
            models[alias] = to;
            year.deployed.push(`${today()} ${alias} ${to}`);
            checkDeployedConfig({ ...configOn(models, today()), providers: DEPLOYABLE_PROVIDERS }, clock.now());
          }
    // A deployment a day takes the calendar along.
    story.ports.gateway = gatewayOf(configOn(models, today()));
    for (const alias of ['chat', 'classify', 'draft']) {
      const reply = await story.ask({ model: alias });
      if (reply.status === 200) year.answered += 1;
      else year.failures.push(`${today()} ${alias} ${reply.status}`);
      const says = reply.headers.get('sunset');
      if (says !== null) {
        year.sunsets[`${alias} ${models[alias as keyof Models]}`] ??= {
          first: today(),
          last: today(),
          says: new Set(),
        };
        const seen = year.sunsets[`${alias} ${models[alias as keyof Models]}`];
        seen?.says.add(says);
        if (seen) seen.last = today();
      }
      await story.read(reply);
    }
    await clock.advance(DAY);
  }
  return year;
};

describe('a year in which three versions retire', () => {
  test('is one in which the application sees no failure, where operators do what the notices say', async () => {
    const year = await live({ followsNotices: true });
    expect(year.failures).toEqual([]);
    expect(year.answered).toBe(DAYS * 3);
    expect(year.told).toEqual([
      '2026-11-22 ends a/large-1 80',
      '2027-01-11 ends a/large-1 30',
      '2027-01-20 calendar-changed a/small-1 193',
      '2027-03-05 calendar-changed a/small-1 102',
      '2027-03-17 ends a/small-1 90',
      '2027-05-01 calendar-changed a/large-2 172',
      '2027-05-16 ends a/small-1 30',
      '2027-07-22 ends a/large-2 90',
      '2027-09-20 ends a/large-2 30',
    ]);
    expect(year.deployed).toEqual([
      '2027-01-18 chat large-2',
      '2027-05-23 classify small-2',
      '2027-09-27 chat large-3',
    ]);
    // Applications are told as well, of each version in the months before it is replaced.
    expect(year.sunsets).toEqual({
      'chat large-1': { first: '2026-11-22', last: '2027-01-17', says: new Set(['Wed, 10 Feb 2027 00:00:00 GMT']) },
      'classify small-1': { first: '2027-03-17', last: '2027-05-22', says: new Set(['Tue, 15 Jun 2027 00:00:00 GMT']) },
      'chat large-2': { first: '2027-07-22', last: '2027-09-26', says: new Set(['Wed, 20 Oct 2027 00:00:00 GMT']) },
    });
  }, 120_000);

  test('is one of failures from the first retirement on, where nobody listens', async () => {
    const year = await live({ followsNotices: false });
    expect(year.failures[0]).toBe('2027-02-10 chat 404');
    expect(year.failures.find((failure) => failure.includes('classify'))).toBe('2027-06-15 classify 404');
    expect(year.told.filter((line) => line.includes(' ended '))).toEqual([
      '2027-02-10 ended a/large-1 0',
      '2027-06-15 ended a/small-1 0',
    ]);
  }, 120_000);
});
