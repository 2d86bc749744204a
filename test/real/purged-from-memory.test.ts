import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawnCli } from '../support/run-cli.ts';

/** What a serving process remembers of a user, in snapshots of its heap, before and after somebody else has purged it. */

const SERVER = resolve('lambdas/gateway/server.ts');
let folder: string;
let server: ChildProcessWithoutNullStreams;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-memory-'));
});
afterEach(() => {
  server?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

const start = async (): Promise<{ url: string; key: string }> => {
  const config = {
    providers: { demo: { kind: 'simulator' } },
    models: {
      assistant: {
        targets: [{ provider: 'demo', model: 'echo' }],
        cache: { exact: '1h', semantic: { ttl: '1h', threshold: 0.9, auditShare: 0 } },
      },
    },
    semanticCache: { embedder: { provider: 'demo', model: 'embed-8' }, timeoutMs: 10_000 },
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const node = ['--disable-warning=ExperimentalWarning', '--heapsnapshot-signal=SIGUSR2', SERVER];
  server = spawn(process.execPath, [...node, '--port', '0', '--config', 'config.json', '--data', 'data', '--json'], {
    cwd: folder,
  });
  const output = { stdout: '', stderr: '' };
  server.stdout.on('data', (data) => (output.stdout += data));
  server.stderr.on('data', (data) => (output.stderr += data));
  while (!output.stdout.includes('\n')) {
    if (server.exitCode !== null) throw new Error(output.stderr);
    await pause(20);
  }
  return JSON.parse(output.stdout) as { url: string; key: string };
};

/** Everything that the process can still reach: a snapshot begins with a collection. */
const takeSnapshot = async (): Promise<string> => {
  server.kill('SIGUSR2');
  for (;;) {
    await pause(250);
    const [name] = globSync('*.heapsnapshot', { cwd: folder });
    const text = name === undefined ? '' : readFileSync(join(folder, name), 'latin1');
    try {
      // Half of one is none.
      JSON.parse(text);
      rmSync(join(folder, name ?? ''));
      return text;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
};

test('a gateway that nobody asks anything forgets what the command line has purged', async () => {
  const { url, key } = await start();
  const ask = async (user: string, words: string): Promise<number> => {
    const reply = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'x-tollgate-user': user,
        // A connection that is kept may keep what was last read from it.
        connection: 'close',
      },
      body: JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content: words }] }),
    });
    await reply.text();
    return reply.status;
  };
  const [hers, his] = ['ada', 'bob'].map((user) => `${user}-${randomBytes(12).toString('hex')}`) as [string, string];
  for (let i = 0; i < 3; i++) expect(await ask('ada', `${hers} ${i}`)).toBe(200);
  expect(await ask('bob', his)).toBe(200);
  // Finds read into memory what was put before them.
  expect(await ask('bob', 'hello')).toBe(200);
  const before = await takeSnapshot();
  expect([before.includes(hers), before.includes(his)]).toEqual([true, true]);

  const purged = await spawnCli(['cache', 'purge', '--user', 'ada', '--local', join(folder, 'data'), '--json'], {
    env: { PATH: process.env['PATH'] ?? '' },
  });
  expect(JSON.parse(purged.stdout)).toMatchObject({ answers: 3, questions: 3, wiped: true });

  const until = Date.now() + 150_000;
  while ((await takeSnapshot()).includes(hers)) {
    if (Date.now() > until) throw new Error('the gateway still remembers what was purged');
    await pause(5_000);
  }
}, 300_000);
