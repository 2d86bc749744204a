import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { StoreUnavailable } from '../../core/ports.ts';
import type { Item } from './attributes.ts';

/** What DynamoDB says of a request that it has not looked at, since too many came; it may be sent again. */
const THROTTLED = new Set([
  'ThrottlingException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'LimitExceededException',
]);

export const isThrottled = (error: unknown): boolean => error instanceof Error && THROTTLED.has(error.name);

/** A 4xx: DynamoDB has answered that it did nothing. Anything else (a timeout, a reset, a 5xx) may have been done. */
export const isSureNo = (error: unknown): boolean => {
  const status = (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
  return status !== undefined && status >= 400 && status < 500;
};

/** The item that made a condition fail, where there is one; undefined when the error is another one. */
export const conditionFailure = (error: unknown): { item: Item | undefined } | undefined =>
  error instanceof ConditionalCheckFailedException ? { item: error.Item } : undefined;

/** What the ports know of all that can go wrong with a table. The SDK's message names the operation, never a secret. */
export const toStoreUnavailable = (error: unknown): StoreUnavailable =>
  error instanceof StoreUnavailable
    ? error
    : new StoreUnavailable(error instanceof Error ? `${error.name}: ${error.message}` : String(error), {
        cause: error,
      });
