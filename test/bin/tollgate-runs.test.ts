import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

const program = resolve(import.meta.dirname, '../../bin/tollgate.ts');
jest.setTimeout(60_000);

let folder: string;
let gateway: TestGateway;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-runs-'));
  gateway = await startGateway(
    {
      providers: { demo: { kind: 'simulator' } },
      models: { slow: { targets: [{ provider: 'demo', model: 'tokens-5000+slow-60000' }] } },
      budgets: { perRun: { lifetime: '$5' } },
    },
    { dataDir: folder },
  );
});
afterEach(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Another process, while this one serves. */
const tollgate = async (...words: string[]) => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, ...words, '--json', '--local', folder],
    { env: { PATH: process.env.PATH } },
  );
  return JSON.parse(stdout);
};

const ask = (run: string, parent?: string) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${gateway.key}`,
      'content-type': 'application/json',
      'x-tollgate-run': run,
      ...(parent !== undefined && { 'x-tollgate-parent-run': parent }),
    },
    body: JSON.stringify({ model: 'slow', max_tokens: 5000, messages: [{ role: 'user', content: 'go' }] }),
  });

test('tollgate runs kill: calls under way in another process end, and nothing enters the run any more', async () => {
  const underWay = [ask('job'), ask('plan', 'job'), ask('plan', 'job')];
  while ((await gateway.gateway.ports.ledger.tail({ limit: 10 })).length < underWay.length)
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await tollgate('runs', 'show', 'job', '--team', 'demo')).toMatchObject({
    id: 'job',
    calls: 3,
    parent_run: null,
    cap_usd: '5',
    killed: null,
  });
  const killed = await tollgate('runs', 'kill', 'job', '--team', 'demo', '--reason', 'loops');
  expect(killed).toMatchObject({ id: 'job', team: 'demo', calls: 3, killed: { reason: 'loops' }, is_new: false });
  for (const reply of await Promise.all(underWay)) expect(reply.status).toBe(499);
  const refused = await ask('plan');
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({
    error: { code: 'budget_exceeded', message: expect.stringContaining('loops'), tollgate: { scope: 'run job' } },
  });
  const entries = await tollgate('ledger', 'tail');
  expect(
    entries
      .map((entry: { parent_run: string | null; run: string; outcome: string }) => [
        entry.parent_run,
        entry.run,
        entry.outcome,
      ])
      .sort(),
  ).toEqual([
    [null, 'job', 'cancelled'],
    ['job', 'plan', 'cancelled'],
    ['job', 'plan', 'cancelled'],
  ]);
});

test('a run that never was: show says so, and another team’s is not shown', async () => {
  await gateway.gateway.ports.runs.enter({ team: 'ads', runs: [{ id: 'job' }] });
  await expect(tollgate('runs', 'show', 'job', '--team', 'demo')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('has had no run'),
  });
  await expect(tollgate('runs', 'kill', 'a/b', '--team', 'demo')).rejects.toMatchObject({ code: 2 });
});
