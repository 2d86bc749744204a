import { type PutSecret, putSecret } from '../adapters/secrets-manager/put-secret.ts';
import { findGateways } from './find-gateways.ts';
import { type Choice, findStacks, isDenied, openReader, type Refused } from './open-deployed-cli.ts';

/** Whether a deployed configuration refers to a secret, as far as stacks tell. */
export type Referenced =
  | { kind: 'told'; stacks: string[]; names: string[] }
  /** No stack was found, the caller may not look, or the stack does not say. */
  | { kind: 'untold'; why: string };

export interface DeployedSecrets {
  region: string;
  referenced: Referenced;
  /** @throws the SDK's error */
  put(name: string, value: string): Promise<PutSecret>;
}

const DESCRIPTION = 'A provider’s key, for Tollgate';

/**
 * Secrets Manager with the caller's own credentials. Keys may be put before the stack is there, and by somebody who may not
 * look at stacks; but a stack that was named must exist, since the region is probably wrong otherwise.
 *
 * @throws the SDK's error
 */
export const openDeployedSecrets = async (
  choice: Choice,
): Promise<{ ok: true; secrets: DeployedSecrets } | Refused> => {
  const opened = await openReader(choice);
  if (!opened.ok) return opened;
  const { reader } = opened;
  const { region, credentials } = reader;
  const secretsWith = (referenced: Referenced): { ok: true; secrets: DeployedSecrets } => ({
    ok: true,
    secrets: {
      region,
      referenced,
      put: (name, value) => putSecret({ name, value, description: DESCRIPTION }, { region, credentials }),
    },
  });
  try {
    const stacks = await findStacks(reader, choice.stack);
    if (stacks.length === 0 && choice.stack !== undefined)
      return {
        ok: false,
        reason: 'absent',
        problem: `There is no stack ${choice.stack} in ${region}, so nothing was put. Without --stack and TOLLGATE_STACK a key can be put before there is one.`,
      };
    const gateways = stacks.flatMap(({ outputs }) => findGateways(outputs));
    const names = gateways.map(({ secretNames }) => secretNames);
    if (gateways.length === 0) return secretsWith({ kind: 'untold', why: 'no gateway is deployed there yet' });
    if (names.some((one) => one === undefined))
      return secretsWith({ kind: 'untold', why: 'the deployed stack does not say' });
    return secretsWith({
      kind: 'told',
      stacks: stacks.map(({ name }) => name),
      names: [...new Set(names.flatMap((one) => one ?? []))].sort(),
    });
  } catch (error) {
    if (!isDenied(error)) throw error;
    return secretsWith({ kind: 'untold', why: 'cloudformation:DescribeStacks is not allowed' });
  } finally {
    reader.close();
  }
};
