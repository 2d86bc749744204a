/** The same faults, clients and upstream, through other gateways at pinned versions. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Stage, startChaosGateway } from '../../test/chaos/chaos-gateway.ts';
import { type ChaosUpstream, startChaosUpstream } from '../../test/chaos/chaos-upstream.ts';
import type { Seen, Subject } from '../../test/chaos/clients.ts';
import { aliasOf, FAULT_ROWS, type FaultRow, MODES, type Mode } from '../../test/chaos/fault-rows.ts';
import {
  type Addresses,
  backupOrigin,
  extraCalls,
  type FailOver,
  failOverConfig,
  planRows,
  primaryOrigin,
  runFailOver,
} from '../../test/chaos/scenarios/fail-over.ts';
import { findFreePort, startChild } from '../child.ts';
import { toTable } from '../pages/marked-part.ts';
import { ensureLitellm, ensurePortkey, litellmVersion, portkeyVersion } from '../peers.ts';
import { firstTimes, ms, p50And99 } from './fail-over-table.ts';

/** What every gateway may be expected to survive. */
const NAMES = [
  'healthy',
  'status-500',
  'refused',
  'reset',
  'hang',
  'cut-early',
  'cut-late',
  'malformed',
  'error-early',
];
const ROWS: readonly FaultRow[] = [
  ...FAULT_ROWS.filter(({ name }) => NAMES.includes(name)),
  {
    name: 'limited-five',
    title: '429, `retry-after: 5`',
    fault: { kind: 'status', status: 429, headers: { 'retry-after': '5' } },
    plain: 'backup',
    stream: 'backup',
    opens: false,
  },
];

const CLIENTS = 24;
const AT_ONCE = 8;
const LEAVERS = 20;
const LEAVE_AFTER_MS = 1_500;
const WORDS = 200;
const WORD_GAP_MS = 50;

interface Peer {
  title: string;
  subjectFor(row: FaultRow, mode: Mode): Subject;
  stop(): Promise<void>;
}

const openTollgate = async (addresses: Addresses, stage: Stage): Promise<Peer> => {
  const gateway = await startChaosGateway(failOverConfig(ROWS, addresses), stage);
  const [subject] = gateway.subjects;
  if (subject === undefined) throw new Error('no gateway');
  return { title: 'Tollgate', subjectFor: () => subject, stop: gateway.stop };
};

/** Of what its documentation names for failing over: a list of fallbacks. Timeouts as Tollgate's; everything else as it comes, unless `retries` says otherwise. */
const openLitellm = async (addresses: Addresses, retries?: number): Promise<Peer> => {
  const command = await ensureLitellm();
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-litellm-'));
  const all = ROWS.flatMap((row) => MODES.map((mode) => ({ row, mode, alias: aliasOf(row, mode) })));
  const entry = (name: string, origin: string) => ({
    model_name: name,
    litellm_params: { model: 'openai/m', api_base: `${origin}/v1`, api_key: 'k', timeout: 5, stream_timeout: 2.5 },
  });
  const settings = {
    model_list: all.flatMap(({ row, mode, alias }) => [
      entry(alias, primaryOrigin(row, mode, addresses)),
      entry(`${alias}-backup`, backupOrigin(row, mode, addresses)),
    ]),
    router_settings: {
      fallbacks: all.map(({ alias }) => ({ [alias]: [`${alias}-backup`] })),
      ...(retries !== undefined && { num_retries: retries }),
    },
    ...(retries !== undefined && { litellm_settings: { num_retries: retries } }),
  };
  // JSON is YAML.
  await writeFile(join(folder, 'config.yaml'), JSON.stringify(settings));
  const url = `http://127.0.0.1:${await findFreePort()}`;
  const child = await startChild({
    name: 'LiteLLM',
    command,
    args: [
      '--config',
      join(folder, 'config.yaml'),
      '--host',
      '127.0.0.1',
      '--port',
      new URL(url).port,
      '--num_workers',
      '1',
      '--telemetry',
      'False',
    ],
    env: {
      LITELLM_MODE: 'PRODUCTION',
      LITELLM_LOG: 'ERROR',
      LITELLM_LOCAL_MODEL_COST_MAP: 'True',
      LITELLM_TELEMETRY: 'False',
      PYTHONUNBUFFERED: '1',
    },
    healthUrl: `${url}/health/liveliness`,
    readyWithinMs: 180_000,
  });
  return {
    title: `LiteLLM ${litellmVersion}${retries === undefined ? '' : `, \`num_retries: ${retries}\``}`,
    subjectFor: () => ({ baseUrl: `${url}/v1`, headers: { authorization: 'Bearer unused' } }),
    stop: async () => {
      await child.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** The documented strategy `fallback`; without a retry, as it comes. */
const openPortkey = async (addresses: Addresses): Promise<Peer> => {
  const script = await ensurePortkey();
  const url = `http://127.0.0.1:${await findFreePort()}`;
  const child = await startChild({
    name: 'Portkey',
    command: process.execPath,
    args: [script, `--port=${new URL(url).port}`, '--headless'],
    healthUrl: `${url}/`,
    readyWithinMs: 60_000,
  });
  const target = (origin: string) => ({
    provider: 'openai',
    api_key: 'k',
    custom_host: `${origin}/v1`,
    request_timeout: 5_000,
  });
  return {
    title: `Portkey ${portkeyVersion}`,
    subjectFor: (row, mode) => ({
      baseUrl: `${url}/v1`,
      headers: {
        authorization: 'Bearer k',
        'x-portkey-config': JSON.stringify({
          strategy: { mode: 'fallback' },
          targets: [target(primaryOrigin(row, mode, addresses)), target(backupOrigin(row, mode, addresses))],
        }),
      },
    }),
    stop: child.stop,
  };
};

interface Cell {
  peer: string;
  row: FaultRow;
  outcomes: FailOver[];
}

const verdictsOf = (seen: readonly Seen[]): string => {
  const count = (verdict: Seen['verdict']): number => seen.filter((one) => one.verdict === verdict).length;
  const bad = [
    ['told', count('told')],
    ['cut off silently', count('silent')],
    ['connection broken', count('broken')],
  ].filter(([, n]) => n !== 0);
  return bad.length === 0 ? '0' : bad.map(([what, n]) => `${n} ${what}`).join(', ');
};

const lineOf = ({ peer, row, outcomes }: Cell): string[] => {
  const extra = outcomes.flatMap(extraCalls);
  const of = (mode: Mode) => outcomes.find((one) => one.mode === mode)?.seen ?? [];
  return [
    row.title,
    peer,
    `${verdictsOf(of('plain'))} / ${verdictsOf(of('stream'))}`,
    row.address === undefined ? (extra.reduce((sum, calls) => sum + calls, 0) / extra.length).toFixed(2) : '–',
    p50And99(firstTimes(of('plain'))),
    p50And99(firstTimes(of('stream'))),
  ];
};

const HEAD = [
  'the primary',
  'gateway',
  `clients without an answer, plain / stream, of ${CLIENTS} each`,
  'extra upstream calls a client',
  'first answer, ms p50 / p99: plain',
  'stream',
];

/** Clients that leave a long stream: how much longer does it go on upstream? */
const hangUpAt = async (peer: Peer, row: FaultRow, upstream: ChaosUpstream, stage: Stage): Promise<string[]> => {
  const seen = await stage.clients.send(peer.subjectFor(row, 'stream'), {
    alias: aliasOf(row, 'stream'),
    isStream: true,
    clients: LEAVERS,
    atOnce: LEAVERS,
    maxTokens: 10_000,
    text: () => '',
    leavesAfterMs: () => LEAVE_AFTER_MS,
  });
  await upstream.whenQuiet();
  const calls = new Map(upstream.callsOf(`${aliasOf(row, 'stream')}-primary`).map((call) => [call.client, call]));
  const after = seen.flatMap(({ client, endedAt }) => {
    const ended = calls.get(client)?.endedAt;
    return ended === undefined ? [] : [ended - endedAt];
  });
  const finished = [...calls.values()].filter(({ end }) => end === 'completed').length;
  return [peer.title, `${finished} of ${calls.size}`, p50And99(after), ms(Math.max(...after))];
};

/** @returns the tables, in Markdown */
export const comparePeers = async (stage: Stage, say: (message: string) => void): Promise<string> => {
  const upstream = await startChaosUpstream();
  const long = await startChaosUpstream({ piecesFor: () => Array.from({ length: WORDS }, (_, i) => `word${i} `) });
  const addresses: Addresses = { upstream, untrusted: upstream, refused: `http://127.0.0.1:${await findFreePort()}` };
  const longAddresses: Addresses = { ...addresses, upstream: long, untrusted: long };
  const [healthy] = ROWS;
  if (healthy === undefined) throw new Error('no row');
  const cells: Cell[] = [];
  const hangUps: string[][] = [];
  const openers = [
    (at: Addresses) => openTollgate(at, stage),
    (at: Addresses) => openLitellm(at),
    (at: Addresses) => openLitellm(at, 0),
    openPortkey,
  ];
  try {
    for (const open of openers) {
      const peer = await open(addresses);
      say(`${peer.title} is up`);
      try {
        for (const row of ROWS) {
          planRows([row], upstream);
          const outcomes: FailOver[] = [];
          for (const mode of MODES) {
            const subject = peer.subjectFor(row, mode);
            outcomes.push(
              await runFailOver({ row, mode, subject }, { ...addresses, untrusted: long }, stage.clients, {
                clients: CLIENTS,
                atOnce: AT_ONCE,
              }),
            );
          }
          const cell = { peer: peer.title, row, outcomes };
          cells.push(cell);
          say(lineOf(cell).join(' | '));
          await upstream.whenQuiet();
          upstream.forget();
        }
      } finally {
        await peer.stop();
      }
      const second = await open(longAddresses);
      try {
        long.plan(`${aliasOf(healthy, 'stream')}-primary`, [{ fault: { kind: 'healthy', gapMs: WORD_GAP_MS } }]);
        hangUps.push(await hangUpAt(second, healthy, long, stage));
        say(hangUps.at(-1)?.join(' | ') ?? '');
        long.forget();
      } finally {
        await second.stop();
      }
    }
  } finally {
    await Promise.all([upstream.stop(), long.stop()]);
  }
  const order = ROWS.flatMap((row) => cells.filter((cell) => cell.row === row));
  return [
    toTable(HEAD, order.map(lineOf)),
    `Clients that leave a stream of ${(WORDS * WORD_GAP_MS) / 1_000} s after ${LEAVE_AFTER_MS / 1_000} s:\n`,
    toTable(
      ['gateway', 'answers made to their end for nobody', 'upstream stopped after, ms p50 / p99', 'at most'],
      hangUps,
    ),
  ].join('\n');
};
