import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedStores, openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import type { Random } from '../../../lambdas/core/ports.ts';
import type { MakeStores } from '../../port-suites/store-world.ts';

/** Mulberry32: small, seeded, good enough to choose by. */
export const seededRandom = (seed: number): Random => {
  let state = seed >>> 0;
  const fraction = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return { fraction, bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(fraction() * 256)) };
};

/** In memory there is one process only. */
export const makeMemoryStores: MakeStores = async (clock) => {
  const stores = openEmbeddedStores({ file: ':memory:', clock, random: seededRandom(1) });
  return {
    open: async () => stores,
    catchUp: async () => {},
    end: async () => stores.close(),
  };
};

/** A file of its own that every `open` shares. */
export const makeFileStores: MakeStores = async (clock) => {
  const folder = makeFolder();
  const opened: EmbeddedStores[] = [];
  return {
    async open() {
      const stores = openEmbeddedStores({
        file: join(folder.path, 'tollgate.db'),
        clock,
        random: seededRandom(opened.length),
      });
      opened.push(stores);
      return stores;
    },
    catchUp: async () => {},
    async end() {
      for (const stores of opened) stores.close();
      folder.remove();
    },
  };
};

export const makeFolder = (): { path: string; remove(): void } => {
  const path = mkdtempSync(join(tmpdir(), 'tollgate-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
};
