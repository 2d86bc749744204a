import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EMBEDDER_NAME } from '../../lambdas/adapters/minilm/artefacts.ts';

const SERVER = join(import.meta.dirname, '../../lambdas/gateway/server.ts');

let folder: string;
let child: ChildProcess;
let server: { url: string; key: string };
let log = '';

beforeAll(async () => {
  execFileSync('npm', ['run', '-s', 'fetch-model'], { stdio: 'inherit' });
  folder = mkdtempSync(join(tmpdir(), 'tollgate-'));
  const config = join(folder, 'config.json');
  writeFileSync(
    config,
    JSON.stringify({
      providers: { demo: { kind: 'simulator' } },
      models: {
        assistant: {
          targets: [{ provider: 'demo', model: 'echo' }],
          cache: { exact: '1h', semantic: { ttl: '1h', auditShare: 0 } },
        },
      },
      // A machine that may be busy: what is tested is what is found, not how soon.
      semanticCache: { timeoutMs: 10_000 },
    }),
  );
  const flags = ['--port', '0', '--config', config, '--data', join(folder, 'data'), '--json'];
  child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', SERVER, ...flags]);
  child.stderr?.on('data', (data) => {
    log += data;
  });
  if (child.stdout === null) throw new Error('no output');
  const [line] = await once(createInterface(child.stdout), 'line');
  server = JSON.parse(line);
});

afterAll(async () => {
  if (child.exitCode === null) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
});

const ask = async (content: string): Promise<{ cache: string | null; text: string }> => {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content }] }),
  });
  const body = (await response.json()) as { choices: { message: { content: string } }[] };
  return { cache: response.headers.get('x-tollgate-cache'), text: body.choices[0]?.message.content ?? '' };
};

test('a server with MiniLM answers a paraphrase as it answered the question, and near-misses anew', async () => {
  const question = 'How do I reset my password?';
  // The first comes while MiniLM is opened, and is kept all the same.
  expect(await ask(question)).toEqual({ cache: 'miss', text: question });
  expect(await ask('How can I reset my password?')).toEqual({
    cache: expect.stringMatching(/^hit-semantic; score=0\.9\d*$/),
    text: question,
  });
  expect(await ask(question)).toEqual({ cache: 'hit-exact', text: question });
  for (const other of ['How do I reset my username?', 'How do I not reset my password?', 'How do I reset 2 passwords?'])
    expect(await ask(other)).toEqual({ cache: 'miss', text: other });
  // Told beside the requests, and read through a pipe.
  const told = `"embedder":"${EMBEDDER_NAME}"`;
  for (let tries = 0; tries < 100 && !log.includes(told); tries++) await new Promise((wake) => setTimeout(wake, 50));
  expect(log).toContain(told);
  expect(log).not.toContain('"level":"error"');
});
