import { readFileSync } from 'node:fs';
import { isBuiltin, stripTypeScriptTypes } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { type Module, SourceTextModule, SyntheticModule } from 'node:vm';

/** One change of a source file: a text that is there exactly once, and what stands there instead. */
export interface SourceChange {
  /** From the project's root. */
  file: string;
  from: string;
  to: string;
}

const ROOT = resolve(import.meta.dirname, '../..');

/**
 * Loads a module and all that it imports from this project anew, with its sources changed: code broken on purpose, to see
 * that a test finds it, without a trace in the code itself. Packages are those that are loaded already.
 *
 * @throws {Error} when a change's text is not there, or is there more than once: the code has moved on
 */
export const loadChanged = async <T>(entry: string, changes: readonly SourceChange[]): Promise<T> => {
  const left = new Set(changes);
  const modules = new Map<string, Promise<Module>>();

  const readChanged = (path: string): string => {
    let source = readFileSync(path, 'utf8');
    for (const change of changes) {
      if (change.file !== relative(ROOT, path)) continue;
      left.delete(change);
      const count = source.split(change.from).length - 1;
      if (count !== 1) throw new Error(`${change.file} has ${count} times: ${change.from}`);
      source = source.replace(change.from, () => change.to);
    }
    return stripTypeScriptTypes(source, { mode: 'strip' });
  };

  const makeModule = async (path: string): Promise<Module> =>
    new SourceTextModule(readChanged(path), {
      identifier: path,
      initializeImportMeta: (meta: ImportMeta) => {
        meta.dirname = dirname(path);
      },
    });

  const makePackage = async (name: string): Promise<Module> => {
    const namespace = (await import(name)) as Record<string, unknown>;
    const names = Object.keys(namespace);
    return new SyntheticModule(names, function (this: SyntheticModule) {
      for (const each of names) this.setExport(each, namespace[each]);
    });
  };

  const load = (specifier: string, from: string): Promise<Module> => {
    const isOurs = !isBuiltin(specifier) && /^[./]/.test(specifier);
    const key = isOurs ? resolve(dirname(from), specifier) : specifier;
    let module = modules.get(key);
    if (module === undefined) {
      module = isOurs ? makeModule(key) : makePackage(specifier);
      modules.set(key, module);
    }
    return module;
  };

  const module = await load(resolve(ROOT, entry), ROOT);
  await module.link((specifier, referencing) => load(specifier, referencing.identifier));
  if (left.size > 0) throw new Error(`${entry} does not load ${[...left].map(({ file }) => file).join(', ')}`);
  await module.evaluate();
  return module.namespace as T;
};
