/** What is measured: how each target is started and spoken to. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { modelName } from './answer.ts';
import { startChild } from './child.ts';
import { litellmVersion, portkeyVersion, runLitellm, runPortkey } from './peers.ts';
import { tollgateConfig } from './tollgate-config.ts';

export type TargetName = 'direct' | 'bare' | 'tollgate' | 'portkey' | 'litellm';

export const targetNames: readonly TargetName[] = ['direct', 'bare', 'tollgate', 'portkey', 'litellm'];

export interface Target {
  name: TargetName;
  /** As the tables call it, with the version of a peer. */
  title: string;
  /** With `/v1`. */
  baseUrl: string;
  headers: Record<string, string>;
  /** Root of the process tree that is measured; none for `direct`, where the load speaks to the upstream itself. */
  pid?: number;
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Origin of the mock upstream. */
  upstreamUrl: string;
  /** A folder of this run's own, removed after it. */
  workFolder: string;
  /** Where Tollgate writes a CPU profile when it ends. */
  profileFolder?: string;
}

const json = { 'content-type': 'application/json' };
const quiet = '--disable-warning=ExperimentalWarning';

async function startBareProxy({ upstreamUrl }: StartOptions): Promise<Target> {
  const child = await startChild({
    name: 'the bare proxy',
    command: process.execPath,
    args: [quiet, join(import.meta.dirname, 'bare-proxy.ts'), '--upstream', upstreamUrl],
    readyWithinMs: 15_000,
  });
  return {
    name: 'bare',
    title: 'bare proxy',
    baseUrl: `${child.ready.url}/v1`,
    headers: json,
    pid: child.pid,
    stop: child.stop,
  };
}

async function startTollgate({ upstreamUrl, workFolder, profileFolder }: StartOptions): Promise<Target> {
  const folder = join(workFolder, 'tollgate');
  await mkdir(folder, { recursive: true });
  const config = join(folder, 'config.json');
  await writeFile(config, JSON.stringify(tollgateConfig(upstreamUrl), null, 2));
  const server = join(import.meta.dirname, '../lambdas/gateway/server.ts');
  const profile = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
  const child = await startChild({
    name: 'Tollgate',
    command: process.execPath,
    args: [quiet, ...profile, server, '--port', '0', '--config', config, '--data', join(folder, 'data'), '--json'],
    env: { BENCH_UPSTREAM_KEY: 'upstream-key' },
    readyWithinMs: 15_000,
  });
  const { url, key } = child.ready;
  const headers = { ...json, authorization: `Bearer ${key}` };
  return { name: 'tollgate', title: 'Tollgate', baseUrl: `${url}/v1`, headers, pid: child.pid, stop: child.stop };
}

async function startPortkey({ upstreamUrl }: StartOptions): Promise<Target> {
  const { url, child } = await runPortkey();
  const headers = {
    ...json,
    authorization: 'Bearer upstream-key',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `${upstreamUrl}/v1`,
  };
  return {
    name: 'portkey',
    title: `Portkey ${portkeyVersion}`,
    baseUrl: `${url}/v1`,
    headers,
    pid: child.pid,
    stop: child.stop,
  };
}

async function startLitellm({ upstreamUrl, workFolder }: StartOptions): Promise<Target> {
  const parameters = { model: `openai/${modelName}`, api_base: `${upstreamUrl}/v1`, api_key: 'upstream-key' };
  const settings = {
    model_list: [{ model_name: modelName, litellm_params: parameters }],
    litellm_settings: { num_retries: 0, set_verbose: false },
  };
  const { url, child } = await runLitellm(settings, workFolder);
  const headers = { ...json, authorization: 'Bearer unused' };
  return {
    name: 'litellm',
    title: `LiteLLM ${litellmVersion}`,
    baseUrl: `${url}/v1`,
    headers,
    pid: child.pid,
    stop: child.stop,
  };
}

/** @throws when it can't be installed or started */
export async function startTarget(name: TargetName, options: StartOptions): Promise<Target> {
  switch (name) {
    case 'direct':
      return { name, title: 'direct', baseUrl: `${options.upstreamUrl}/v1`, headers: json, stop: async () => {} };
    case 'bare':
      return startBareProxy(options);
    case 'tollgate':
      return startTollgate(options);
    case 'portkey':
      return startPortkey(options);
    case 'litellm':
      return startLitellm(options);
  }
}
