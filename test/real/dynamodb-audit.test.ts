import { afterAll, beforeAll } from '@jest/globals';
import { describeLedgerAudit } from '../port-suites/ledger-audit.ts';
import { withDynamoDb } from './support/dynamo-world.ts';
import { tamperWithTables } from './support/tamper-with-tables.ts';

const makeWorld = withDynamoDb({ beforeAll, afterAll });

describeLedgerAudit('DynamoDB', async (clock) => {
  const world = await makeWorld(clock);
  // An answer that comes late must not make another hold here: what is looked at is what was asked for.
  return { ...world, open: async () => world.openRaw({ answerTimeoutMs: 60_000 }), tamper: tamperWithTables(world) };
});
