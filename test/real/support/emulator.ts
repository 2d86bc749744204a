import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { installPython } from './install-python.ts';
import { signRequest } from './sign-request.ts';

/** A local AWS by its PyPI name: CloudFormation, IAM, API Gateway, Lambda on this machine's Node, DynamoDB with streams. */
const REQUIREMENTS = join(import.meta.dirname, 'emulator-requirements.txt');
const NAME = 'ministack';
const PYTHON = resolve('.servers', NAME, 'bin', 'python');
const RUN = join(import.meta.dirname, 'run-emulator.py');
/** The emulator's Python, with AWS's service models (botocore). There once an emulator has been started. */
export const EMULATOR_PYTHON = PYTHON;
const BIN = resolve('node_modules', '.bin');
const UP_WITHIN_MS = 60_000;
const GONE_WITHIN_MS = 5_000;
const LONGEST_COMMAND_MS = 300_000;
const LOG_CHARACTERS = 20_000;

const ACCOUNT = '000000000000';
const REGION = 'us-east-1';
const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };

const run = promisify(execFile);

export interface Emulator {
  /** `http://127.0.0.1:PORT` */
  endpoint: string;
  port: number;
  /** For AWS SDK clients: the emulator, as its root user. */
  client: { region: string; endpoint: string; credentials: typeof CREDENTIALS };
  /** Environment in which command lines reach the emulator and no account of anybody's. */
  env: Record<string, string>;
  /** Runs the CDK's command line, in the project's folder unless told. @returns what it printed @throws {Error} with it, when it failed */
  cdk(args: readonly string[], options?: { cwd?: string }): Promise<string>;
  /** Calls a function and waits. @throws {Error} with the answer, when it failed */
  invoke(functionName: string, event: unknown): Promise<unknown>;
  /** Asks an AWS API that has no SDK here, signed. @throws {Error} with the answer, when it is none of success */
  ask(service: string, request: { path?: string; form?: Record<string, string>; json?: unknown }): Promise<string>;
  /** The end of what the emulator and the functions in it have printed. */
  log(): string;
  stop(): Promise<void>;
}

/**
 * Starts a fresh emulator, bootstrapped for the CDK, on a port of its own; fetches it first where it is not there yet.
 *
 * @param options.checksRights whether it refuses what IAM policies don't allow
 */
export const startEmulator = async ({
  checksRights = false,
  waitScale = 1,
  timeoutScale = 1,
} = {}): Promise<Emulator> => {
  await installPython(REQUIREMENTS, NAME);
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const temporary = mkdtempSync(join(tmpdir(), 'tollgate-emulator-'));
  // It runs functions by a script there, which a package.json further up may turn into an ES module.
  writeFileSync(join(temporary, 'package.json'), '{"type":"commonjs"}');
  const python = spawn(PYTHON, [RUN], {
    cwd: temporary,
    // Without AWS_ENDPOINT_URL: functions inherit this environment, and find their own emulator unless told another.
    env: {
      ...cleanEnvironment(),
      TMPDIR: temporary,
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      MINISTACK_REGION: REGION,
      AUTH: String(checksRights),
      // Waits between a state machine's tries, and its timeouts, as parts of what they are.
      SFN_WAIT_SCALE: String(waitScale),
      TIMEOUT_SCALE: String(timeoutScale),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [python.stdout, python.stderr])
    stream.on('data', (chunk) => (output = (output + chunk).slice(-LOG_CHARACTERS)));
  const exited = new Promise<void>((done) => python.once('exit', () => done()));
  const kill = (): void => void python.kill('SIGKILL');
  // A test run that is killed leaves nothing behind.
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    // Asked first: it then ends the functions' processes itself.
    python.kill('SIGTERM');
    const timer = setTimeout(kill, GONE_WITHIN_MS);
    await exited;
    clearTimeout(timer);
    process.removeListener('exit', kill);
    rmSync(temporary, { recursive: true, force: true });
  };

  const env = {
    ...cleanEnvironment(),
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    CDK_DISABLE_CLI_TELEMETRY: 'true',
  };
  const cdk: Emulator['cdk'] = async (args, { cwd = '.' } = {}) => {
    try {
      const { stdout, stderr } = await run(join(BIN, 'cdk'), [...args, '--no-notices', '--no-color'], {
        cwd,
        env,
        timeout: LONGEST_COMMAND_MS,
        maxBuffer: 64 * 1024 * 1024,
      });
      return stdout + stderr;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`cdk ${args[0]} failed:\n${stdout}${stderr}`.slice(-8_000), { cause: error });
    }
  };

  const ask: Emulator['ask'] = async (service, { path = '/', form, json }) => {
    const body = form === undefined ? JSON.stringify(json) : new URLSearchParams(form).toString();
    const type = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded';
    const request = { url: new URL(path, endpoint), body, headers: { 'content-type': type } };
    const headers = signRequest(request, { service, region: REGION, ...CREDENTIALS });
    const response = await fetch(request.url, { method: 'POST', headers, body });
    const text = await response.text();
    if (!response.ok || response.headers.has('x-amz-function-error'))
      throw new Error(`${service} ${path}: ${response.status} ${text}`);
    return text;
  };

  try {
    const until = Date.now() + UP_WITHIN_MS;
    while (!(await answers(`${endpoint}/_ministack/health`))) {
      if (python.exitCode !== null || Date.now() > until) throw new Error(`The emulator did not start:\n${output}`);
      await new Promise((wake) => setTimeout(wake, 100));
    }
    await cdk(['bootstrap', `aws://${ACCOUNT}/${REGION}`]);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    endpoint,
    port,
    client: { region: REGION, endpoint, credentials: CREDENTIALS },
    env,
    cdk,
    ask,
    invoke: async (name, event) =>
      JSON.parse(await ask('lambda', { path: `/2015-03-31/functions/${name}/invocations`, json: event })),
    log: () => output,
    stop,
  };
};

/** Ours, without anything that leads to an AWS account, an endpoint or a provider, and with the project's Node before any other. */
const cleanEnvironment = (): Record<string, string> => ({
  PATH: [BIN, process.env['PATH'] ?? ''].join(delimiter),
  HOME: process.env['HOME'] ?? tmpdir(),
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
});

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    async (response) => {
      await response.arrayBuffer();
      return response.ok;
    },
    () => false,
  );
