import { test } from '@jest/globals';
import { simulateLedger } from './simulation/simulate-ledger.ts';

test('try', async () => {
  const from = Number(process.env['FROM'] ?? 1),
    n = Number(process.env['N'] ?? 10),
    epochs = Number(process.env['EPOCHS'] ?? 60);
  for (let seed = from; seed < from + n; seed++) {
    const t = performance.now();
    try {
      const r = await simulateLedger({ seed, epochs });
      if (process.env['V'])
        process.stdout.write(`${seed} ${Math.round(performance.now() - t)}ms ${JSON.stringify(r)}\n`);
    } catch (e) {
      process.stdout.write(`${seed} ${(e as Error).stack?.split('\n').slice(0, 6).join('\n')}\n`);
    }
  }
}, 3600000);
