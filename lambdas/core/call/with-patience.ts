import type { Clock } from '../ports.ts';

/** Something that should have answered long ago did not. */
export class OutOfPatience extends Error {
  override readonly name = 'OutOfPatience';
}

/**
 * Waits for an answer, but not for ever. The work itself goes on unheard.
 *
 * @throws {OutOfPatience} after `patienceMs`; whatever the work itself throws before
 */
export const withPatience = <T>(work: () => Promise<T>, patienceMs: number, clock: Clock): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    const clear = clock.after(patienceMs, () => reject(new OutOfPatience(`no answer within ${patienceMs} ms`)));
    const start = async () => work();
    start().then(resolve, reject).finally(clear);
  });

/** Resolves when the work has ended, whichever way, or the time is up. Leaves no timer behind. */
export const waitAtMost = (work: Promise<unknown>, mostMs: number, clock: Pick<Clock, 'after'>): Promise<void> =>
  new Promise((resolve) => {
    const clear = clock.after(mostMs, resolve);
    const end = (): void => {
      clear();
      resolve();
    };
    work.then(end, end);
  });
