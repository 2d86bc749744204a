import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseApiKey } from '../../lambdas/core/authenticate/api-key.ts';
import { readDemoKey } from '../../lambdas/wiring/demo-key.ts';
import { type LocalStores, makeLocalStores } from '../../lambdas/wiring/open-local-stores.ts';

let folder: string;
let stores: LocalStores;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-'));
  stores = makeLocalStores(join(folder, 'data'));
});
afterEach(() => {
  stores.close();
  rmSync(folder, { recursive: true, force: true });
});

const file = () => join(folder, 'data', 'demo-key');
const read = () => readDemoKey(join(folder, 'data'), stores.access, stores);
const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('the demo key', () => {
  test('is the same at every start, and stands in a file that only its owner may read', async () => {
    const key = await read();
    expect(await read()).toBe(key);
    expect(readFileSync(file(), 'utf8').trim()).toBe(key);
    expect(modeOf(file())).toBe(0o600);
    expect(modeOf(join(folder, 'data'))).toBe(0o700);
  });

  test('in place of a file that others may read is readable to its owner only', async () => {
    writeFileSync(file(), 'tg_half', { mode: 0o644 });
    const key = await read();
    expect(modeOf(file())).toBe(0o600);
    expect(readdirSync(join(folder, 'data')).filter((name) => name.startsWith('demo'))).toEqual(['demo-key']);
    expect(await read()).toBe(key);
  });

  test('that was revoked is replaced', async () => {
    const key = await read();
    await stores.access.revokeKey(parseApiKey(key)?.id ?? '', 1);
    expect(await read()).not.toBe(key);
  });
});
