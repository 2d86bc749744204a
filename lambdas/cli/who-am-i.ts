import { userInfo } from 'node:os';

/** Who types, for histories. A container's user may have no name in the system: then its environment's, or its number. */
export const whoAmI = (
  read: () => { username: string } = userInfo,
  { env, uid }: { env: NodeJS.ProcessEnv; uid: number | undefined } = { env: process.env, uid: process.getuid?.() },
): string => {
  try {
    return read().username;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_SYSTEM_ERROR')) throw error;
    const named = env['USER'] ?? '';
    return named === '' ? `uid ${uid ?? 'unknown'}` : named;
  }
};
