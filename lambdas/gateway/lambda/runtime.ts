import type { Writable } from 'node:stream';

/** What API Gateway (REST) sends a function, as far as it is read here. */
export interface RestEvent {
  httpMethod: string;
  /** Without the stage. */
  path: string;
  headers: Record<string, string | undefined> | null;
  multiValueHeaders: Record<string, string[] | undefined> | null;
  multiValueQueryStringParameters: Record<string, string[] | undefined> | null;
  body: string | null;
  isBase64Encoded: boolean;
}

export interface LambdaContext {
  awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

/** The answer of a function whose integration is buffered. */
export interface RestResult {
  statusCode: number;
  multiValueHeaders: Record<string, string[]>;
  body: string;
  isBase64Encoded: boolean;
}

/** Goes before the bytes of a streamed answer. */
export interface Prelude {
  statusCode: number;
  headers: Record<string, string>;
  cookies: string[];
}

type StreamingHandler = (event: RestEvent, stream: Writable, context: LambdaContext) => Promise<void>;

export interface Streaming {
  streamifyResponse(handler: StreamingHandler): unknown;
  HttpResponseStream: { from(stream: Writable, prelude: Prelude): Writable };
}

/**
 * The runtime's means to stream, where it has them. `globalThis.awslambda` alone says nothing: the AWS SDK defines it
 * wherever it is loaded.
 */
export const findStreaming = (): Streaming | undefined => {
  const found = (globalThis as unknown as { awslambda?: Partial<Streaming> }).awslambda;
  return typeof found?.streamifyResponse === 'function' ? (found as Streaming) : undefined;
};
