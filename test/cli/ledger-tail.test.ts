import { expect, test } from '@jest/globals';
import { tailLedger } from '../../lambdas/cli/ledger.ts';
import type { Ledger } from '../../lambdas/core/ledger.ts';
import { makeMemoryStores } from '../adapters/embedded/embedded-worlds.ts';
import { account, ledgerAt } from '../port-suites/ledger-requests.ts';
import { makeWorldClock } from '../port-suites/store-world.ts';

const inLedger = async (run: (ledger: Ledger) => Promise<void>): Promise<void> => {
  const clock = makeWorldClock();
  const world = await makeMemoryStores(clock);
  try {
    const { ledger } = await world.open();
    await ledgerAt(ledger, clock).admit('req_first', 10n, [account('org#acme#2026-11', null)]);
    await run(ledger);
  } finally {
    await world.end();
  }
};

test('entries before a request that is not there are no empty list but a mistake', () =>
  inLedger(async (ledger) => {
    await expect(tailLedger({ limit: 5, before: 'req_unknown' }, { ledger })).rejects.toThrow(
      'There is no request req_unknown.',
    );
  }));

test('before the first request there is nothing, and that is no mistake', () =>
  inLedger(async (ledger) => {
    expect((await tailLedger({ limit: 5, before: 'req_first' }, { ledger })).text).toBe('No requests.');
  }));
