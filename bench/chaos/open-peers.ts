/** Gateways that fail over, at pinned versions, each set up as its documentation says. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Stage, startChaosGateway } from '../../test/chaos/chaos-gateway.ts';
import type { Subject } from '../../test/chaos/clients.ts';
import { aliasOf, FAULT_ROWS, type FaultRow, MODES, type Mode } from '../../test/chaos/fault-rows.ts';
import { type Addresses, backupOrigin, failOverConfig, primaryOrigin } from '../../test/chaos/scenarios/fail-over.ts';
import { litellmVersion, portkeyVersion, runLitellm, runPortkey } from '../peers.ts';

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
export const PEER_ROWS: readonly FaultRow[] = [
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

/** A gateway that was started over the rows' primaries and backups. */
export interface Peer {
  title: string;
  subjectFor(row: FaultRow, mode: Mode): Subject;
  stop(): Promise<void>;
}

/** As `npm start` serves it. */
export const openTollgate = async (addresses: Addresses, stage: Stage): Promise<Peer> => {
  const gateway = await startChaosGateway(failOverConfig(PEER_ROWS, addresses), stage);
  const [subject] = gateway.subjects;
  if (subject === undefined) throw new Error('no gateway');
  return { title: 'Tollgate', subjectFor: () => subject, stop: gateway.stop };
};

/** Of what its documentation names for failing over: a list of fallbacks. Timeouts as Tollgate's; everything else as it comes, unless `retries` says otherwise. */
export const openLitellm = async (addresses: Addresses, retries?: number): Promise<Peer> => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-litellm-'));
  const all = PEER_ROWS.flatMap((row) => MODES.map((mode) => ({ row, mode, alias: aliasOf(row, mode) })));
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
  const { url, child } = await runLitellm(settings, folder);
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
export const openPortkey = async (addresses: Addresses): Promise<Peer> => {
  const { url, child } = await runPortkey();
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
