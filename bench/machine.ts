import { cpus, freemem, loadavg, release, totalmem } from 'node:os';

/** What the numbers were made on: they mean something only beside each other and beside this. */
export interface Machine {
  processor: string;
  cores: number;
  memoryGb: number;
  system: string;
  node: string;
}

const gigabyte = 1024 ** 3;

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? 'unknown processor',
    cores: processors.length,
    memoryGb: Math.round(totalmem() / gigabyte),
    system: `${process.platform} ${release()} ${process.arch}`,
    node: process.version,
  };
}

/** Load average of the last minute and free memory, GB: taken before and after, as other work on the machine shows here. */
export const readMachineLoad = (): { oneMinute: number; freeGb: number } => ({
  oneMinute: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  freeGb: Math.round((freemem() / gigabyte) * 10) / 10,
});
