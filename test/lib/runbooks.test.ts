import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { METRIC_UNITS } from '../../lambdas/contract/metrics.ts';
import { GRANTED_COMMANDS } from '../../lib/cli-rights.ts';
import { runbookOf } from '../../lib/runbook.ts';
import { cachedDeployable } from '../support/cached-deployable.ts';
import { ofType, synthGateway } from '../support/synth-gateway.ts';

/** With every alarm there can be. */
const gateway = synthGateway({ config: { ...cachedDeployable(), budgets: { org: { monthly: '$7300' } } } });
const alarms = ofType(gateway, 'AWS::CloudWatch::Alarm').map(([id, { Properties }]) => ({
  // `GatewayCostAlarmsBurnRate…` → `BurnRate`
  id: id.slice(0, -8).replace(/^Gateway.*?Alarms/, ''),
  description: String(Properties['AlarmDescription']),
}));
const pages = globSync('docs/runbooks/*.md').filter((file) => basename(file) !== 'README.md');
const textOf = (file: string): string => readFileSync(file, 'utf8');

test('every alarm has a runbook, and says where; every runbook is of an alarm', () => {
  expect(alarms.length).toBeGreaterThan(10);
  for (const { id, description } of alarms) expect(description).toMatch(new RegExp(`\\. Runbook: ${runbookOf(id)}$`));
  expect(pages.toSorted()).toEqual(alarms.map(({ id }) => runbookOf(id)).toSorted());
});

test('a name of several words is a file of several words', () => {
  expect(runbookOf('AllCircuitsOpen')).toBe('docs/runbooks/all-circuits-open.md');
});

describe.each(pages)('%s', (page) => {
  const text = textOf(page);

  test("bears the alarm's name, and says what it means, what to look at, what to do and when it ends", () => {
    const alarm = alarms.find(({ id }) => runbookOf(id) === page);
    expect(text.split('\n')[0]).toBe(`# ${alarm?.id}`);
    const parts = ['**Means.**', '**Look at**', '**Do**', '**Ends**'].map((part) => text.indexOf(part));
    expect(parts).toEqual(parts.toSorted((a, b) => a - b));
    expect(parts[0]).toBeGreaterThan(0);
  });

  test('has something to run', () => {
    expect(text).toMatch(/```sh\n/);
  });
});

describe('what the runbooks name is there', () => {
  const all = [...pages, 'docs/runbooks/README.md'].map(textOf).join('\n');
  const named = (pattern: RegExp): string[] => [...new Set([...all.matchAll(pattern)].map(([, name = '']) => name))];
  const idsOf = (type: string): string[] => ofType(gateway, type).map(([id]) => id.slice(0, -8));

  test('logs', () => {
    const logs = named(/^ *logs (\w+) \d+ '/gm);
    expect(logs.length).toBeGreaterThan(4);
    for (const log of logs) expect(idsOf('AWS::Logs::LogGroup')).toContain(log);
  });

  test('queues: each one that an alarm looks at, and no other', () => {
    expect(named(/^ *queue (\w+)/gm).toSorted()).toEqual(idsOf('AWS::SQS::Queue').toSorted());
  });

  test('functions and rules, each by a name that no other begins with', () => {
    for (const [, name = '', type = ''] of all.matchAll(/named (Gateway\w+) (AWS::[\w:]+)/g))
      expect(idsOf(type).filter((id) => id.startsWith(name))).toEqual([name]);
  });

  test('commands of the command line', () => {
    const commands = new Set<string>([
      ...Object.values(GRANTED_COMMANDS).flat(),
      'prices ALIAS',
      'pins check',
      'pins list',
      'cache calibrate',
    ]);
    const used = named(/npx tollgate (\w+ \w+)/g);
    expect(used.length).toBeGreaterThan(8);
    for (const command of used) expect(commands).toContain(command);
  });

  test('metrics', () => {
    for (const name of named(/the metric `(\w+)`/gi)) expect(METRIC_UNITS).toHaveProperty(name);
  });

  test('messages of the log that a query looks for are written somewhere', () => {
    const code = globSync('lambdas/**/*.ts').map(textOf).join('\n');
    const messages = named(/message = "([^"]+)"/g);
    expect(messages.length).toBeGreaterThan(4);
    for (const message of messages) expect(code).toContain(`'${message}'`);
  });
});
