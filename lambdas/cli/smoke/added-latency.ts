import { at, type Gateway, request } from './http.ts';

const ROUNDS = 7;

/** The same request to the provider itself. */
export interface DirectRoute {
  gateway: Gateway;
  model: string;
}

/**
 * What the gateway adds to a short plain answer: the same request through it and directly, in turns, so that a slow minute
 * hits both. The first round warms the connections up and does not count.
 *
 * @returns medians, ms
 * @throws {Error} when either does not answer 200
 */
export const measureAddedLatency = async (
  through: DirectRoute,
  direct: DirectRoute,
): Promise<{ throughMs: number; directMs: number; addedMs: number }> => {
  const times = { through: [] as number[], direct: [] as number[] };
  for (let round = 0; round <= ROUNDS; round++) {
    // The one that goes first changes: it might find the provider cold.
    const order = round % 2 === 0 ? (['through', 'direct'] as const) : (['direct', 'through'] as const);
    for (const way of order) {
      const durationMs = await time(way === 'through' ? through : direct);
      if (round > 0) times[way].push(durationMs);
    }
  }
  const throughMs = median(times.through);
  const directMs = median(times.direct);
  return { throughMs, directMs, addedMs: throughMs - directMs };
};

const time = async ({ gateway, model }: DirectRoute): Promise<number> => {
  const body = { model, max_tokens: 16, messages: [{ role: 'user', content: 'Answer with the word ready.' }] };
  const reply = await request(gateway, { path: '/v1/chat/completions', body });
  if (reply.status === 200) return reply.durationMs;
  throw new Error(
    `${new URL(gateway.baseUrl).host} answered ${reply.status}: ${at(reply.json, 'error', 'message') ?? ''}`,
  );
};

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
