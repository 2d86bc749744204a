import type { RunStop } from '../admit/run-refusals.ts';
import type { Answer, Conversation, JsonObject, Stop, StreamEvent, Usage } from '../conversation.ts';
import type { AnswerContext, Surface } from '../dialect.ts';
import type { AttemptFailure, Refusal } from '../failures.ts';
import type { Outcome } from '../receipt.ts';
import type { CanaryWord } from '../route/route-sources.ts';
import type { Alias, FallbackCause, Target } from '../target.ts';

/** Everything a call needs: what to ask, whom, and until when. */
export interface CallRequest {
  requestId: string;
  surface: Surface;
  conversation: Conversation;
  /** The client's body as parsed: every attempt is made from it anew, never from the last attempt's body. */
  body: JsonObject;
  alias: Alias;
  /** The capable targets in the order of preference. Circuits are asked here, at each attempt. */
  targets: Target[];
  context: AnswerContext;
  /** Output limit to send to a target, tokens; undefined = none. */
  outputLimit: (target: Target) => number | undefined;
  /** Milliseconds since 1970; retries and fallbacks share it. */
  deadlineAt: number;
  /** Aborts when the client has gone or somebody cancelled; `reason` is the `Outcome` that it means. */
  signal: AbortSignal;
  /** The agent run that has ended the call, where it was stopped with this outcome. */
  stoppedByRun?: (outcome: Outcome) => RunStop | undefined;
  /** Asked before EVERY attempt, the first one too (the first target's circuit may be open): holds more where the hop is dearer or an earlier attempt may be billed. A refusal ends the call; a target that is passed over lets the next one be asked. */
  admitAttempt: (target: Target, earlier: readonly AttemptRecord[]) => Promise<Refusal | PassedOver | undefined>;
  /** What the alias names others for. */
  fallbackCauses?: ReadonlySet<FallbackCause>;
  /** Targets of the aliases that may answer in this one's place, those that can serve the request; asked for when they are needed. */
  fallbackTargets?: (cause: FallbackCause) => readonly Target[];
  /** They are asked now. */
  fellBack?: (cause: FallbackCause) => void;
  /** Asked when a target's turn has come: whether it is to come behind the others, since its circuit has only just closed. */
  isHeldBack?: (target: Target) => boolean;
  /** Asked when a canary's turn has come: what is known by now of whether somebody has taken it back. */
  confirmCanary?: (target: Target) => Promise<CanaryWord> | undefined;
  /** Told of a target that was not asked when its turn came, and why. */
  passedOver?: (target: Target, reason: string) => void;
  /** Called for each streamed attempt: what it returns sees the attempt's events, so that its answer can be kept. */
  gather?: () => (event: StreamEvent) => void;
  /** Told of every admitted attempt once, when it has ended. `wasSent`: the vendor may have seen it. */
  attemptEnded?: (record: AttemptRecord, wasSent: boolean) => void;
}

/** A target that has no room for one more attempt now. */
export interface PassedOver {
  /** Milliseconds since 1970; Infinity where it will never have room for this request. */
  passOverUntil: number;
}

export interface AttemptRecord {
  target: Target;
  startedAt: number;
  durationMs: number;
  firstTokenMs?: number;
  status?: number;
  failure?: AttemptFailure;
  /** What the vendor counted, as far as it told. */
  usage?: Usage;
  /** High estimate of the output that was received; for attempts whose vendor never told. */
  seenOutputTokens: number;
  /** The output limit that was sent with it, tokens. */
  sentOutputLimit?: number;
  /** Its circuit was open: there was no better target. */
  leastBad?: true;
  /** The answer's text, where a format was asked for that it can be held against; it goes into no log and no ledger. */
  output?: string;
}

export type CallResult = LateResult | EarlyResult;

/** Nobody has answered yet, and the client is kept company meanwhile (`heartbeatMs`). */
export interface EarlyResult {
  kind: 'waiting';
  chunks: AsyncIterable<string>;
  result: Promise<LateResult>;
}

export type LateResult =
  | { kind: 'answered'; target: Target; body: JsonObject; answer: Answer; dropped: string[]; attempts: AttemptRecord[] }
  /** The first content has come. `chunks` is the client's SSE text; `ended` always resolves, also when nobody reads on. */
  | {
      kind: 'streaming';
      target: Target;
      chunks: AsyncIterable<string>;
      ended: Promise<StreamEnd>;
      dropped: string[];
      attempts: AttemptRecord[];
    }
  | { kind: 'failed'; refusal: Refusal; outcome: Outcome; attempts: AttemptRecord[] };

export interface StreamEnd {
  outcome: Outcome;
  stop?: Stop;
  attempts: AttemptRecord[];
  /** What came after the first content that could not be said to the client. */
  unsaid?: readonly string[];
}
