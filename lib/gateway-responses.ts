import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway';
import type { RefusalCode } from '../lambdas/core/failures.ts';

interface ShapedResponse {
  readonly type: ResponseType;
  /** As API Gateway has it unless given. */
  readonly status?: number;
  /** Anthropic's word for it; OpenAI's SDK goes by the status. */
  readonly errorType: string;
  readonly code: RefusalCode;
  /** Without one, API Gateway's own. */
  readonly message?: string;
  readonly retryAfterS?: number;
}

const SHAPED: Record<string, ShapedResponse> = {
  Default4xx: { type: ResponseType.DEFAULT_4XX, errorType: 'invalid_request_error', code: 'invalid_request' },
  Default5xx: {
    type: ResponseType.DEFAULT_5XX,
    errorType: 'api_error',
    code: 'internal_error',
    message: 'The gateway could not answer. Try again in a few seconds.',
    retryAfterS: 2,
  },
  IntegrationFailure: {
    type: ResponseType.INTEGRATION_FAILURE,
    status: 502,
    errorType: 'api_error',
    code: 'internal_error',
    message: 'The gateway broke off before it answered. Try again in a few seconds.',
    retryAfterS: 2,
  },
  IntegrationTimeout: {
    type: ResponseType.INTEGRATION_TIMEOUT,
    status: 504,
    errorType: 'timeout_error',
    code: 'deadline_exceeded',
    message: 'The answer took longer than the front door waits. Ask for a stream, or for less output.',
  },
  NotFound: {
    // What API Gateway says of a path that it does not know, as if a token were missing.
    type: ResponseType.MISSING_AUTHENTICATION_TOKEN,
    status: 404,
    errorType: 'not_found_error',
    code: 'not_found',
    message: 'There is nothing at this path. OpenAI SDKs take the base URL with /v1, Anthropic SDKs without.',
  },
  Throttled: {
    type: ResponseType.THROTTLED,
    errorType: 'rate_limit_error',
    code: 'rate_limit_exceeded',
    message: 'The gateway takes no more requests at once. Try again in a second.',
    retryAfterS: 1,
  },
  TooLarge: {
    type: ResponseType.REQUEST_TOO_LARGE,
    errorType: 'request_too_large',
    code: 'request_too_large',
    message: 'The body is larger than the gateway takes. Send images by URL or shorten the conversation.',
  },
  Filtered: {
    type: ResponseType.WAF_FILTERED,
    errorType: 'permission_error',
    code: 'invalid_request',
    message: 'A firewall rule of this deployment refused the request.',
  },
};

/** Has API Gateway's own errors look like ours: a shape that both SDKs read, and whether another try can help. */
export const shapeGatewayResponses = (api: RestApi): void => {
  for (const [id, { type, status, retryAfterS, ...shape }] of Object.entries(SHAPED))
    api.addGatewayResponse(id, {
      type,
      ...(status !== undefined && { statusCode: String(status) }),
      responseHeaders: {
        'x-request-id': 'context.requestId',
        'request-id': 'context.requestId',
        ...(retryAfterS === undefined ? { 'x-should-retry': "'false'" } : { 'retry-after': `'${retryAfterS}'` }),
      },
      templates: { 'application/json': bodyOf(shape) },
    });
};

const REQUEST_ID = '$context.requestId';

/** The body for an error outside our own code. `$context.error.messageString` stands for a JSON string, quotes included. */
export const bodyOf = (
  { errorType, code, message }: Pick<ShapedResponse, 'errorType' | 'code' | 'message'>,
  requestId = REQUEST_ID,
): string => {
  const text = message === undefined ? '$context.error.messageString' : JSON.stringify(message);
  const [type, word, id] = [errorType, code, requestId].map((value) => JSON.stringify(value));
  return `{"type":"error","error":{"type":${type},"message":${text},"param":null,"code":${word},"tollgate":{"code":${word}}},"request_id":${id}}`;
};
