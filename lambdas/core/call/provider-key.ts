import type { AttemptFailure } from '../failures.ts';
import type { Ports } from '../ports.ts';
import type { Target } from '../target.ts';
import { attemptFailure } from './attempt-failure.ts';
import { Stopped, type Watch } from './deadlines.ts';

/** `key` is undefined where the provider is configured without one. */
export type ProviderKey = { ok: true; key: string | undefined } | { ok: false; failure: AttemptFailure };

/** The target's provider key. Messages name the reference, never the value. @throws {Stopped} */
export const readProviderKey = async (
  target: Target,
  watch: Watch,
  { secrets, log }: Pick<Ports, 'secrets' | 'log'>,
): Promise<ProviderKey> => {
  const reference = target.provider.apiKey;
  if (reference === undefined) return { ok: true, key: undefined };
  try {
    const key = await watch.guard(() => secrets.read(reference));
    if (key !== undefined && key !== '') return { ok: true, key };
    return withoutKey(`provider "${target.provider.name}" has no key: "${reference}" is not set`);
  } catch (error) {
    if (error instanceof Stopped) throw error;
    log.error('provider key unreadable', { provider: target.provider.name, reference, error });
    return withoutKey(`the key of provider "${target.provider.name}" could not be read from "${reference}"`);
  }
};

/** Nobody was asked, so nothing is known against the target. */
const withoutKey = (message: string): ProviderKey => ({
  ok: false,
  failure: { ...attemptFailure('unauthorized', { message, mayBeBilled: false }), countsAgainstCircuit: false },
});

/** Reads a key anew that the vendor turned down. @returns whether it is another one now @throws {Stopped} */
export const renewProviderKey = async (
  target: Target,
  rejected: string,
  watch: Watch,
  { secrets, log }: Pick<Ports, 'secrets' | 'log'>,
): Promise<boolean> => {
  const reference = target.provider.apiKey;
  if (reference === undefined) return false;
  try {
    const key = await watch.guard(() => secrets.read(reference, { refresh: true }));
    return key !== undefined && key !== '' && key !== rejected;
  } catch (error) {
    if (error instanceof Stopped) throw error;
    log.warn('provider key not renewed', { provider: target.provider.name, reference, error });
    return false;
  }
};
