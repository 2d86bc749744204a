/** The same faults, clients and upstream, through other gateways at pinned versions. */
import type { Stage } from '../../test/chaos/chaos-gateway.ts';
import { type ChaosUpstream, startChaosUpstream } from '../../test/chaos/chaos-upstream.ts';
import type { Seen } from '../../test/chaos/clients.ts';
import { aliasOf, type FaultRow, MODES, type Mode } from '../../test/chaos/fault-rows.ts';
import {
  type Addresses,
  extraCalls,
  type FailOver,
  planRows,
  runFailOver,
  timeToLeave,
} from '../../test/chaos/scenarios/fail-over.ts';
import { findFreePort } from '../child.ts';
import { toTable } from '../pages/marked-part.ts';
import { summarize } from '../statistics.ts';
import { firstTimes, ms, p50And99 } from './fail-over-table.ts';
import { openLitellm, openPortkey, openTollgate, PEER_ROWS, type Peer } from './open-peers.ts';

const CLIENTS = 24;
const CROWD = { clients: CLIENTS, atOnce: 8 };
const LEAVERS = 20;
const LEAVE_AFTER_MS = 1_500;
const WORDS = 200;
const WORD_GAP_MS = 50;

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

/** Beside what the same gateway takes where the primary is healthy. */
const beside = (seen: readonly Seen[], healthy: readonly Seen[]): string => {
  const times = firstTimes(seen);
  const ratio = summarize(times).p50 / summarize(firstTimes(healthy)).p50;
  return times.length === 0 ? '–' : `${p50And99(times)} (${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)}×)`;
};

const lineOf = ({ peer, row, outcomes }: Cell, cells: readonly Cell[]): string[] => {
  const extra = outcomes.flatMap(extraCalls);
  const of = (mode: Mode, list = outcomes) => list.find((one) => one.mode === mode)?.seen ?? [];
  const healthy = cells.find((cell) => cell.peer === peer && cell.row === PEER_ROWS[0])?.outcomes ?? [];
  const left = outcomes.map(timeToLeave);
  const isFaulty = row !== PEER_ROWS[0];
  const isHeard = row.address === undefined;
  return [
    row.title,
    peer,
    `${verdictsOf(of('plain'))} / ${verdictsOf(of('stream'))}`,
    isHeard ? (extra.reduce((sum, calls) => sum + calls, 0) / extra.length).toFixed(2) : '–',
    beside(of('plain'), of('plain', healthy)),
    beside(of('stream'), of('stream', healthy)),
    isFaulty && isHeard ? left.map((time) => (time === undefined ? 'never' : ms(time))).join(' / ') : '–',
  ];
};

const HEAD = [
  'the primary',
  'gateway',
  `clients without an answer, plain / stream, of ${CLIENTS} each`,
  'extra upstream calls a client',
  'first answer, ms p50 / p99: plain',
  'stream',
  'left the primary after, ms: plain / stream',
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

type OpenPeer = (addresses: Addresses, stage: Stage) => Promise<Peer>;

const PEERS: readonly OpenPeer[] = [
  openTollgate,
  (addresses) => openLitellm(addresses),
  (addresses) => openLitellm(addresses, 0),
  openPortkey,
];

/** @returns the tables, in Markdown */
export const comparePeers = async (
  stage: Stage,
  say: (message: string) => void,
  openers: readonly OpenPeer[] = PEERS,
): Promise<string> => {
  const upstream = await startChaosUpstream();
  const long = await startChaosUpstream({ piecesFor: () => Array.from({ length: WORDS }, (_, i) => `word${i} `) });
  const addresses: Addresses = { upstream, untrusted: upstream, refused: `http://127.0.0.1:${await findFreePort()}` };
  const longAddresses: Addresses = { ...addresses, upstream: long, untrusted: long };
  const [healthy] = PEER_ROWS;
  if (healthy === undefined) throw new Error('no row');
  const cells: Cell[] = [];
  const hangUps: string[][] = [];
  try {
    for (const open of openers) {
      const peer = await open(addresses, stage);
      say(`${peer.title} is up`);
      // Once unmeasured: what comes first is slow everywhere.
      for (const mode of MODES)
        await runFailOver(
          { row: healthy, mode, subject: peer.subjectFor(healthy, mode) },
          addresses,
          stage.clients,
          CROWD,
        );
      upstream.forget();
      try {
        for (const row of PEER_ROWS) {
          planRows([row], upstream);
          const outcomes: FailOver[] = [];
          for (const mode of MODES) {
            const subject = peer.subjectFor(row, mode);
            outcomes.push(
              await runFailOver({ row, mode, subject }, { ...addresses, untrusted: long }, stage.clients, CROWD),
            );
          }
          const cell = { peer: peer.title, row, outcomes };
          cells.push(cell);
          say(lineOf(cell, cells).join(' | '));
          await upstream.whenQuiet();
          upstream.forget();
        }
      } finally {
        await peer.stop();
      }
      const second = await open(longAddresses, stage);
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
  const order = PEER_ROWS.flatMap((row) => cells.filter((cell) => cell.row === row));
  return [
    toTable(
      HEAD,
      order.map((cell) => lineOf(cell, cells)),
    ),
    `Clients that leave a stream of ${(WORDS * WORD_GAP_MS) / 1_000} s after ${LEAVE_AFTER_MS / 1_000} s:\n`,
    toTable(
      ['gateway', 'answers made to their end for nobody', 'upstream stopped after, ms p50 / p99', 'at most'],
      hangUps,
    ),
  ].join('\n');
};
