/**
 * The year of `simulated-year.test.ts` where operators try what a notice names before they rely on it: as a canary, compared
 * after some days, promoted or taken back by hand, and written into the configuration once it has proved itself. One of the
 * successors is bad.
 */
import { expect, test } from '@jest/globals';
import { openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import { comparePins } from '../../../lambdas/cli/compare-pins.ts';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import { makeLiveCanaries } from '../../../lambdas/core/pins/live-canaries.ts';
import type { PinNotice } from '../../../lambdas/core/pins/make-pin-notice.ts';
import { overridePin } from '../../../lambdas/core/pins/override-pins.ts';
import { watchPins } from '../../../lambdas/core/pins/watch-pins.ts';
import { chatBody, makeStory } from '../story/story-fixture.ts';
import { DAY, gatewayOf, pinsOf, target } from './pin-fixture.ts';
import { BEGINS, configOn, DAYS, FIRST, type Models, vendor } from './year-fixture.ts';

type AliasName = keyof Models;
const ALIASES: AliasName[] = ['chat', 'classify', 'draft'];

/** What operators take where the first choice was bad. */
const SECOND_CHOICE: Record<string, string> = { 'small-2': 'small-3' };
const TRIAL_DAYS = 5;
const SHARE = 0.3;
/** Conversations a day of an alias under trial, so that there is something to compare. */
const BUSY = 40;

/** Of five requests it fails one and refuses two. */
const badSuccessor = (nth: number) => {
  if (nth % 5 === 1) return { status: 500, body: { error: { message: 'oops', type: 'server_error' } } };
  if (nth % 5 > 2) return undefined;
  const answer = chatBody('', { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 });
  const choices = [
    { index: 0, message: { role: 'assistant', content: null, refusal: 'I would rather not.' }, finish_reason: 'stop' },
  ];
  return { status: 200, body: { ...answer, choices } };
};

interface Trial {
  alias: AliasName;
  canary: string;
  since: number;
  state: 'tried' | 'taken back' | 'promoted';
}

const withCanary = (config: GatewayConfig, trial: Trial | undefined): GatewayConfig => {
  const [first] = trial === undefined ? [] : (config.models[trial.alias]?.targets ?? []);
  if (trial === undefined || first === undefined) return config;
  const { provider: _, ...model } = target('a', trial.canary);
  const targets = [{ ...first, canary: { ...model, share: SHARE } }];
  return { ...config, models: { ...config.models, [trial.alias]: { targets } } };
};

test('three versions retire in a year, one successor is bad, and the application sees no failure', async () => {
  const story = await makeStory({}, configOn(FIRST, BEGINS));
  const { clock } = story;
  const { pins } = openEmbeddedStores({ file: ':memory:', clock, random: systemRandom });
  const live = makeLiveCanaries({ pins, clock, log: story.log });
  story.ports.canaries = live.canaries;
  story.ports.upstream = vendor(() => clock.now(), { 'small-2': badSuccessor });
  const today = () => new Date(clock.now()).toISOString().slice(0, 10);
  const models = { ...FIRST };
  const did: string[] = [];
  const failures: string[] = [];
  let answered = 0;
  let trial: Trial | undefined;

  const begin = (alias: AliasName, canary: string): void => {
    trial = { alias, canary, since: clock.now(), state: 'tried' };
    did.push(`${today()} ${alias} tries ${canary}`);
  };
  const hear = ({ detail }: PinNotice): void => {
    const alias = ALIASES.find((name) => `a/${models[name]}` === detail.pin);
    if (alias !== undefined && detail.threshold_days === 30 && detail.replacement !== null)
      begin(alias, detail.replacement.model);
  };
  const setShare = async ({ alias, canary }: Trial, share: number): Promise<void> => {
    await overridePin(
      { alias, target: `a/${models[alias]}`, canary: `a/${canary}`, share, by: 'ada', until: null },
      { pins, clock },
    );
  };
  /** Of a morning. */
  const decide = async (): Promise<void> => {
    if (trial === undefined) return;
    const days = Math.round((clock.now() - trial.since) / DAY);
    if (trial.state === 'tried' && days >= TRIAL_DAYS) {
      const { data } = await comparePins({ alias: trial.alias, since: trial.since, most: 10_000 }, story.ports);
      const [{ verdict, verdict_text: text }] = (data as { comparisons: [{ verdict: string; verdict_text: string }] })
        .comparisons;
      trial.state = verdict === 'worse' ? 'taken back' : 'promoted';
      await setShare(trial, trial.state === 'promoted' ? 1 : 0);
      did.push(`${today()} ${trial.alias} ${trial.state} ${trial.canary}: ${text}`);
    } else if (trial.state === 'taken back') {
      begin(trial.alias, SECOND_CHOICE[trial.canary] ?? '');
    } else if (trial.state === 'promoted' && days >= 2 * TRIAL_DAYS) {
      models[trial.alias] = trial.canary;
      did.push(`${today()} ${trial.alias} is ${trial.canary}`);
      trial = undefined;
    }
  };
  const ask = async (alias: AliasName, nth: number): Promise<void> => {
    const reply = await story.ask({ model: alias, messages: [{ role: 'user', content: `${today()} ${nth}` }] });
    if (reply.status === 200) answered += 1;
    else failures.push(`${today()} ${alias} ${reply.status}`);
    await story.read(reply);
  };

  let asked = 0;
  for (let day = 0; day < DAYS; day++) {
    await decide();
    const config = withCanary(configOn(models, today()), trial);
    story.ports.gateway = gatewayOf(config);
    await watchPins(pinsOf(config, clock.now()), { pins, clock, log: story.log, tell: async (notice) => hear(notice) });
    await live.refresh();
    for (const alias of ALIASES) {
      const times = trial?.alias === alias && trial.state === 'tried' ? BUSY : 1;
      for (let i = 0; i < times; i++) await ask(alias, i);
      asked += times;
    }
    await clock.advance(DAY);
  }

  expect(failures).toEqual([]);
  expect(answered).toBe(asked);
  expect(
    did.map((line) =>
      line
        .replace(/: worse: (\w+) .*; (\w+) .*/, ': worse in $1 and $2')
        .replace(/: no difference.*/, ': no difference'),
    ),
  ).toEqual([
    '2027-01-11 chat tries large-2',
    '2027-01-16 chat promoted large-2: no difference',
    '2027-01-21 chat is large-2',
    '2027-05-16 classify tries small-2',
    '2027-05-21 classify taken back small-2: worse in errors and refusals',
    '2027-05-22 classify tries small-3',
    '2027-05-27 classify promoted small-3: no difference',
    '2027-06-01 classify is small-3',
    '2027-09-20 chat tries large-3',
    '2027-09-25 chat promoted large-3: no difference',
    '2027-09-30 chat is large-3',
  ]);
  // Who did what, and when, is kept.
  const { history } = await pins.readOverrides();
  expect(history.map(({ canary, share, by }) => [canary, share, by])).toEqual([
    ['a/large-3', 1, 'ada'],
    ['a/small-3', 1, 'ada'],
    ['a/small-2', 0, 'ada'],
    ['a/large-2', 1, 'ada'],
  ]);
}, 120_000);
