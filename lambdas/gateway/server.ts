import { parseArgs } from 'node:util';
import { problemText } from '../contract/config-problem.ts';
import { StoreUnavailable } from '../core/ports.ts';
import {
  LOG_LEVELS,
  loadConfigFile,
  makeLog,
  type OpenedGateway,
  openLocalGateway,
} from '../wiring/open-local-gateway.ts';
import { startServer } from './start-server.ts';

/** `npm start`: the gateway on this machine, with the embedded store. Usage errors end with 2, other failures with 1. */

const DRAIN_MS = 20_000;
/** Ctrl-C reaches this process twice under npm: from the terminal, and passed on. Only one that comes later is impatience. */
const SAME_SIGNAL_MS = 1_000;
const USAGE = `Usage: npm start -- [options]

  --port N       port to listen on; 0 takes any free one (default 8787)
  --host HOST    address to listen on (default 127.0.0.1)
  --config FILE  a tollgate.config.ts or .json (default ./tollgate.config.ts)
  --data DIR     where keys, budgets and the ledger are kept; :memory: for nowhere (default .tollgate/)
  --log LEVEL    debug, info, warn, error or silent: JSON lines on stderr (default info)
  --json         print one line of JSON when ready, {"url","key"}, and nothing else
`;

const print = (text: string) => process.stdout.write(`${text}\n`);
const complain = (text: string) => process.stderr.write(`${text}\n`);

const readFlags = () => {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8787' },
      host: { type: 'string', default: '127.0.0.1' },
      config: { type: 'string', default: 'tollgate.config.ts' },
      data: { type: 'string', default: '.tollgate' },
      json: { type: 'boolean', default: false },
      log: { type: 'string', default: 'info' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65_535)
    throw new TypeError(`--port: expected a number from 0 to 65535, got "${values.port}"`);
  const log = LOG_LEVELS.find((level) => level === values.log);
  if (log === undefined) throw new TypeError(`--log: expected one of ${LOG_LEVELS.join(', ')}, got "${values.log}"`);
  return { ...values, port, log };
};

const main = async (): Promise<void> => {
  let flags: ReturnType<typeof readFlags>;
  try {
    flags = readFlags();
  } catch (error) {
    complain(`${(error as Error).message}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  if (flags.help) {
    print(USAGE);
    return;
  }

  const opened = await openGateway(flags);
  if (!opened.ok) {
    complain(
      `The gateway can't start with ${flags.config}:\n${opened.problems.map((one) => `  ${problemText(one)}`).join('\n')}`,
    );
    process.exitCode = 1;
    return;
  }
  const { gateway } = opened;
  const server = await startServer(gateway, flags).catch(async (error: NodeJS.ErrnoException) => {
    await gateway.close();
    complain(
      error.code === 'EADDRINUSE'
        ? `Port ${flags.port} of ${flags.host} is taken. Choose another: npm start -- --port 0 takes any free one.`
        : `Cannot listen on ${flags.host}:${flags.port}: ${error.message}`,
    );
    process.exitCode = 1;
  });
  if (server === undefined) return;

  let stoppingSince: number | undefined;
  const stop = (signal: NodeJS.Signals) => {
    if (stoppingSince === undefined) {
      stoppingSince = performance.now();
      void server.stop(DRAIN_MS).then(() => process.exit(0));
    } else if (signal === 'SIGINT' && performance.now() - stoppingSince > SAME_SIGNAL_MS) process.exit(130);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  const key = gateway.demoKey;
  if (flags.json) print(JSON.stringify({ url: server.url, key }));
  else print(banner(server.url, key, gateway));
};

/** A store or folder that can't be used is a problem like a misspelt configuration; anything else is a bug and shows its stack. */
const openGateway = async ({ config, data, log }: ReturnType<typeof readFlags>): Promise<OpenedGateway> => {
  const loaded = await loadConfigFile(config);
  if (!loaded.ok) return loaded;
  try {
    return await openLocalGateway({
      config: loaded.config,
      dataDir: data,
      env: process.env,
      log: makeLog({ level: log, delayMs: 50 }),
    });
  } catch (error) {
    if (!(error instanceof StoreUnavailable) && (error as NodeJS.ErrnoException).code === undefined) throw error;
    return { ok: false, problems: [{ path: `--data ${data}`, message: (error as Error).message }] };
  }
};

const banner = (
  url: string,
  key: string,
  { notices, ports }: { notices: string[]; ports: { gateway: { aliases: ReadonlyMap<string, unknown> } } },
) => {
  const aliases = [...ports.gateway.aliases.keys()];
  return `Tollgate is ready.

  OpenAI SDK     ${url}/v1
  Anthropic SDK  ${url}
  key            ${key}
  models         ${aliases.join(', ')}
${notices.map((notice) => `  note           ${notice}\n`).join('')}
Try it:

  curl ${url}/v1/chat/completions -H "authorization: Bearer ${key}" \\
    -H "content-type: application/json" \\
    -d '{"model":"${aliases[0]}","messages":[{"role":"user","content":"Hello"}]}'
`;
};

await main();
