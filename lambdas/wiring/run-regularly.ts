import type { Clock } from '../core/ports.ts';

/** Does something again and again, so long after its last time was over; the first time as long after now. @returns stops it; what is under way goes on */
export const runRegularly = (everyMs: number, { clock }: { clock: Clock }, work: () => Promise<void>): (() => void) => {
  let isStopped = false;
  let cancel = () => {};
  const schedule = () => {
    cancel = clock.after(everyMs, async () => {
      await work();
      if (!isStopped) schedule();
    });
  };
  schedule();
  return () => {
    isStopped = true;
    cancel();
  };
};
