/** Other gateways beside which Tollgate is measured, at pinned versions, installed on demand into bench/.peers/. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Child, findFreePort, startChild } from './child.ts';

const run = promisify(execFile);

export const portkeyVersion = '1.15.2';
export const litellmVersion = '1.101.6';

const peersFolder = join(import.meta.dirname, '.peers');

async function install(what: string, command: string, args: string[], cwd: string): Promise<void> {
  try {
    await run(command, args, { cwd, maxBuffer: 64 * 1024 * 1024, timeout: 15 * 60_000 });
  } catch (error) {
    const stderr = (error as { stderr?: string }).stderr ?? '';
    throw new Error(
      `${what} could not be installed: ${command} ${args.join(' ')}\n${stderr.trim().slice(-2_000) || String(error)}`,
    );
  }
}

/** Whether the folder holds that version whole: the mark is written last. */
async function isInstalled(folder: string, version: string): Promise<boolean> {
  const mark = join(folder, 'installed-version');
  return existsSync(mark) && (await readFile(mark, 'utf8')) === version;
}

async function installOnce(folder: string, version: string, work: () => Promise<void>): Promise<void> {
  if (await isInstalled(folder, version)) return;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await work();
  await writeFile(join(folder, 'installed-version'), version);
}

/** @returns the script that starts Portkey's gateway (npm, about 25 MB). */
async function ensurePortkey(): Promise<string> {
  const folder = join(peersFolder, 'portkey');
  await installOnce(folder, portkeyVersion, async () => {
    // Adapters from 1.14.2 on freeze the headers that Portkey goes on to change: every stream answers 500 (Portkey-AI/gateway#1389).
    const manifest = { name: 'portkey-peer', private: true, overrides: { '@hono/node-server': '1.14.1' } };
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
    const wanted = `@portkey-ai/gateway@${portkeyVersion}`;
    await install(
      'Portkey',
      'npm',
      ['install', '--save-exact', '--ignore-scripts', '--no-audit', '--no-fund', wanted],
      folder,
    );
  });
  return join(folder, 'node_modules/@portkey-ai/gateway/build/start-server.js');
}

/** @returns the command that starts LiteLLM's proxy (PyPI, about 700 MB; needs `python3` 3.10 or newer). */
async function ensureLitellm(): Promise<string> {
  const folder = join(peersFolder, 'litellm');
  await installOnce(folder, litellmVersion, async () => {
    await install('LiteLLM', 'python3', ['-m', 'venv', folder], peersFolder);
    const wanted = `litellm[proxy]==${litellmVersion}`;
    await install(
      'LiteLLM',
      join(folder, 'bin/pip'),
      ['install', '--disable-pip-version-check', '--quiet', wanted],
      peersFolder,
    );
  });
  return join(folder, 'bin/litellm');
}

/** A peer that answers at an address. */
export interface RunningPeer {
  url: string;
  child: Child;
}

/** Portkey's gateway, headless; requests say where they go. */
export async function runPortkey(): Promise<RunningPeer> {
  const script = await ensurePortkey();
  const url = `http://127.0.0.1:${await findFreePort()}`;
  const child = await startChild({
    name: 'Portkey',
    command: process.execPath,
    args: [script, `--port=${new URL(url).port}`, '--headless'],
    healthUrl: `${url}/`,
    readyWithinMs: 60_000,
  });
  return { url, child };
}

/**
 * LiteLLM's proxy with one worker, set as its own guide to production says, and nothing that calls out: its price list comes
 * from its package.
 *
 * @param settings of its configuration file, which is written into the folder
 */
export async function runLitellm(settings: object, folder: string): Promise<RunningPeer> {
  const command = await ensureLitellm();
  const config = join(folder, 'litellm.yaml');
  // JSON is YAML.
  await writeFile(config, JSON.stringify(settings));
  const url = `http://127.0.0.1:${await findFreePort()}`;
  const where = ['--host', '127.0.0.1', '--port', new URL(url).port];
  const child = await startChild({
    name: 'LiteLLM',
    command,
    args: ['--config', config, ...where, '--num_workers', '1', '--telemetry', 'False'],
    env: {
      LITELLM_MODE: 'PRODUCTION',
      LITELLM_LOG: 'ERROR',
      LITELLM_LOCAL_MODEL_COST_MAP: 'True',
      LITELLM_TELEMETRY: 'False',
      PYTHONUNBUFFERED: '1',
    },
    healthUrl: `${url}/health/liveliness`,
    readyWithinMs: 180_000,
  });
  return { url, child };
}
