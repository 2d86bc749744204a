import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

const SERVER = join(import.meta.dirname, '../../lambdas/gateway/server.ts');

let folder: string;
const children: ChildProcessWithoutNullStreams[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-'));
  writeFileSync(
    join(folder, 'config.json'),
    JSON.stringify({
      providers: { demo: { kind: 'simulator' } },
      models: {
        echo: { targets: [{ provider: 'demo', model: 'echo' }] },
        slow: { targets: [{ provider: 'demo', model: 'tokens-20+slow-50' }] },
        long: { targets: [{ provider: 'demo', model: 'tokens-50+slow-1000' }] },
        stuck: { targets: [{ provider: 'demo', model: 'tokens-50+cut-5+hang' }] },
        endless: { targets: [{ provider: 'demo', model: 'tokens-100000+slow-50' }] },
      },
      budgets: { org: { monthly: '$100' } },
    }),
  );
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const run = (...flags: string[]) => {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', SERVER, ...flags], { cwd: folder });
  children.push(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (data) => {
    output.stdout += data;
  });
  child.stderr.on('data', (data) => {
    output.stderr += data;
  });
  return { child, output, ended: once(child, 'close').then(([code]) => code as number | null) };
};

const start = async () => {
  const running = run('--port', '0', '--config', 'config.json', '--data', 'data', '--json');
  while (!running.output.stdout.includes('\n')) {
    if (running.child.exitCode !== null) throw new Error(running.output.stderr);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { url, key } = JSON.parse(running.output.stdout) as { url: string; key: string };
  const call = (model: string, more: object = {}) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }], ...more }),
    });
  const get = async (path: string) =>
    (await fetch(`${url}${path}`, { headers: { 'x-api-key': key } })).json() as Promise<Record<string, unknown>>;
  return { ...running, url, key, call, get };
};

// Real processes on a machine that may be busy.
jest.setTimeout(60_000);

describe('npm start', () => {
  test('--json prints one line with url and key, and the same key again at the next start', async () => {
    const first = await start();
    expect(first.output.stdout.trim().split('\n')).toHaveLength(1);
    expect((await first.call('echo')).status).toBe(200);
    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    const second = await start();
    expect(second.key).toBe(first.key);
    expect(await second.get('/v1/usage')).toMatchObject({ totals: { requests: 1 } });
  });

  test('SIGTERM lets a stream under way finish, settles it, and ends with 0', async () => {
    const { child, call, ended } = await start();
    const reply = await call('slow', { stream: true });
    child.kill('SIGTERM');
    expect(await reply.text()).toContain('[DONE]');
    expect(await ended).toBe(0);
    const { get } = await start();
    expect(await get(`/v1/receipts/${reply.headers.get('x-request-id')}`)).toMatchObject({
      state: 'settled',
      outcome: 'answered',
    });
  });

  test.each<NodeJS.Signals>(['SIGTERM', 'SIGINT'])(
    '%s twice, as npm and a terminal send it: the stream under way finishes all the same',
    async (signal) => {
      const { child, call, ended } = await start();
      const reply = await call('long', { stream: true });
      child.kill(signal);
      setTimeout(() => child.kill(signal), 200);
      expect(await reply.text()).toContain('[DONE]');
      expect(await ended).toBe(0);
    },
  );

  test('SIGTERM during a plain call: it is answered and settled', async () => {
    const { child, call, get: look, ended } = await start();
    const asked = call('long');
    const held = async () => ((await look('/v1/usage'))['totals'] as { held_usd: number }).held_usd;
    while ((await held()) === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill('SIGTERM');
    const reply = await asked;
    expect(reply.status).toBe(200);
    await reply.text();
    expect(await ended).toBe(0);
    const { get } = await start();
    expect(await get(`/v1/receipts/${reply.headers.get('x-request-id')}`)).toMatchObject({ state: 'settled' });
  });

  test('two gateways on one data directory: one ledger, one set of keys, a cancellation reaches the other', async () => {
    const first = await start();
    const second = await start();
    expect(second.key).toBe(first.key);
    const reply = await first.call('stuck', { stream: true });
    const id = reply.headers.get('x-request-id');
    expect(await second.get(`/v1/receipts/${id}`)).toMatchObject({ state: 'open' });
    await fetch(`${second.url}/v1/requests/${id}/cancel`, { method: 'POST', headers: { 'x-api-key': second.key } });
    expect(await reply.text()).toContain('cancelled');
    expect(await second.get(`/v1/receipts/${id}`)).toMatchObject({ state: 'settled', outcome: 'cancelled' });
  });

  test('a damaged store: says so in a line, without a stack, and ends with 1', async () => {
    mkdirSync(join(folder, 'data'));
    writeFileSync(join(folder, 'data', 'tollgate.db'), 'this is no database '.repeat(100));
    const { output, ended } = run('--config', 'config.json', '--data', 'data', '--port', '0');
    expect(await ended).toBe(1);
    expect(output.stderr).toContain('--data data');
    expect(output.stderr).not.toMatch(/^\s+at /m);
  });

  test('SIGKILL in the middle of a call: the next start charges it whole and holds nothing', async () => {
    const { child, call, ended } = await start();
    const reply = await call('stuck', { stream: true, max_tokens: 1000 });
    child.kill('SIGKILL');
    await ended;
    await reply.text().catch(() => {});
    const { get } = await start();
    const receipt = await get(`/v1/receipts/${reply.headers.get('x-request-id')}`);
    expect(receipt).toMatchObject({ state: 'lost' });
    expect(receipt['cost_usd']).toBe(receipt['hold_usd']);
    expect(await get('/v1/usage')).toMatchObject({ totals: { spent_usd: Number(receipt['hold_usd']), held_usd: 0 } });
  });

  test.each([
    ['an unknown flag', ['--prot', '1'], 2, /prot/],
    ['a port that is none', ['--port', 'http'], 2, /--port/],
    ['a configuration that is not there', ['--config', 'nowhere.json'], 1, /:\n {2}\S*nowhere\.json can't be read/],
  ])('%s: says so on stderr and ends with its code', async (_what, flags, code, words) => {
    const { output, ended } = run('--data', ':memory:', ...flags);
    expect(await ended).toBe(code);
    expect(output.stderr).toMatch(words);
    expect(output.stdout).toBe('');
  });

  test('a taken port: names it and how to get another', async () => {
    const { url } = await start();
    const { output, ended } = run('--port', new URL(url).port, '--config', 'config.json', '--data', ':memory:');
    expect(await ended).toBe(1);
    expect(output.stderr).toContain('is taken');
  });

  test('a misspelt field: names the path and what was meant', async () => {
    writeFileSync(
      join(folder, 'config.json'),
      JSON.stringify({ providers: { demo: { kind: 'simulator' } }, modles: {} }),
    );
    const { output, ended } = run('--config', 'config.json', '--data', ':memory:');
    expect(await ended).toBe(1);
    expect(output.stderr).toMatch(/modles.*models/s);
  });
});
