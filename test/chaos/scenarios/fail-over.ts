import type { GatewayConfig, ProviderConfig } from '../../../lambdas/contract/config.ts';
import type { Vendor } from '../../support/vendors.ts';
import { chaosConfig } from '../chaos-config.ts';
import { ANSWER, type ChaosCall, type ChaosUpstream } from '../chaos-upstream.ts';
import type { Clients, Seen, Subject } from '../clients.ts';
import { aliasOf, type FaultRow, MODES, type Mode, ROW_TIMEOUTS } from '../fault-rows.ts';
import { meteredOpenai } from '../metered-openai.ts';

/** Where a primary is, by what is wrong with its address. */
export interface Addresses {
  upstream: ChaosUpstream;
  /** Speaks TLS, and nobody trusts it. */
  untrusted: ChaosUpstream;
  /** Nobody listens there. */
  refused: string;
}

/** The address of a row's primary, without the dialect's own path. */
export const primaryOrigin = (row: FaultRow, mode: Mode, { upstream, untrusted, refused }: Addresses): string => {
  const path = `${aliasOf(row, mode)}-primary`;
  switch (row.address) {
    case 'refused':
      return `${refused}/${path}`;
    case 'no-such-host':
      // Reserved: no resolver may know it (RFC 6761).
      return `http://primary.invalid/${path}`;
    case 'untrusted':
      return `${untrusted.origin}/${path}`;
    case 'no-tls':
      return `${upstream.origin.replace('http:', 'https:')}/${path}`;
    case undefined:
      return `${upstream.origin}/${path}`;
    default:
      return row.address satisfies never;
  }
};

export const backupOrigin = (row: FaultRow, mode: Mode, { upstream }: Addresses): string =>
  `${upstream.origin}/${aliasOf(row, mode)}-backup`;

/** An alias a row and mode: the primary that fails so, then a healthy backup. */
export const failOverConfig = (
  rows: readonly FaultRow[],
  addresses: Addresses,
  vendor: Vendor = meteredOpenai,
): GatewayConfig => {
  const all = rows.flatMap((row) => MODES.map((mode) => ({ row, mode, alias: aliasOf(row, mode) })));
  const providers = all.flatMap(({ row, mode, alias }): [string, ProviderConfig][] => [
    [`${alias}-primary`, vendor.provider(primaryOrigin(row, mode, addresses))],
    [`${alias}-backup`, vendor.provider(backupOrigin(row, mode, addresses))],
  ]);
  const models = all.map(({ alias }) => [
    alias,
    { asks: [`${alias}-primary`, `${alias}-backup`], model: vendor.model, timeouts: ROW_TIMEOUTS },
  ]);
  return chaosConfig(Object.fromEntries(providers), Object.fromEntries(models));
};

export const planRows = (rows: readonly FaultRow[], upstream: ChaosUpstream): void => {
  for (const row of rows)
    for (const mode of MODES)
      upstream.plan(`${aliasOf(row, mode)}-primary`, row.fault === undefined ? [] : [{ fault: row.fault }]);
};

/** One row and mode as its clients and the upstream saw it. */
export interface FailOver {
  row: FaultRow;
  mode: Mode;
  seen: Seen[];
  primary: ChaosCall[];
  backup: ChaosCall[];
}

/** Sends a crowd to a row's alias. */
export const runFailOver = async (
  { row, mode, subject }: { row: FaultRow; mode: Mode; subject: Subject },
  { upstream, untrusted }: Addresses,
  clients: Clients,
  crowd: { clients: number; atOnce: number },
): Promise<FailOver> => {
  const alias = aliasOf(row, mode);
  const seen = await clients.send(subject, {
    alias,
    isStream: mode === 'stream',
    text: () => ANSWER.join(''),
    ...crowd,
  });
  const callsOf = (target: string) => [...upstream.callsOf(target), ...untrusted.callsOf(target)];
  return { row, mode, seen, primary: callsOf(`${alias}-primary`), backup: callsOf(`${alias}-backup`) };
};

/** Upstream calls of a client beyond the one that everybody needs, by client. */
export const extraCalls = ({ seen, primary, backup }: FailOver): number[] => {
  const calls = new Map<number | undefined, number>();
  for (const { client } of [...primary, ...backup]) calls.set(client, (calls.get(client) ?? 0) + 1);
  return seen.map(({ client }) => Math.max(0, (calls.get(client) ?? 0) - 1));
};

/** From the end of a client's last call to the primary to its first call to the backup, ms. */
export const switchTimes = ({ primary, backup }: FailOver): number[] => {
  const byClient = new Map(backup.map((call) => [call.client, call.at]));
  const lastOf = new Map(primary.map((call) => [call.client, call.endedAt]));
  return [...lastOf].flatMap(([client, endedAt]) => {
    const at = byClient.get(client);
    return at === undefined || endedAt === undefined ? [] : [at - endedAt];
  });
};

/** From the first client's start to that of the first one that was not sent to the primary any more, ms; undefined where all were. */
export const timeToLeave = ({ seen, primary }: FailOver): number | undefined => {
  const asked = new Set(primary.map(({ client }) => client));
  const began = Math.min(...seen.map(({ startedAt }) => startedAt));
  const spared = seen.filter(({ client }) => !asked.has(client)).map(({ startedAt }) => startedAt - began);
  return spared.length === 0 ? undefined : Math.min(...spared);
};
