import type { DeployedSecrets, Referenced } from '../wiring/open-deployed-cli-secrets.ts';
import { CommandFailed, type Output } from './output.ts';

/** Gateways keep a secret this long, unless the provider turns it down before. */
const SEEN_WITHIN = 'a quarter of an hour, or as soon as the provider turns down the one before';

/** Puts a provider's key where deployed gateways read it. */
export const putProviderKey = async (
  { name, value }: { name: string; value: string },
  { region, referenced, put }: DeployedSecrets,
): Promise<Output> => {
  const done = await put(name, value);
  if (done.kind === 'being-deleted')
    throw new CommandFailed(
      `The secret ${name} in ${region} has been deleted, and AWS keeps its name for some days. "aws secretsmanager restore-secret --secret-id ${name}" brings it back; then put the key again.`,
    );
  const note = noteOn(name, referenced);
  const when = done.kind === 'created' ? '' : ` Gateways use the new value within ${SEEN_WITHIN}.`;
  return {
    text: `${done.kind === 'created' ? 'Created' : 'Updated'} the secret ${name} in ${region}.${when}${note === undefined ? '' : `\n${note}`}`,
    data: {
      name,
      region,
      action: done.kind,
      reference: `secret:${name}`,
      referenced: referenced.kind === 'told' ? referenced.names.includes(name) : null,
    },
  };
};

const noteOn = (name: string, referenced: Referenced): string | undefined => {
  if (referenced.kind === 'untold')
    return `Whether a provider refers to it is not known (${referenced.why}): it has to have apiKey: 'secret:${name}'.`;
  if (referenced.names.includes(name)) return undefined;
  const names = referenced.names.length === 0 ? 'no secret at all' : `these: ${referenced.names.join(', ')}`;
  return `Warning: no provider in ${referenced.stacks.join(' or ')} has apiKey: 'secret:${name}'. The configuration refers to ${names}.`;
};
