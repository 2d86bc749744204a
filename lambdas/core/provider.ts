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
  call(input: { target: Target; body: JsonObject; stream: boolean; apiKey?: string; requestId: string }): UpstreamCall;
  /** Decides, once, what an error reply or an in-stream error means. `headers` has lower-case names. */
  mapError(error: ProviderError, headers: Record<string, string>): AttemptFailure;
}
