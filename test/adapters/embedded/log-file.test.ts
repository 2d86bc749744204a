import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openLogFile } from '../../../lambdas/adapters/embedded/log-file.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { makeFolder } from './embedded-worlds.ts';

test('who waits for the log to be on disk while it is closed is waited for; who comes after is refused', async () => {
  const folder = makeFolder();
  const file = join(folder.path, 'log');
  writeFileSync(file, 'committed');
  const log = openLogFile(file);
  const [running, next, withNext] = [log.sync(), log.sync(), log.sync()];
  log.close();
  await expect(Promise.all([running, next, withNext])).resolves.toBeDefined();
  await expect(log.sync()).rejects.toBeInstanceOf(StoreUnavailable);
  folder.remove();
});
