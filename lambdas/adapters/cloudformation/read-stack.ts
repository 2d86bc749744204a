import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';

export interface DeployedStack {
  name: string;
  /** `CREATE_COMPLETE`, `UPDATE_ROLLBACK_COMPLETE`, … */
  status: string;
  outputs: Readonly<Record<string, string>>;
}

/** How every client of one command reaches AWS: credentials are found once, since finding them may ask for a device or run a program. */
export interface AwsCaller {
  region: string;
  credentials: CloudFormationClient['config']['credentials'];
}

export interface StackReader extends AwsCaller {
  /** @returns undefined where there is no such stack @throws the SDK's error */
  read(name: string): Promise<DeployedStack | undefined>;
  close(): void;
}

/**
 * Reads stacks as whoever runs the command: region, credentials and endpoint by the SDK's own chain (environment, profile,
 * SSO, …). Asks nothing yet.
 *
 * @returns undefined where no region is configured
 */
export const openStackReader = async ({
  region,
}: {
  region?: string | undefined;
}): Promise<StackReader | undefined> => {
  const client = new CloudFormationClient({ ...(region !== undefined && { region }), maxAttempts: 3 });
  const found = await regionOf(client);
  if (found === undefined) return undefined;
  return {
    region: found,
    credentials: client.config.credentials,
    read: async (name) => {
      try {
        const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
        return (
          stack && {
            name: stack.StackName ?? name,
            status: stack.StackStatus ?? 'unknown',
            outputs: Object.fromEntries(
              (stack.Outputs ?? []).map(({ OutputKey: key = '', OutputValue: value = '' }) => [key, value]),
            ),
          }
        );
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    },
    close: () => client.destroy(),
  };
};

/** The SDK has no class for either: it says both by their messages. */
const regionOf = async (client: CloudFormationClient): Promise<string | undefined> => {
  try {
    return await client.config.region();
  } catch (error) {
    if (error instanceof Error && error.message.includes('Region is missing')) return undefined;
    throw error;
  }
};

const isAbsent = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ValidationError' && error.message.includes('does not exist');
