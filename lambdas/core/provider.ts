import type { JsonObject, ProviderError } from './conversation.ts';
import type { DialectName } from './dialect.ts';
import type { AttemptFailure } from './failures.ts';
import type { ProviderKind, Target } from './target.ts';

/** A call ready to be sent, by the transport that the provider speaks over. */
export type UpstreamCall =
  | { transport: 'http'; url: string; headers: Record<string, string>; body: string; stream: boolean }
  | {
      transport: 'bedrock';
      region: string;
      /** Absent = the region's public endpoint. */
      endpoint?: string;
      /** A Bedrock API key; absent = the process's AWS credentials. */
      apiKey?: string;
      model: string;
      /**
       * Absent = Converse. `invoke-each`: `body.calls` one by one, several at a time; the reply holds their `replies` in that order,
       * null for those that were not answered, and `error`, the body of the first that failed, beside them. `count-tokens`: of a
       * Converse body.
       */
      operation?: 'invoke-each' | 'count-tokens';
      body: JsonObject;
      stream: boolean;
    }
  | { transport: 'simulator'; model: string; body: JsonObject; stream: boolean; seed: number; requestId: string };

/** A vendor: endpoint, authentication, dialect, and what its errors mean. Pure. */
export interface Provider {
  readonly kind: ProviderKind;
  readonly dialect: DialectName;
  /**
   * @param body what the dialect encoded, quirks not yet applied
   * @param apiKey the key itself, read from the secret store; absent where the provider needs none
   */
  call(input: {
    target: Target;
    body: JsonObject;
    stream: boolean;
    apiKey?: string;
    requestId: string;
    /** Anthropic's features by name, where the provider takes them beside the body. */
    betas?: readonly string[];
  }): UpstreamCall;
  /**
   * Asks, for nothing, how many tokens a body of `call` is; absent, or undefined for a target, where the vendor does not tell. The
   * reply is JSON with `input_tokens` or `inputTokens`.
   */
  countTokens?(input: {
    target: Target;
    body: JsonObject;
    apiKey?: string;
    betas: readonly string[];
  }): UpstreamCall | undefined;
  /** Decides, once, what an error reply or an in-stream error means. `headers` has lower-case names. */
  mapError(error: ProviderError, headers: Record<string, string>): AttemptFailure;
}
