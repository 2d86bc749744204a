import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { makeCli } from '../../lambdas/cli/cli.ts';
import { registerPinCommands } from '../../lambdas/cli/commands/pins.ts';
import { runProgram } from '../../lambdas/cli/run-program.ts';
import { makeLocalStores } from '../../lambdas/wiring/open-local-stores.ts';

const CONFIG = {
  providers: { openai: { kind: 'openai', apiKey: 'env:O' }, anthropic: { kind: 'anthropic', apiKey: 'env:A' } },
  models: {
    assistant: {
      targets: [
        { provider: 'anthropic', model: 'claude-sonnet-4-5-20250929' },
        { provider: 'openai', model: 'gpt-5.4-2026-03-05' },
      ],
    },
    small: { targets: [{ provider: 'openai', model: 'gpt-4o-mini-2024-07-18' }] },
  },
};

let folder: string;
let config: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-pins-'));
  config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify(CONFIG));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The command line on a day. */
const tollgate = async (today: string, ...words: string[]) => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end();
  const io = { stdin, stdout, stderr, env: {} };
  const program = new Command('tollgate');
  const status = await runProgram(program, ['pins', ...words], io, () =>
    registerPinCommands(makeCli(program, Date.parse(today), io)),
  );
  return { status, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
};

describe('pins list', () => {
  test('shows every pinned version, the next to end first', async () => {
    const { status, stdout } = await tollgate('2026-11-23', 'list', '--config', config);
    expect(status).toBe(0);
    expect(stdout.split('\n').slice(0, 4)).toEqual([
      expect.stringMatching(/^PIN +ALIASES +STATE +RETIRES +DAYS +REPLACED BY$/),
      expect.stringMatching(
        /^anthropic\/claude-sonnet-4-5-20250929 +assistant +deprecated +2026-11-30 +7 +claude-sonnet-5-5$/,
      ),
      expect.stringMatching(/^openai\/gpt-4o-mini-2024-07-18 +small +deprecated +2027-01-14 +52 +gpt-6-luna$/),
      expect.stringMatching(/^openai\/gpt-5\.4-2026-03-05 +assistant +unknown +unknown$/),
    ]);
  });

  test('of an alias, as JSON; of one that there is not, with what was meant', async () => {
    const { stdout } = await tollgate('2026-11-23', 'list', 'small', '--config', config, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      pins: [{ pin: 'openai/gpt-4o-mini-2024-07-18', retires_on: '2027-01-14', days_left: 52 }],
      config,
      catalogue_as_of: '2026-11-23',
    });
    expect(await tollgate('2026-11-23', 'list', 'smal', '--config', config)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/no alias "smal" in .*config\.json\. Did you mean "small"\?/),
    });
  });
});

describe('pins check', () => {
  test('names the configuration that it has read: another may be deployed', async () => {
    const { stdout } = await tollgate('2026-11-23', 'check', '--config', config, '--within', '6d');
    expect(stdout).toBe(
      `Nothing in ${config} has retired, or will within 6 days as far as is known.\n1 of 3 pins of ${config} have no known end.\n`,
    );
    const json = await tollgate('2026-11-23', 'check', '--config', config, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ config });
  });

  test.each([
    ['90d', ['claude-sonnet-4-5-20250929', 'gpt-4o-mini-2024-07-18']],
    ['30d', ['claude-sonnet-4-5-20250929']],
    ['6d', []],
  ])('within %s tells of %j', async (within, models) => {
    const { status, stdout } = await tollgate('2026-11-23', 'check', '--config', config, '--within', within, '--json');
    expect(status).toBe(0);
    const { ending, retired } = JSON.parse(stdout);
    expect(ending.map(({ pin }: { pin: string }) => pin.split('/')[1])).toEqual(models);
    expect(retired).toEqual([]);
  });

  test('says what it would cost, and fails once something has retired, saying the rest too', async () => {
    const before = await tollgate('2026-11-29', 'check', '--config', config);
    expect(before).toMatchObject({ status: 0, stderr: '' });
    expect(before.stdout).toContain(
      'ENDS     anthropic/claude-sonnet-4-5-20250929 (assistant) retires 2026-11-30, in 1 day; replaced by claude-sonnet-5-5: $3 → $2 in, $15 → $10 out',
    );
    const after = await tollgate('2026-11-30', 'check', '--config', config);
    expect(after.status).toBe(1);
    expect(after.stderr).toMatch(/One pin has retired\. .*lifecycle: \{ retires/);
    expect(after.stdout).toMatch(/^RETIRED {2}anthropic\/claude-sonnet-4-5-20250929 .*retired 2026-11-30/);
    expect(after.stdout).toContain('ENDS     openai/gpt-4o-mini-2024-07-18');
    const json = await tollgate('2026-11-30', 'check', '--config', config, '--json');
    expect(json.status).toBe(1);
    expect(JSON.parse(json.stdout).retired).toHaveLength(1);
  });

  test('takes whole days, and a configuration that is one', async () => {
    expect(await tollgate('2026-11-23', 'check', '--within', '36h')).toMatchObject({ status: 2 });
    const absent = await tollgate('2026-11-23', 'check', '--config', join(folder, 'none.json'));
    expect(absent).toMatchObject({ status: 1, stderr: expect.stringMatching(/There are no pins with/) });
  });
});

test('pins history shows what the calendar said before, and what people were told', async () => {
  const data = join(folder, 'data');
  const stores = makeLocalStores(data);
  const from = { deprecatedOn: null, retiresOn: null, successor: null };
  const to = { deprecatedOn: '2026-06-11', retiresOn: '2026-12-11', successor: 'm-2' };
  await stores.pins.write({
    pin: 'a/m-1',
    version: 1,
    calendar: to,
    changes: [{ at: Date.parse('2026-06-12T06:17:00Z'), from, to }],
    notices: [
      { key: '90 2026-12-11', leaseUntil: 0, toldAt: Date.parse('2026-09-12T06:17:00Z') },
      { key: '30 2026-12-11', leaseUntil: 0, toldAt: null },
    ],
  });
  stores.close();
  const { stdout } = await tollgate('2026-11-23', 'history', '--local', data);
  expect(stdout).toMatch(/2026-06-12 06:17:00Z +a\/m-1 +no date → 2026-12-11, m-2\n/);
  expect(stdout).toMatch(/2026-09-12 06:17:00Z +a\/m-1 +told: 90 days before 2026-12-11/);
  expect(stdout).not.toContain('30 days');
  const json = JSON.parse((await tollgate('2026-11-23', 'history', '--local', data, '--json')).stdout);
  expect(json).toMatchObject({
    changes: [{ pin: 'a/m-1', to: { retires_on: '2026-12-11' } }],
    told: [{ pin: 'a/m-1' }],
  });
});
