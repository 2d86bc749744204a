import {
  BedrockClient,
  type BedrockClientConfig,
  type FoundationModelLifecycle,
  ListFoundationModelsCommand,
} from '@aws-sdk/client-bedrock';
import { dateOf, isDate } from '../../contract/calendar-date.ts';
import type { RegionAnswer, ToldLifecycle } from '../../core/pins/heard-lifecycle.ts';
import { present } from '../../core/read-json.ts';
import { whyNot } from './why-not.ts';

export interface LifecycleReaderOptions {
  /** Of the SDK's clients; credentials and endpoint by the SDK's own chain unless given. */
  client?: Pick<BedrockClientConfig, 'endpoint' | 'credentials'>;
  /** For everything: finding credentials, every try, all regions. */
  deadlineMs?: number;
}

const DEADLINE_MS = 10_000;
const CONNECT_MS = 3_000;
const ANSWER_MS = 5_000;
const ATTEMPTS = 3;

/**
 * Asks Bedrock, in every region at once, which models it has and how their lives stand (`ListFoundationModels`, which has no
 * pages). Never rejects: a region that could not be asked says why.
 */
export const readLifecycles = async (
  regions: readonly string[],
  { client = {}, deadlineMs = DEADLINE_MS }: LifecycleReaderOptions = {},
): Promise<RegionAnswer[]> => {
  const makeClient = (region: string, more: object): BedrockClient =>
    new BedrockClient({
      ...more,
      ...client,
      region,
      maxAttempts: ATTEMPTS,
      requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: ANSWER_MS, throwOnRequestTimeout: true },
    });
  const [first, ...others] = regions;
  if (first === undefined) return [];
  const one = makeClient(first, {});
  // Found once for all: finding them may run a program, or ask a person.
  const { credentials } = one.config;
  const clients = [one, ...others.map((region) => makeClient(region, { credentials }))];
  const deadline = startDeadline(deadlineMs);
  try {
    return await Promise.all(
      regions.map(async (region, index): Promise<RegionAnswer> => {
        try {
          const asking = clients[index]?.send(new ListFoundationModelsCommand({}), { abortSignal: deadline.signal });
          // The SDK looks at the signal only once it has credentials.
          const answer = await Promise.race([asking, deadline.passed]);
          return readAnswer(region, answer?.modelSummaries);
        } catch (error) {
          const because = deadline.signal.aborted ? `it did not answer within ${deadlineMs / 1_000} s` : whyNot(error);
          return { ok: false, region, because };
        }
      }),
    );
  } finally {
    deadline.stop();
    for (const each of clients) each.destroy();
  }
};

const startDeadline = (deadlineMs: number) => {
  const controller = new AbortController();
  const { promise: passed, reject } = Promise.withResolvers<never>();
  // Raced by nobody any more once every region has answered.
  passed.catch(() => undefined);
  const timer = setTimeout(() => {
    controller.abort();
    reject(new Error('the deadline has passed'));
  }, deadlineMs);
  return { signal: controller.signal, passed, stop: () => clearTimeout(timer) };
};

interface Summary {
  modelId?: string | undefined;
  modelLifecycle?: FoundationModelLifecycle | undefined;
}

const readAnswer = (region: string, summaries: readonly Summary[] = []): RegionAnswer => {
  const models = new Map(
    summaries.flatMap(({ modelId, modelLifecycle }) =>
      typeof modelId === 'string' ? [[modelId, readLifecycle(modelLifecycle)] as const] : [],
    ),
  );
  // Every region with Bedrock has models: without any, an answer would say of each pin that it is gone.
  return models.size === 0 ? { ok: false, region, because: 'its answer has no models' } : { ok: true, region, models };
};

/** A status that AWS may add one day says nothing here; its dates do. */
const STATED: ReadonlyMap<string, NonNullable<ToldLifecycle['stated']>> = new Map([
  ['ACTIVE', 'active'],
  ['LEGACY', 'legacy'],
]);

const readLifecycle = ({
  status,
  legacyTime,
  publicExtendedAccessTime,
  endOfLifeTime,
}: Partial<FoundationModelLifecycle> = {}): ToldLifecycle => ({
  ...present('stated', STATED.get(status ?? '')),
  ...present('deprecatedOn', dayOf(legacyTime)),
  ...present('dearerFrom', dayOf(publicExtendedAccessTime)),
  ...present('retiresOn', dayOf(endOfLifeTime)),
});

/** AWS gives instants (`2026-10-14T08:00:00Z`), and announces days. */
const dayOf = (time: Date | undefined): string | undefined => {
  const day = time === undefined ? undefined : dateOf(time.getTime());
  return isDate(day) ? day : undefined;
};
