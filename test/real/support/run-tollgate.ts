import { spawnCli } from '../../support/run-cli.ts';

/** What a command says with `--json`. @throws {Error} with its words, when it fails */
export const askTollgate = async (
  words: readonly string[],
  world: { env: Record<string, string>; input?: string },
): Promise<unknown> => {
  const { status, stdout, stderr } = await spawnCli([...words, '--json'], world);
  if (status !== 0) throw new Error(`tollgate ${words.join(' ')}: ${status}: ${stderr}`);
  return JSON.parse(stdout);
};
