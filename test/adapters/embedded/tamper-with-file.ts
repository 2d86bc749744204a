import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { parseRequestId } from '../../../lambdas/core/admit/request-id.ts';
import type { MakeTamperedWorld, Tamper } from '../../port-suites/tamper.ts';
import { makeFolder, seededRandom } from './embedded-worlds.ts';

const tamperWith = (file: string): Tamper => {
  const run = async (sql: string, ...values: (string | bigint | number)[]): Promise<void> => {
    const database = new DatabaseSync(file, { timeout: 5_000 });
    try {
      const { changes } = database.prepare(sql).run(...values);
      if (Number(changes) !== 1) throw new Error(`${sql} changed ${changes} rows`);
    } finally {
      database.close();
    }
  };
  return {
    removeEntry: (id) => run('DELETE FROM entries WHERE id = ?', id),
    async changeEntry(id, { accounts, ...change }) {
      for (const [name, value] of Object.entries({
        ...change,
        ...(accounts && { accounts: JSON.stringify(accounts) }),
      }))
        await run(`UPDATE entries SET ${name} = ? WHERE id = ?`, value, id);
    },
    async copyEntry(id, to) {
      const epoch = parseRequestId(to)?.epoch ?? 0;
      const first = BigInt(epoch) << 32n;
      const columns =
        'state, nonce, settle_nonce, owner, hold, cost, accounts, key_id, org, team, user, tags, alias, receipt, input_tokens, output_tokens, opened_at, settled_at';
      await run(
        `INSERT INTO entries (seq, id, epoch, ${columns})
         SELECT (SELECT coalesce(max(seq), ${first}) + 1 FROM entries WHERE seq > ${first} AND seq < ${first + (1n << 32n)}),
           ?, ?, ${columns} FROM entries WHERE id = ?`,
        to,
        epoch,
        id,
      );
    },
    removeSeal: (epoch) => run('DELETE FROM seals WHERE epoch = ?', epoch),
    changeSealDigest: (epoch, digest) => run('UPDATE seals SET digest = ? WHERE epoch = ?', digest, epoch),
    changeSealCost: (epoch, cost) =>
      run(
        `UPDATE seals SET lanes = json_set(lanes, '$."' || (SELECT key FROM json_each(lanes) LIMIT 1) || '"[1]', ?) WHERE epoch = ?`,
        String(cost),
        epoch,
      ),
    addToAccount: (account, amount) => run('UPDATE accounts SET spent = spent + ? WHERE key = ?', amount, account),
    // It knows of itself which epochs have nothing in them.
    closedThrough: async () => {},
    removeSum: (account) => run('DELETE FROM account_sums WHERE account = ?', account),
    removeAccount: (account) => run('DELETE FROM accounts WHERE key = ?', account),
  };
};

/** A file that every `open` shares, and that somebody else writes to as well. */
export const makeTamperedFile: MakeTamperedWorld = async (clock) => {
  const folder = makeFolder();
  const file = join(folder.path, 'tollgate.db');
  const opened: { close(): void }[] = [];
  return {
    async open() {
      const stores = openEmbeddedStores({ file, clock, random: seededRandom(opened.length) });
      opened.push(stores);
      return stores;
    },
    catchUp: async () => {},
    tamper: tamperWith(file),
    async end() {
      for (const stores of opened) stores.close();
      folder.remove();
    },
  };
};
