import { describeLedgerAudit } from '../../port-suites/ledger-audit.ts';
import { makeTamperedFile } from './tamper-with-file.ts';

describeLedgerAudit('embedded, in a file', makeTamperedFile);
