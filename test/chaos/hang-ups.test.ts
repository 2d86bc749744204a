import { expect, jest, test } from '@jest/globals';
import { startHere } from './chaos-gateway.ts';
import { openClients } from './clients.ts';
import { runHangUps } from './scenarios/hang-ups.ts';

// A real process on a machine that may be busy.
jest.setTimeout(60_000);

test('clients that hang up in the middle of streams: every upstream call stops, every entry is settled, and costs what the upstream counted', async () => {
  const clients = openClients();
  const run = await runHangUps({ clients: 300, atOnce: 60, share: 0.2, seed: 7 }, { clients, startServer: startHere });
  await clients.close();

  const verdicts = Object.groupBy(run.seen, ({ verdict }) => verdict);
  expect(Object.keys(verdicts).toSorted()).toEqual(['answered', 'left']);
  expect(verdicts.left?.length).toBeGreaterThan(20);
  expect(run.stillOpen).toBe(0);
  expect(run.wentOn).toBe(0);
  expect(run.unsettled).toEqual([]);
  expect(run.wrong).toEqual([]);
  expect(run.wrongAccounts).toEqual([]);
  expect(run.estimated).toBeGreaterThan(0);
  expect(run.counted + run.estimated).toBe(run.entries.length);
  expect(run.entries.filter(({ receipt }) => receipt.outcome === 'answered').length).toBeGreaterThanOrEqual(
    verdicts.answered?.length ?? 0,
  );
});
