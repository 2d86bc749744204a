/** Failover in real time, and in numbers that `npm test` has no time for; `npm run chaos` has the rest, and writes docs/reliability.md. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { proveHangUps, proveRegions } from '../../bench/chaos/prove.ts';
import { type Stage, startProcess } from '../chaos/chaos-gateway.ts';
import { openClients } from '../chaos/clients.ts';

let stage: Stage;
beforeAll(() => {
  stage = { clients: openClients(), startServer: startProcess };
});
afterAll(() => stage.clients.close());

test.each([
  ['two of three regions lost for five seconds and back', () => proveRegions(stage, 5_000)],
  ['5000 streams of which a tenth is left', () => proveHangUps(stage, 5_000)],
])(
  '%s: as promised',
  async (_what, prove) => {
    const { promise, measured, isMet } = await prove();
    process.stdout.write(`${promise}: ${measured}\n`);
    expect([isMet, measured]).toEqual([true, measured]);
  },
  300_000,
);
