/** As requests to AWS are signed with. */
export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** A function's own, which Lambda puts into its environment. Read anew each time. @throws {Error} where there are none */
export const environmentCredentials =
  (env: Readonly<Record<string, string | undefined>>) => async (): Promise<AwsCredentials> => {
    const {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: sessionToken,
    } = env;
    if (!accessKeyId || !secretAccessKey) throw new Error('there are no AWS credentials in the environment');
    return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
  };
