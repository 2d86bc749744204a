import { describe } from '@jest/globals';
import { describeLedgerAdmission } from './ledger-admission.ts';
import { describeLedgerClose } from './ledger-close.ts';
import { describeLedgerEntries } from './ledger-entries.ts';
import type { MakeStores } from './store-world.ts';

/** What docs/ledger.md promises, for any adapter. Accounts are looked at only after `catchUp`. */
export const describeLedgerSuite = (name: string, makeStores: MakeStores): void => {
  describe(`ledger: ${name}`, () => {
    describeLedgerAdmission(makeStores);
    describeLedgerEntries(makeStores);
    describeLedgerClose(makeStores);
  });
};
