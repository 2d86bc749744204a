import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { makeCli } from '../../lambdas/cli/cli.ts';
import { registerPinCommands } from '../../lambdas/cli/commands/pins.ts';
import { runProgram } from '../../lambdas/cli/run-program.ts';
import { ACTIVE, answering, LEGACY, listed, type ModelsServer, startModelsServer } from '../support/bedrock-models.ts';

const PRICE = { inputPerMTok: '1', outputPerMTok: '2' };
const CONFIG = {
  providers: { bedrock: { kind: 'bedrock', regions: ['eu-central-1', 'us-east-1'] } },
  models: {
    assistant: { targets: [{ provider: 'bedrock', model: 'eu.anthropic.claude-opus-4-1-20250805-v1:0' }] },
    small: {
      targets: [{ provider: 'bedrock', model: 'vendor.newest-v1:0', price: PRICE, contextTokens: 100_000 }],
    },
  },
};
const OPUS = 'anthropic.claude-opus-4-1-20250805-v1:0';

let folder: string;
let config: string;
let server: ModelsServer;
let env: Record<string, string>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-heard-'));
  config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify(CONFIG));
  server = await startModelsServer();
  env = {
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL_BEDROCK: server.endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  };
});
afterAll(() => {
  server.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  server.asked = [];
  server.answers = {};
});

/** The command line on 2026-11-23. */
const tollgate = async (words: string[], environment = env) => {
  const before = process.env;
  // The SDK reads it here, and nowhere else.
  process.env = environment;
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end();
  const io = { stdin, stdout, stderr, env: environment };
  const program = new Command('tollgate');
  try {
    const status = await runProgram(program, ['pins', ...words, '--config', config], io, () =>
      registerPinCommands(makeCli(program, Date.parse('2026-11-23'), io)),
    );
    return { status, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
  } finally {
    process.env = before;
  }
};
const check = (more: string[] = [], environment = env) => tollgate(['check', ...more], environment);
const ended = { ...LEGACY, endOfLifeTime: '2020-01-08T08:00:00Z' };

describe('pins check, where something is pinned to Bedrock', () => {
  test('asks it in every region, says what it heard and where the catalogue differs, and fails over what has ended', async () => {
    const both = answering(listed(OPUS, ended), listed('vendor.newest-v1:0', ACTIVE));
    server.answers = { 'eu-central-1': both, 'us-east-1': both };
    const { status, stdout, stderr } = await check();
    expect(server.asked.map(({ region }) => region).sort()).toEqual(['eu-central-1', 'us-east-1']);
    expect(stdout).toMatch(
      /^RETIRED {2}bedrock\/eu\.anthropic\.claude-opus-4-1-20250805-v1:0 \(assistant\) retired 2020-01-08; .* \(Bedrock's API in eu-central-1, \d{4}-\d\d-\d\d\)$/m,
    );
    expect(stdout).toMatch(
      /^DIFFERS {2}bedrock\/eu\.anthropic\.claude-opus-4-1-20250805-v1:0: retires 2020-01-08 \(Bedrock's API in eu-central-1, .*\); the catalogue: retires 2027-01-08 \(docs\.aws\.amazon\.com.*\)\. The first holds\.$/m,
    );
    expect(stdout).toMatch(/^DEARER {3}bedrock\/eu\.anthropic.* from 2026-11-14 on its vendor may ask more/m);
    expect(stdout).toMatch(/^Bedrock's API was asked in eu-central-1, us-east-1\.$/m);
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('One pin has retired.') });
  });

  test('says where it could not be asked and what it does not have, and goes on with the catalogue', async () => {
    server.answers = { 'us-east-1': answering(listed(OPUS, ACTIVE)) };
    const { status, stdout } = await check();
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^Bedrock's API in eu-central-1 could not be asked, because bedrock:ListFoundationModels is not allowed \(User: .*\)\. Where they know a model, the other regions speak for it\.$/m,
    );
    expect(stdout).toMatch(/^ABSENT {3}bedrock\/vendor\.newest-v1:0 is not among Bedrock's models in us-east-1: /m);
    expect(stdout).toMatch(/^DIFFERS .*: in use, no end announced \(.*; the catalogue: retires 2027-01-08/m);
  });

  test('as JSON', async () => {
    server.answers = { 'us-east-1': answering(listed(OPUS, { ...LEGACY, endOfLifeTime: '2020-01-08T08:00:00Z' })) };
    const { status, stdout } = await check(['--json']);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      retired: [{ retires_on: '2020-01-08', source: expect.stringContaining("Bedrock's API in us-east-1") }],
      bedrock: {
        asked: [
          { region: 'eu-central-1', ok: false, because: expect.stringContaining('is not allowed') },
          { region: 'us-east-1', ok: true, because: null },
        ],
        differences: [{ heard: 'retires 2020-01-08', catalogue: 'retires 2027-01-08' }],
        not_listed: [{ pin: 'bedrock/vendor.newest-v1:0', region: 'us-east-1' }],
        dearer: [{ from: '2026-11-14' }],
      },
    });
  });

  test('without credentials says so', async () => {
    const { AWS_ACCESS_KEY_ID: _, AWS_SECRET_ACCESS_KEY: __, ...bare } = env;
    const { status, stdout } = await check([], bare);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^Bedrock's API in us-east-1 could not be asked, because there are no AWS credentials here \(.*\)\. The catalogue speaks for it\.$/m,
    );
    expect(server.asked).toEqual([]);
  });

  test('asks nobody with --offline, and says nothing of it', async () => {
    const { status, stdout } = await check(['--offline']);
    expect(status).toBe(0);
    expect(stdout).not.toContain("Bedrock's API");
    expect(server.asked).toEqual([]);
    expect(JSON.parse((await check(['--offline', '--json'])).stdout).bedrock).toBeNull();
  });
});

test('pins list asks nobody', async () => {
  expect((await tollgate(['list'])).status).toBe(0);
  expect(server.asked).toEqual([]);
});
