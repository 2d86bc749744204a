import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';

export interface SentEvent {
  source: string;
  type: string;
  /** What the event is about, an ARN. */
  resource: string;
  detail: object;
}

export interface EventSenderOptions {
  /** Of the SDK's client; the function's own region, role and endpoint unless given. */
  client?: { region?: string; endpoint?: string; credentials?: { accessKeyId: string; secretAccessKey: string } };
}

const ATTEMPTS = 5;

/** Puts an event on the default bus. Rejects with the SDK's error, or one that names EventBridge's reason: it refuses an event with a 200. */
export const makeEventSender = ({ client: options = {} }: EventSenderOptions = {}) => {
  const client = new EventBridgeClient({ ...options, maxAttempts: ATTEMPTS });
  return async ({ source, type, resource, detail }: SentEvent): Promise<void> => {
    const { Entries: entries = [] } = await client.send(
      new PutEventsCommand({
        Entries: [{ Source: source, DetailType: type, Resources: [resource], Detail: JSON.stringify(detail) }],
      }),
    );
    const refused = entries.find(({ ErrorCode }) => ErrorCode !== undefined);
    if (refused !== undefined)
      throw new Error(`EventBridge took no event: ${refused.ErrorCode}: ${refused.ErrorMessage}`);
  };
};
