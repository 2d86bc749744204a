import { execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { LocalServer } from './dynamodb-local.ts';
import { freePort } from './free-port.ts';

/** OpenSearch itself with its k-NN plugin, by their Maven coordinates. It needs Java 21 or later, Maven and unzip. */
const VERSION = '3.5.0';
const GET_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get';
const FOLDER = resolve('.servers', `opensearch-${VERSION}`);
const HOME = join(FOLDER, `opensearch-${VERSION}`);
const UP_WITHIN_MS = 180_000;
/** It refuses to run as root. */
const NOBODY = 65_534;

const run = promisify(execFile);

const fetchArtefact = async (group: string, name: string, version: string): Promise<string> => {
  const path = join(
    homedir(),
    '.m2',
    'repository',
    group.replaceAll('.', '/'),
    name,
    version,
    `${name}-${version}.zip`,
  );
  if (!existsSync(path))
    await run('mvn', ['-q', '-B', GET_PLUGIN, `-Dartifact=${group}:${name}:${version}:zip`, '-Dtransitive=false']);
  return path;
};

const install = async (): Promise<void> => {
  if (existsSync(join(HOME, 'plugins', 'opensearch-knn', 'plugin-descriptor.properties'))) return;
  mkdirSync(FOLDER, { recursive: true });
  const server = await fetchArtefact('org.opensearch.distribution.integ-test-zip', 'opensearch', VERSION);
  const plugin = await fetchArtefact('org.opensearch.plugin', 'opensearch-knn', `${VERSION}.0`);
  await run('unzip', ['-q', '-o', server, '-d', FOLDER]);
  await run('unzip', ['-q', '-o', plugin, '-d', join(HOME, 'plugins', 'opensearch-knn')]);
};

const findJava = (): string => {
  const [found] = [process.env['OPENSEARCH_JAVA_HOME'] ?? '', ...globSync('/usr/lib/jvm/*-2[1-9]-*')].filter(
    (path) => path !== '',
  );
  if (found === undefined) throw new Error('OpenSearch needs Java 21 or later: set OPENSEARCH_JAVA_HOME');
  return found;
};

/** Starts a fresh server with its own data, on a port of its own; fetches it first where it is not there yet. */
export const startOpenSearch = async (): Promise<LocalServer & { dataFolder: string }> => {
  await install();
  const port = await freePort();
  const transportPort = await freePort();
  const own = mkdtempSync(join(tmpdir(), 'tollgate-opensearch-'));
  cpSync(join(HOME, 'config'), join(own, 'config'), { recursive: true });
  for (const name of ['data', 'logs', 'tmp']) mkdirSync(join(own, name));
  writeFileSync(
    join(own, 'config', 'opensearch.yml'),
    [
      'cluster.name: test',
      'discovery.type: single-node',
      'network.host: 127.0.0.1',
      `http.port: ${port}`,
      `transport.port: ${transportPort}`,
      `path.data: ${join(own, 'data')}`,
      `path.logs: ${join(own, 'logs')}`,
      'cluster.routing.allocation.disk.threshold_enabled: false',
    ].join('\n'),
  );
  // Its own folder is nobody's to write to.
  const jvmOptions = join(own, 'config', 'jvm.options');
  const options = readFileSync(jvmOptions, 'utf8').replaceAll('logs/', `${own}/logs/`);
  writeFileSync(jvmOptions, options.replace('HeapDumpPath=data', `HeapDumpPath=${own}/data`));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    chmodSync(own, 0o755);
    for (const path of ['', ...globSync('**/*', { cwd: own })]) chownSync(join(own, path), NOBODY, NOBODY);
  }
  const { JAVA_TOOL_OPTIONS: _, ...env } = process.env;
  const server = spawn('bash', [join(HOME, 'bin', 'opensearch')], {
    cwd: own,
    env: {
      ...env,
      HOME: own,
      OPENSEARCH_JAVA_HOME: findJava(),
      OPENSEARCH_PATH_CONF: join(own, 'config'),
      OPENSEARCH_TMPDIR: join(own, 'tmp'),
      OPENSEARCH_JAVA_OPTS: '-Xms1g -Xmx1g',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(isRoot && { uid: NOBODY, gid: NOBODY }),
  });
  let output = '';
  for (const stream of [server.stdout, server.stderr])
    stream.on('data', (chunk) => (output = (output + chunk).slice(-4_000)));
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const kill = (): void => {
    server.kill('SIGKILL');
  };
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    process.off('exit', kill);
    kill();
    await exited;
    rmSync(own, { recursive: true, force: true });
  };
  const endpoint = `http://127.0.0.1:${port}`;
  const until = Date.now() + UP_WITHIN_MS;
  while (!(await answers(endpoint))) {
    if (server.exitCode !== null || Date.now() > until) {
      await stop();
      throw new Error(`OpenSearch did not start:\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return { endpoint, stop, dataFolder: join(own, 'data') };
};

const answers = async (endpoint: string): Promise<boolean> => {
  try {
    return (await fetch(`${endpoint}/_cluster/health?wait_for_status=yellow&timeout=1s`)).ok;
  } catch {
    return false;
  }
};
