import { epochEnd } from '../../contract/timing.ts';
import type { Bucket } from '../../core/admit/gcra.ts';
import type { Connection } from './database.ts';
import { makeRowWriter, type RowKind } from './row-cache.ts';

/** Epochs for which a request counts as under way whose end nobody told. */
export const FLIGHT_EPOCHS = 4;

/** Requests under way that one process took in one epoch. */
interface Flight {
  epoch: number;
  owner: string;
  count: number;
}

/** All that is kept of one scope's limits. */
export interface Standing {
  scope: string;
  requests: Bucket | undefined;
  tokens: Bucket | undefined;
  flights: Flight[];
}

const writeStandings = makeRowWriter(
  'INSERT INTO limits (scope, requests_tat_us, requests_at_us, tokens_tat_us, tokens_at_us, flights, idle_at)',
  `ON CONFLICT (scope) DO UPDATE SET requests_tat_us = excluded.requests_tat_us, requests_at_us = excluded.requests_at_us,
     tokens_tat_us = excluded.tokens_tat_us, tokens_at_us = excluded.tokens_at_us, flights = excluded.flights,
     idle_at = excluded.idle_at`,
);

const STANDINGS: RowKind<Standing> = {
  load(connection, scope) {
    const row = connection.get<{
      requests_tat_us: bigint | null;
      requests_at_us: bigint | null;
      tokens_tat_us: bigint | null;
      tokens_at_us: bigint | null;
      flights: string;
    }>(
      'SELECT requests_tat_us, requests_at_us, tokens_tat_us, tokens_at_us, flights FROM limits WHERE scope = ?',
      scope,
    );
    if (row === undefined) return undefined;
    return {
      scope,
      requests: toBucket(row.requests_tat_us, row.requests_at_us),
      tokens: toBucket(row.tokens_tat_us, row.tokens_at_us),
      flights: parseFlights(row.flights),
    };
  },
  save: (connection, standings) =>
    writeStandings(
      connection,
      standings.map(({ scope, requests, tokens, flights }) => [
        scope,
        requests?.tatUs ?? null,
        requests?.atUs ?? null,
        tokens?.tatUs ?? null,
        tokens?.atUs ?? null,
        JSON.stringify(flights.map(({ epoch, owner, count }) => [epoch, owner, count])),
        Math.max(
          drainedAt(requests),
          drainedAt(tokens),
          ...flights.map(({ epoch }) => epochEnd(epoch + FLIGHT_EPOCHS)),
        ),
      ]),
    ),
};

const toBucket = (tatUs: bigint | null, atUs: bigint | null): Bucket | undefined =>
  tatUs === null || atUs === null ? undefined : { tatUs: Number(tatUs), atUs: Number(atUs) };

const parseFlights = (json: string): Flight[] =>
  (JSON.parse(json) as [number, string, number][]).map(([epoch, owner, count]) => ({ epoch, owner, count }));

/** A bucket that has drained is as good as none. Milliseconds. */
const drainedAt = (bucket: Bucket | undefined): number =>
  bucket === undefined ? 0 : Math.ceil(Math.max(bucket.tatUs, bucket.atUs) / 1000);

export const readStandingOf = (connection: Connection, scope: string): Standing | undefined =>
  connection.rows.get(STANDINGS, scope);

export const storeBucket = (
  connection: Connection,
  scope: string,
  what: 'requests' | 'tokens',
  bucket: Bucket,
): void => {
  const standing = changeStanding(connection, scope);
  standing[what] = bucket;
};

const changeStanding = (connection: Connection, scope: string): Standing => {
  const known = readStandingOf(connection, scope);
  const standing = known ?? { scope, requests: undefined, tokens: undefined, flights: [] };
  if (known === undefined) connection.rows.keep(STANDINGS, scope, standing);
  connection.rows.change(STANDINGS, standing);
  return standing;
};

/**
 * Requests under way. Counts of the last epochs only: a process that died never says that its requests have ended. Nor do
 * counts of epochs to come matter, left from before the clock went back.
 */
export const countFlights = (connection: Connection, scope: string, epoch: number): number => {
  let sum = 0;
  for (const flight of readStandingOf(connection, scope)?.flights ?? [])
    if (flight.epoch >= epoch - FLIGHT_EPOCHS && flight.epoch <= epoch + 1) sum += flight.count;
  return sum;
};

export const joinFlight = (connection: Connection, scope: string, epoch: number, owner: string): void => {
  const standing = changeStanding(connection, scope);
  const known = standing.flights.find((flight) => flight.epoch === epoch && flight.owner === owner);
  if (known !== undefined) known.count += 1;
  else {
    const young = standing.flights.filter((flight) => flight.epoch >= epoch - FLIGHT_EPOCHS);
    standing.flights = [...young, { epoch, owner, count: 1 }];
  }
};

/** Changes nothing where the flight is not known (any more). */
export const leaveFlight = (connection: Connection, scope: string, epoch: number, owner: string): void => {
  const standing = readStandingOf(connection, scope);
  const flight = standing?.flights.find((flight) => flight.epoch === epoch && flight.owner === owner);
  if (standing === undefined || flight === undefined) return;
  flight.count -= 1;
  if (flight.count === 0) standing.flights = standing.flights.filter((other) => other !== flight);
  connection.rows.change(STANDINGS, standing);
};

/** Requests of processes that are not among the living are no longer under way. */
export const dropFlights = (connection: Connection, living: ReadonlySet<string>): void => {
  connection.rows.release();
  for (const { scope } of connection.all<{ scope: string }>(`SELECT scope FROM limits WHERE flights <> '[]'`)) {
    const standing = readStandingOf(connection, scope);
    if (standing === undefined || standing.flights.every(({ owner }) => living.has(owner))) continue;
    standing.flights = standing.flights.filter(({ owner }) => living.has(owner));
    connection.rows.change(STANDINGS, standing);
  }
};
