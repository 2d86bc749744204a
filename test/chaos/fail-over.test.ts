import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';
import { anthropicVendor, bedrockVendor, type Vendor } from '../support/vendors.ts';
import { startChaosUpstream } from './chaos-upstream.ts';
import { type Clients, openClients } from './clients.ts';
import { aliasOf, FAULT_ROWS, type FaultRow, MODES, type Mode } from './fault-rows.ts';
import { meteredOpenai } from './metered-openai.ts';
import {
  type Addresses,
  extraCalls,
  type FailOver,
  failOverConfig,
  planRows,
  runFailOver,
} from './scenarios/fail-over.ts';

// Real connections on a machine that may be busy.
jest.setTimeout(60_000);

const AT_ONCE = 4;
const CLIENTS = 12;

/** Faults whose words differ by dialect; a connection breaks the same way in all. */
const WORDS = [
  'status-500',
  'status-529',
  'limited',
  'cut-early',
  'cut-late',
  'ends-early',
  'malformed',
  'error-early',
  'error-late',
];

describe.each<[string, Vendor, readonly FaultRow[]]>([
  ['OpenAI', meteredOpenai, FAULT_ROWS],
  ['Anthropic', anthropicVendor, FAULT_ROWS.filter(({ name }) => WORDS.includes(name))],
  ['Bedrock', bedrockVendor, FAULT_ROWS.filter(({ name }) => WORDS.includes(name))],
])('a primary that speaks as %s does, and fails, beside a healthy backup', (_name, vendor, rows) => {
  let addresses: Addresses;
  let gateway: TestGateway;
  let clients: Clients;
  const waits: number[] = [];
  const outcomes = new Map<string, FailOver>();

  beforeAll(async () => {
    addresses = {
      upstream: await startChaosUpstream({ vendor }),
      untrusted: await startChaosUpstream({ vendor, isUntrusted: true }),
      // A port that was free a moment ago may be anybody's; nobody is given this one.
      refused: 'http://127.0.0.1:1',
    };
    gateway = await startGateway(failOverConfig(rows, addresses, vendor), { env: { PROVIDER_KEY: 'provider-key' } });
    clients = openClients();
    const { ports } = gateway.gateway;
    const { clock } = ports;
    ports.clock = {
      ...clock,
      sleep: (ms, signal) => {
        // The background prober sleeps between its rounds, and keeps nobody waiting.
        if (!new Error().stack?.includes('/core/probe/')) waits.push(ms);
        return clock.sleep(ms, signal);
      },
    };
    planRows(rows, addresses.upstream);
    const subject = { baseUrl: `${gateway.url}/v1`, headers: { authorization: `Bearer ${gateway.key}` } };
    await Promise.all(
      rows.flatMap((row) =>
        MODES.map(async (mode) => {
          const outcome = await runFailOver({ row, mode, subject }, addresses, clients, {
            clients: CLIENTS,
            atOnce: AT_ONCE,
          });
          outcomes.set(aliasOf(row, mode), outcome);
        }),
      ),
    );
    await gateway.gateway.whenIdle();
  });
  afterAll(async () => {
    await clients.close();
    await gateway.stop();
    await Promise.all([addresses.upstream.stop(), addresses.untrusted.stop()]);
  });

  const cases = rows.flatMap((row) =>
    MODES.map((mode): [string, FaultRow, Mode] => [`${row.title}, ${mode}`, row, mode]),
  );
  const outcomeOf = (row: FaultRow, mode: Mode): FailOver => {
    const found = outcomes.get(aliasOf(row, mode));
    if (found === undefined) throw new Error('it was not run');
    return found;
  };

  test.each(cases)('%s', async (_title, row, mode) => {
    const outcome = outcomeOf(row, mode);
    const { seen, primary, backup } = outcome;
    const expected = row[mode];
    const verdicts = new Set(seen.map(({ verdict }) => verdict));

    if (expected === 'told') {
      // Those who were asked of the primary had content already: they are told. Nobody is asked in its place, or left without an end.
      const asked = new Set(primary.map(({ client }) => client));
      for (const { client, verdict } of seen) expect(verdict).toBe(asked.has(client) ? 'told' : 'answered');
    } else expect(verdicts).toEqual(new Set(['answered']));

    if (expected === 'primary') expect([primary.length, backup.length]).toEqual([CLIENTS, 0]);
    if (expected === 'backup') expect(backup).toHaveLength(CLIENTS);

    // A second call at most, and a third to nobody.
    expect(Math.max(...extraCalls(outcome))).toBeLessThanOrEqual(1);
    const records = await gateway.gateway.ports.circuits.list();
    const record = records.find(({ target }) => target.startsWith(`${aliasOf(row, mode)}-primary/`));
    const opens = row.opens && expected !== 'primary';
    expect(record?.circuit.state ?? 'closed').toBe(opens ? 'open' : 'closed');
    // Five failures open it; what was under way meanwhile is already sent.
    if (opens) expect(primary.length).toBeLessThanOrEqual(5 + AT_ONCE);
  });

  test('nobody sleeps before the backup is tried', () => {
    expect(waits).toEqual([]);
  });

  test('every client has its entry, settled, and every call of the upstream is in it', async () => {
    const entries = await gateway.gateway.ports.ledger.tail({ limit: 10_000 });
    expect(entries).toHaveLength(cases.length * CLIENTS);
    expect(new Set(entries.map(({ state }) => state))).toEqual(new Set(['settled']));
    const attempts = (alias: string, at: string): number =>
      entries
        .filter((entry) => entry.alias === alias)
        .flatMap(({ receipt }) => receipt.attempts)
        .filter(({ target }) => target.startsWith(`${alias}-${at}/`)).length;
    for (const [, row, mode] of cases) {
      const { primary, backup } = outcomeOf(row, mode);
      const alias = aliasOf(row, mode);
      expect([alias, attempts(alias, 'backup')]).toEqual([alias, backup.length]);
      if (row.address === undefined) expect([alias, attempts(alias, 'primary')]).toEqual([alias, primary.length]);
    }
  });
});
