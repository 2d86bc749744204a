import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { HandlerPermissions } from '../../bench/pages/deployer-policy.ts';
import { readHandlerPermissions } from '../../bench/pages/handler-permissions.ts';

test('the permissions behind docs/deployer-policy.json are those of the registry’s schemas (npm run docs:policy)', async () => {
  const stored = JSON.parse(readFileSync('bench/pages/handler-permissions.json', 'utf8')) as HandlerPermissions;
  expect(Object.keys(stored.types).length).toBeGreaterThan(20);
  expect(await readHandlerPermissions(Object.keys(stored.types))).toEqual(stored);
}, 300_000);
