import { parseArgs } from 'node:util';
import { type TargetName, targetNames } from './targets.ts';

export interface Options {
  targets: TargetName[];
  rounds: number;
  /** Length of one measurement. */
  cellMs: number;
  warmUpMs: number;
  json: boolean;
  write: boolean;
  profileFolder?: string;
}

export const help = `npm run bench -- [options]

  --peers             also Portkey (npm) and LiteLLM (PyPI, about 700 MB), installed into bench/.peers/ the first time
  --quick             about half a minute, for a first look
  --only A,B          some targets only: ${targetNames.join(', ')}
  --rounds N          rounds over all targets (default 5)
  --seconds S         length of one measurement (default 2)
  --json              raw figures to stdout, tables to stderr
  --write             writes docs/benchmark-results.md
  --profile DIR       Tollgate writes a CPU profile there
`;

function readNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= least && value <= most) return value;
  throw new Error(`--${name}: got "${text}", allowed is a number from ${least} to ${most}`);
}

function readTargets(text: string): TargetName[] {
  const wanted = text.split(',');
  const unknown = wanted.find((name) => !targetNames.some((known) => known === name));
  if (unknown !== undefined) throw new Error(`--only: got "${unknown}", allowed are ${targetNames.join(', ')}`);
  return targetNames.filter((name) => name === 'direct' || wanted.includes(name));
}

/** @throws with what was got and what is allowed; undefined where help was asked for. */
export function readOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', default: false },
      peers: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  if (values.help) return undefined;
  const peers: TargetName[] = values.peers ? ['portkey', 'litellm'] : [];
  return {
    targets: values.only === undefined ? ['direct', 'bare', 'tollgate', ...peers] : readTargets(values.only),
    rounds: Math.trunc(readNumber('rounds', values.rounds ?? (values.quick ? '2' : '5'), 1, 100)),
    cellMs: readNumber('seconds', values.seconds ?? (values.quick ? '0.4' : '2'), 0.1, 60) * 1000,
    warmUpMs: values.quick ? 1000 : 3000,
    json: values.json,
    write: values.write,
    ...(values.profile === undefined ? {} : { profileFolder: values.profile }),
  };
}
