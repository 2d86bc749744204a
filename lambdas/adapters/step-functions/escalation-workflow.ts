import {
  ExecutionAlreadyExists,
  InvalidToken,
  SendTaskSuccessCommand,
  SFNClient,
  type SFNClientConfig,
  StartExecutionCommand,
  TaskDoesNotExist,
  TaskTimedOut,
} from '@aws-sdk/client-sfn';

/** The budgets' state machine. */
export interface EscalationWorkflow {
  /** Starts an execution unless one of that name has been. @throws the SDK's error */
  start(name: string, input: object): Promise<void>;
  /** Answers what waits by a task token. @returns false when nothing waits by it any more @throws the SDK's error */
  answer(token: string, output: object): Promise<boolean>;
  close(): void;
}

const ATTEMPTS = 6;

/** @param machineArn not needed to answer */
export const openEscalationWorkflow = (
  machineArn: string | undefined,
  client: Pick<SFNClientConfig, 'region' | 'credentials' | 'endpoint'> = {},
): EscalationWorkflow => {
  const sfn = new SFNClient({ ...client, maxAttempts: ATTEMPTS, retryMode: 'standard' });
  return {
    start: async (name, input) => {
      try {
        await sfn.send(new StartExecutionCommand({ stateMachineArn: machineArn, name, input: JSON.stringify(input) }));
      } catch (error) {
        if (!(error instanceof ExecutionAlreadyExists)) throw error;
      }
    },
    answer: async (taskToken, output) => {
      try {
        await sfn.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(output) }));
        return true;
      } catch (error) {
        if (error instanceof TaskDoesNotExist || error instanceof TaskTimedOut || error instanceof InvalidToken)
          return false;
        throw error;
      }
    },
    close: () => sfn.destroy(),
  };
};
