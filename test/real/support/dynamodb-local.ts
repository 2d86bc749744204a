import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';

/** AWS's own local DynamoDB, by its Maven coordinates. It needs Java 17 and, the first time, Maven. */
const VERSION = '2.6.1';
const JAR_SHA256 = 'a28d8b4919999b7dee6ffa9fd4e9a08744460657a9bd3e3499e3aad00e1f2cc4';
const COPY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
const MAIN = 'com.amazonaws.services.dynamodbv2.local.main.ServerRunner';
const FOLDER = resolve('.servers', `dynamodb-${VERSION}`);
const UP_WITHIN_MS = 60_000;

const run = promisify(execFile);

export interface LocalServer {
  /** `http://127.0.0.1:PORT` */
  endpoint: string;
  stop(): Promise<void>;
}

/** Starts a fresh server in memory, on a port of its own; fetches it first where it is not there yet. It slows as it ages: one a suite. */
export const startDynamoDb = async (): Promise<LocalServer> => {
  await install();
  const port = await freePort();
  const data = mkdtempSync(join(tmpdir(), 'tollgate-dynamodb-'));
  const java = spawn(
    javaCommand(),
    [
      `-Djava.library.path=${join(FOLDER, 'native')}`,
      `-Dsqlite4java.library.path=${join(FOLDER, 'native')}`,
      '-Xmx512m',
      '-cp',
      join(FOLDER, 'lib', '*'),
      MAIN,
      ...['-inMemory', '-sharedDb', '-disableTelemetry', '-port', String(port)],
    ],
    { cwd: data, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [java.stdout, java.stderr])
    stream.on('data', (chunk) => (output = (output + chunk).slice(-4_000)));
  const exited = new Promise<void>((resolve) => java.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    java.kill('SIGKILL');
    await exited;
    rmSync(data, { recursive: true, force: true });
  };
  // A test run that is killed leaves nothing behind.
  process.once('exit', () => java.kill('SIGKILL'));
  const endpoint = `http://127.0.0.1:${port}`;
  const until = Date.now() + UP_WITHIN_MS;
  while (!(await answers(endpoint))) {
    if (java.exitCode !== null || Date.now() > until) {
      await stop();
      throw new Error(`DynamoDB Local did not start:\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { endpoint, stop };
};

const answers = (endpoint: string): Promise<boolean> =>
  fetch(endpoint).then(
    async (response) => {
      await response.arrayBuffer();
      return true;
    },
    () => false,
  );

const javaCommand = (): string => {
  const home = process.env['JAVA_HOME'];
  const places = ['/usr/lib/jvm/java-17-openjdk-amd64', '/usr/lib/jvm/java-17-openjdk-arm64', ...(home ? [home] : [])];
  return places.map((place) => join(place, 'bin', 'java')).find((path) => existsSync(path)) ?? 'java';
};

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/** Fetches the server by the `mvn` client and keeps it in `.servers`, checked against the pinned checksum. */
const install = async (): Promise<void> => {
  const jar = join(FOLDER, 'lib', `DynamoDBLocal-${VERSION}.jar`);
  if (!existsSync(jar) || !existsSync(join(FOLDER, 'native'))) {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(join(FOLDER, 'pom.xml'), POM);
    try {
      await run('mvn', ['-q', '-B', COPY_PLUGIN, '-DoutputDirectory=lib', '-DincludeScope=runtime'], {
        cwd: FOLDER,
        timeout: 600_000,
      });
    } catch (error) {
      throw new Error('Maven could not fetch DynamoDB Local; `mvn` and Java 17 must be installed.', { cause: error });
    }
    mkdirSync(join(FOLDER, 'native'), { recursive: true });
    for (const library of globSync(join(FOLDER, 'lib', '*sqlite4java-*.{so,dylib,dll}')))
      copyFileSync(library, join(FOLDER, 'native', basename(library)));
  }
  const found = createHash('sha256').update(readFileSync(jar)).digest('hex');
  if (found !== JAR_SHA256) throw new Error(`${jar} is not the pinned one: expected ${JAR_SHA256}, got ${found}`);
};

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>dynamodb</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>com.amazonaws</groupId><artifactId>DynamoDBLocal</artifactId><version>${VERSION}</version></dependency>
  </dependencies>
</project>
`;
