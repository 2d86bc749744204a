import { randomBytes } from 'node:crypto';
import { openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { epochOf } from '../../../lambdas/contract/timing.ts';
import { account, entryOf, ledgerAt, settlementOf } from '../../port-suites/ledger-requests.ts';

/**
 * A gateway process for tests, on a real clock: `gateway-process.ts <file> <what> <name>`. Says what it has done, a line a
 * step, and leaves only when it is told to by a line on standard input, or killed.
 */
const [file = '', what = '', name = ''] = process.argv.slice(2);
const clock = {
  now: () => Date.now(),
  sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  after: (ms: number, callback: () => void) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
const stores = openEmbeddedStores({
  file,
  clock,
  random: { bytes: (count) => randomBytes(count), fraction: Math.random },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const hear = (): Promise<void> => new Promise((resolve) => process.stdin.once('data', () => resolve()));
const { admit, hold } = ledgerAt(stores.ledger, clock);

switch (what) {
  // Opens one entry, holds for another, has a request under way; and waits.
  case 'hold': {
    await admit(`req_${name}`, 100n, [account('team#search#2026-11', 1_000n)]);
    await hold(50n, [account('team#search#2026-11', 1_000n)]);
    await stores.limits.take(
      [{ scope: 'key#k1', limit: { concurrent: 1 }, tokens: 0 }],
      epochOf(clock.now()),
      clock.now(),
    );
    const claim = { key: `k1#${name}`, fingerprint: 'f1', owner: name, leaseUntil: clock.now() + 600_000 };
    await stores.answers.claim(claim, clock.now());
    say('holding');
    await hear();
    await stores.ledger.settle(settlementOf(`req_${name}`, 60n));
    say('settled');
    await hear();
    break;
  }
  // As many requests as the cap lets through, at full speed beside others; every third is given back.
  case 'compete': {
    say('ready');
    await hear();
    let admitted = 0;
    for (let i = 0; i < 300; i++) {
      if (i === 40) say('under way');
      const request = {
        accounts: [account('org#acme#2026-11', 100_000n), account(`team#${name}#2026-11`, null)],
        capVersion: 1,
        epoch: epochOf(clock.now()),
        amount: 500n,
      };
      const outcome = await stores.ledger.hold(request);
      if (outcome.kind !== 'held') continue;
      if (i % 3 === 0) {
        await stores.ledger.giveBack(request);
        continue;
      }
      const requestId = `req_${name}_${i}`;
      if (!(await stores.ledger.open(entryOf(requestId, request)))) throw new Error('not opened');
      await stores.ledger.settle(settlementOf(requestId, 500n));
      admitted += 1;
    }
    say(`admitted ${admitted}`);
    break;
  }
  default:
    throw new Error(`no such part: ${what}`);
}
stores.close();
process.exit();
