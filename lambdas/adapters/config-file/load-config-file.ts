import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type CheckedConfig, checkConfig } from '../../contract/check-config.ts';
import { findRepeatedNames } from './find-repeated-names.ts';

const MODULES = new Set(['.ts', '.mts', '.js', '.mjs']);
/** The first Node that reads TypeScript unasked is 22.18; what runs here is 24. */
const NODE_MAJOR = 24;

/**
 * Loads a configuration and checks it. TypeScript is read by Node itself, with its types taken off, so a file can't use what
 * needs compiling; each such mistake gets a line that says what to do.
 *
 * @param file path of a `.ts`, `.mts`, `.js`, `.mjs` or `.json` file, relative to the working directory
 */
export const loadConfigFile = async (file: string): Promise<CheckedConfig> => {
  const path = resolve(file);
  const extension = extname(path).toLowerCase();
  if (extension === '.json') return loadJson(path);
  if (MODULES.has(extension)) return loadModule(path, extension);
  return problem(`${path}: expected a .ts or .json file, got ${extension === '' ? 'no ending' : `"${extension}"`}`);
};

const problem = (message: string): CheckedConfig => ({ ok: false, problems: [{ path: '', message }] });

const loadJson = async (path: string): Promise<CheckedConfig> => {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    return problem(`${path} can't be read: ${messageOf(error)}`);
  }
  let value: unknown;
  const json = text.replace(/^\uFEFF/, '');
  try {
    value = JSON.parse(json);
  } catch (error) {
    return problem(`${path} is not JSON${positionOf(error, text)}`);
  }
  const repeated = findRepeatedNames(json);
  if (repeated.length > 0)
    return {
      ok: false,
      problems: repeated.map((path) => ({ path, message: 'is there twice; only the last would count' })),
    };
  return checkConfig(value);
};

/** Line and column instead of the parser's own message, which quotes the file and so might quote a key. */
const positionOf = (error: unknown, text: string): string => {
  const [, offset] = /position (\d+)/.exec(messageOf(error)) ?? [];
  if (offset === undefined) return ': it ends too early';
  const before = text.slice(0, Number(offset)).split('\n');
  return `: line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
};

const loadModule = async (path: string, extension: string): Promise<CheckedConfig> => {
  const major = Number(process.versions.node.split('.')[0]);
  if (extension.endsWith('ts') && major < NODE_MAJOR)
    return problem(
      `${path} needs Node ${NODE_MAJOR}, this is ${process.versions.node}. Start it by an npm script, which uses the Node that npm installed here, or write the configuration as .json.`,
    );
  try {
    // Read first: an import that fails says nothing of which file was missing.
    await readFile(path);
  } catch (error) {
    return problem(`${path} can't be read: ${messageOf(error)}`);
  }
  let loaded: { default?: unknown };
  try {
    loaded = await import(pathToFileURL(path).href);
  } catch (error) {
    return problem(`${path} can't be loaded: ${messageOf(error)}${adviceFor(error)}`);
  }
  if (loaded.default === undefined)
    return problem(`${path} has no default export; write \`export default defineGateway({ … })\``);
  return checkConfig(await loaded.default);
};

const adviceFor = (error: unknown): string => {
  const { name, code } = error as { name?: unknown; code?: unknown };
  const advice = ADVICE[String(code)];
  if (advice !== undefined) return `\n${advice}`;
  return name === 'SyntaxError' && !messageOf(error).includes('does not provide an export')
    ? '\nIs it a module? The nearest package.json needs "type": "module", or name the file .mts.'
    : '';
};

const ADVICE: Record<string, string> = {
  ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX:
    'Node takes types off but compiles nothing: no enum, no namespace, no parameter properties (`constructor(private x)`).',
  ERR_INVALID_TYPESCRIPT_SYNTAX: 'The file is not valid TypeScript.',
  ERR_MODULE_NOT_FOUND: 'Relative imports need their ending (`./prices.ts`), packages must be installed.',
  ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING:
    'Node reads no TypeScript inside node_modules: import a built .js, or move the file out.',
  ERR_REQUIRE_ESM: 'The nearest package.json needs "type": "module", or name the file .mts.',
  ERR_UNKNOWN_FILE_EXTENSION: `This Node reads no TypeScript; use Node ${NODE_MAJOR}.`,
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
