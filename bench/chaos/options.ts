import { parseArgs } from 'node:util';

export const STEPS = [
  'fail-over',
  'retry-after',
  'regions',
  'hang-ups',
  'store',
  'shared-circuit',
  'all-open',
] as const;
export type Step = (typeof STEPS)[number];

export interface ChaosOptions {
  clients: number;
  steps: readonly Step[];
  withPeers: boolean;
  write: boolean;
}

export const CHAOS_HELP = `npm run chaos -- [options]

  --clients N    clients of the largest scenarios (default 10000)
  --quick        500 clients, for a first look
  --only A,B     some scenarios only: ${STEPS.join(', ')}
  --peers        also Portkey (npm) and LiteLLM (PyPI, about 700 MB), installed into bench/.peers/ the first time
  --write        writes the tables of docs/reliability.md; with --only= --peers that of the peers alone
`;

/** @throws with what was got and what is allowed; undefined where help was asked for. */
export const readChaosOptions = (args: string[]): ChaosOptions | undefined => {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      peers: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      clients: { type: 'string' },
      only: { type: 'string' },
    },
  });
  if (values.help) return undefined;
  const clients = Number(values.clients ?? (values.quick ? 500 : 10_000));
  if (!Number.isInteger(clients) || clients < 100 || clients > 1_000_000)
    throw new Error(`--clients: got "${values.clients}", allowed is a whole number from 100 to 1000000`);
  const wanted = values.only?.split(',').filter(Boolean);
  const unknown = wanted?.find((name) => !STEPS.some((step) => step === name));
  if (unknown !== undefined) throw new Error(`--only: got "${unknown}", allowed are ${STEPS.join(', ')}`);
  if (values.write && wanted !== undefined && wanted.length > 0)
    throw new Error('--write: a table of some scenarios is none; leave --only out, or say --only= --peers');
  return {
    clients,
    steps: wanted === undefined ? STEPS : STEPS.filter((step) => wanted.includes(step)),
    withPeers: values.peers,
    write: values.write,
  };
};
