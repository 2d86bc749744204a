import { z } from 'zod';
import { MAX_NAME_LENGTH, MAX_OUTPUT_TOKENS } from './bounds.ts';
import { cacheSchema, semanticCacheSchema } from './cache-schema.ts';
import { isDate } from './calendar-date.ts';
import { CHAT_VENDORS, type ChatQuirks, type ChatVendor } from './chat-quirks.ts';
import type { CapabilityConfig, SecretReference, SurfaceConfig } from './config.ts';
import { didYouMean, shown } from './config-problem.ts';
import { checked, fields, hintFor, list, named, oneOf, quoted, usd, whole } from './config-values.ts';
import { RUN_ID, RUN_ID_WORDS, TAG, TAG_NAME } from './scope-names.ts';
import { isTimeZone } from './time-zone.ts';
import { LONGEST_CALL_MS } from './timing.ts';

const SECRET_REFERENCE = /^(secret:[\w/+=.@-]{1,256}|env:[A-Za-z_]\w{0,255})$/;

const secretReference = checked<SecretReference>(
  (value) => typeof value === 'string' && SECRET_REFERENCE.test(value),
  '"secret:NAME" (the secret store) or "env:NAME" (the environment)',
  (value) => (typeof value === 'string' ? 'something else; a key itself must not stand in this file' : shown(value)),
);

const baseUrl = checked<string>(
  (value) => {
    const url = typeof value === 'string' ? URL.parse(value.replaceAll('{region}', 'region')) : null;
    return url !== null && /^https?:$/.test(url.protocol) && url.username + url.password + url.search + url.hash === '';
  },
  'an http(s) URL without user, password, query or fragment',
  // Not shown: it may hold a password.
  (value) => (typeof value === 'string' ? `a string of ${value.length} characters that is none` : shown(value)),
);

const REGION = /^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$/;
const region = checked<string>(
  (value) => typeof value === 'string' && REGION.test(value),
  'an AWS region such as "us-east-1"',
);

const api = oneOf('chat', 'responses');

const fieldName = checked<string>(
  (value) => typeof value === 'string' && /^[a-z_]{1,64}$/.test(value),
  "a field's name in small letters and underscores",
);

const quirks = fields({
  like: oneOf<ChatVendor>(...CHAT_VENDORS).optional(),
  reasoning: oneOf<NonNullable<ChatQuirks['reasoning']>>(
    'reasoning_content',
    'reasoning',
    'reasoning_details',
    'extra_content',
    'none',
  ).optional(),
  reasoningBesideCalls: z.boolean().optional(),
  shortCallIds: z.boolean().optional(),
  outputLimitField: oneOf('max_completion_tokens').optional(),
  seedField: fieldName.optional(),
  omits: list(fieldName, 'an array of field names', 32).optional(),
  messageFields: list(fieldName, 'an array of field names', 32).optional(),
  cachePoints: oneOf<NonNullable<ChatQuirks['cachePoints']>>('cache_control', 'none').optional(),
});

/** Regions of providers that are not AWS: `swedencentral`, `eu`, what a company calls its own. */
const placeName = checked<string>(
  (value) => typeof value === 'string' && /^[a-z][a-z0-9-]{0,31}$/.test(value),
  'a region such as "eu-west-1" or "swedencentral", in small letters',
);
const places = list(placeName, 'an array of regions', 16).optional();

const provider = z.discriminatedUnion(
  'kind',
  [
    fields({
      kind: z.literal('openai'),
      regions: places,
      apiKey: secretReference,
      baseUrl: baseUrl.optional(),
      organization: checked<string>(isPrintable, 'an organisation id').optional(),
      api: api.optional(),
    }),
    fields({
      kind: z.literal('openai-compatible'),
      regions: places,
      baseUrl,
      apiKey: secretReference.optional(),
      api: api.optional(),
      quirks: quirks.optional(),
    }),
    fields({ kind: z.literal('anthropic'), regions: places, apiKey: secretReference, baseUrl: baseUrl.optional() }),
    fields({ kind: z.literal('gemini'), regions: places, apiKey: secretReference, baseUrl: baseUrl.optional() }),
    fields({
      kind: z.literal('azure-openai'),
      regions: places,
      baseUrl,
      apiKey: secretReference,
      apiVersion: checked<string>(
        (value) => typeof value === 'string' && /^\d{4}-\d{2}-\d{2}(-preview)?$/.test(value),
        'a version such as "2024-10-21"',
      ).optional(),
      api: api.optional(),
    }),
    fields({
      kind: z.literal('bedrock'),
      regions: list(region, 'an array of AWS regions', 16),
      apiKey: secretReference.optional(),
      baseUrl: baseUrl.optional(),
    }),
    fields({ kind: z.literal('simulator'), regions: places, seed: whole(0, 4_294_967_295, 'seed').optional() }),
  ],
  {
    error: ({ input }) => {
      if (typeof input !== 'object' || input === null) return `expected an object, got ${shown(input)}`;
      const kinds = ['openai', 'azure-openai', 'openai-compatible', 'anthropic', 'gemini', 'bedrock', 'simulator'];
      const kind = (input as { kind?: unknown }).kind;
      return `expected one of ${quoted(kinds)}, got ${shown(kind)}.${hintFor(kind, kinds)}`;
    },
  },
);

const rates = {
  inputPerMTok: usd,
  cachedInputPerMTok: usd.optional(),
  cacheWrite5mPerMTok: usd.optional(),
  cacheWrite1hPerMTok: usd.optional(),
  outputPerMTok: usd,
  audioInputPerMTok: usd.optional(),
  audioOutputPerMTok: usd.optional(),
  imageInputPerMTok: usd.optional(),
};
const rateCard = {
  ...rates,
  aboveInputTokens: fields({ tokens: whole(1, 100_000_000, 'tokens'), ...rates }).optional(),
};
const factor = checked<string | number>(
  (value) =>
    (typeof value === 'number' || (typeof value === 'string' && /^\d{1,3}(\.\d{1,3})?$/.test(value))) &&
    /^\d{1,3}(\.\d{1,3})?$/.test(String(value)) &&
    !/^0+(\.0*)?$/.test(String(value)),
  'a factor above 0 with at most three decimals, such as 1.1',
);
const service = z
  .union([factor, fields(rateCard)], {
    error: ({ input }) => `expected a factor such as 2, or rates { inputPerMTok, outputPerMTok }, got ${shown(input)}`,
  })
  .optional();
const price = fields({
  ...rateCard,
  serviceTiers: fields({ flex: service, priority: service, fast: service, ultrafast: service }).optional(),
  inferenceGeo: named(/^[a-z][a-z0-9-]{0,31}$/, 'a part of the world such as "us"', factor).optional(),
  webSearchPerCall: z
    .union([usd, fields({ low: usd, medium: usd, high: usd })], {
      error: ({ input }) => `expected US dollars a search, or { low, medium, high }, got ${shown(input)}`,
    })
    .optional(),
  perImage: usd.optional(),
  perCall: usd.optional(),
});
const bounds = fields({
  webSearches: whole(1, 100, 'searches').optional(),
  webFetches: whole(1, 100, 'fetches').optional(),
  tokensPerToolUse: whole(1, 100_000_000, 'tokens').optional(),
  fields: named(/^[\w.-]{1,64}$/, 'the name of a field, such as "mcp_servers"', usd).optional(),
});

const perMinute = whole(1, 1_000_000_000_000, 'tokens a minute');
const rateLimit = fields({
  requestsPerMinute: whole(1, 1_000_000_000, 'requests a minute').optional(),
  tokensPerMinute: perMinute.optional(),
  concurrent: whole(1, 1_000_000, 'requests at once').optional(),
});

const lifecycle = fields({
  deprecated: checked<string>(isDate, 'a date such as "2027-01-31"').optional(),
  retires: checked<string>(
    (value) => value === 'never' || isDate(value),
    'a date such as "2027-01-31", or "never"',
  ).optional(),
  successor: checked<string>(isPrintable, "the provider's name of a model").optional(),
});

const modelFields = {
  model: checked<string>(isPrintable, "the provider's name of a model, without spaces, at most 512 characters"),
  deploymentOf: checked<string>(isPrintable, "a model's name, without spaces, at most 512 characters").optional(),
  price: price.optional(),
  capabilities: list(
    oneOf<CapabilityConfig>('tools', 'vision', 'documents', 'json-schema', 'reasoning', 'streaming', 'embeddings'),
    'an array of capabilities',
    7,
  ).optional(),
  contextTokens: whole(1, 100_000_000, 'tokens').optional(),
  maxOutputTokens: whole(1, MAX_OUTPUT_TOKENS, 'tokens').optional(),
  maxImageTokens: whole(0, 100_000_000, 'tokens').optional(),
  maxDocumentTokens: whole(0, 100_000_000, 'tokens').optional(),
  limits: rateLimit.optional(),
  lifecycle: lifecycle.optional(),
};
const canary = fields({
  ...modelFields,
  share: checked<number>(
    (value) => typeof value === 'number' && value > 0 && value <= 1 && /^[01](\.\d{1,4})?$/.test(String(value)),
    'a share of the conversations above 0 up to 1 with at most four decimals, such as 0.05',
  ),
});
const target = fields({
  provider: checked<string>((value) => typeof value === 'string', 'the name of a provider'),
  ...modelFields,
  serviceTier: oneOf('default', 'auto', 'flex', 'priority').optional(),
  api: api.optional(),
  embedding: fields({
    model: checked<string>(isPrintable, "a model's name, without spaces, at most 512 characters").optional(),
    dimensions: z
      .union([z.literal('any'), list(whole(1, 100_000, 'numbers in a vector'), 'an array of lengths', 32)], {
        error: 'expected "any" or an array of lengths, such as [256, 512]',
      })
      .optional(),
  }).optional(),
  weight: whole(0, 1_000_000, 'shares').optional(),
  canary: canary.optional(),
});

const timeoutMs = whole(1, LONGEST_CALL_MS, 'milliseconds');

const fallbackChain = list(
  checked<string>((value) => typeof value === 'string', 'the name of a model of this file'),
  'an array of models of this file',
  8,
);

const policy = oneOf('ordered', 'weighted', 'cheapest', 'fastest');

/** One, or any of several. */
const someOf = <Item extends z.ZodType>(item: Item, expected: string) => z.union([item, list(item, expected, 64)]);
const TAG_VALUE = /^[\x21-\x2b\x2d-\x3c\x3e-\x7e]{1,128}$/;
const tagValue = checked<string>(
  (value) => typeof value === 'string' && TAG_VALUE.test(value),
  "a tag's value, or several",
);
const surface = oneOf<SurfaceConfig>('openai-chat', 'openai-responses', 'anthropic-messages', 'openai-embeddings');

const route = fields({
  when: fields({
    tags: named(TAG_NAME, "a tag's name without a value", someOf(tagValue, "an array of a tag's values")).optional(),
    surface: someOf(surface, 'an array of surfaces').optional(),
    inputTokensAbove: whole(0, 100_000_000, 'tokens').optional(),
    inputTokensBelow: whole(1, 100_000_000, 'tokens').optional(),
  }),
  policy: policy.optional(),
  targets: list(
    checked<string>((value) => typeof value === 'string', 'a target of this model as "provider/model"'),
    'an array of targets of this model, each as "provider/model"',
    32,
  ).optional(),
});

const model = fields({
  targets: list(target, 'an array of targets { provider, model }', 32),
  policy: policy.optional(),
  affinity: z.boolean().optional(),
  allowRegions: list(placeName, 'an array of regions, or parts of the world such as "eu"', 64).optional(),
  routes: list(route, 'an array of rules { when, policy, targets }', 32).optional(),
  output: fields({
    default: whole(1, MAX_OUTPUT_TOKENS, 'tokens').optional(),
    floor: whole(1, MAX_OUTPUT_TOKENS, 'tokens').optional(),
  }).optional(),
  timeouts: fields({
    connectMs: timeoutMs.optional(),
    firstTokenMs: timeoutMs.optional(),
    idleMs: timeoutMs.optional(),
    answerMs: timeoutMs.optional(),
    totalMs: timeoutMs.optional(),
    minTokensPerSecond: whole(1, 1_000, 'tokens a second').optional(),
    heartbeatMs: whole(100, LONGEST_CALL_MS, 'milliseconds').optional(),
  }).optional(),
  bounds: bounds.optional(),
  cache: cacheSchema.optional(),
  attempts: whole(1, 20, 'upstream calls').optional(),
  downgradeTo: checked<string>((value) => typeof value === 'string', 'the name of a model of this file').optional(),
  fallbacks: fields({
    any: fallbackChain.optional(),
    contextLength: fallbackChain.optional(),
    contentFilter: fallbackChain.optional(),
  }).optional(),
});

const budgetFields = {
  daily: usd.optional(),
  weekly: usd.optional(),
  monthly: usd.optional(),
  lifetime: usd.optional(),
  warnAt: checked<number>(
    (value) => typeof value === 'number' && value > 0 && value <= 1,
    'a share of the cap above 0 up to 1, such as 0.8',
  ).optional(),
  downgradeAt: checked<number>(
    (value) => typeof value === 'number' && value > 0 && value <= 1,
    'a share of the cap above warnAt up to 1, such as 0.9',
  ).optional(),
  withoutStandIn: oneOf('allow', 'reject').optional(),
  backPressure: oneOf('refuse', 'clamp').optional(),
};
const budget = fields(budgetFields);
const limitedBudget = fields({ ...budgetFields, tokensPerMinute: perMinute.optional() });
const defaultBudget = limitedBudget.optional();
const runBudget = fields({
  ...budgetFields,
  calls: whole(1, 1_000_000_000, 'requests').optional(),
  minutes: whole(1, 10_000_000, 'minutes').optional(),
});

const timeZone = z.custom<string>((value) => typeof value === 'string' && isTimeZone(value), {
  error: ({ input }) =>
    `expected an IANA time zone such as "Europe/Berlin", got ${shown(input)}.${typeof input === 'string' ? didYouMean(input, Intl.supportedValuesOf('timeZone')) : ''}`,
});

const email = checked<string>(
  (value) => typeof value === 'string' && value.length <= 254 && /^[^\s@<>()[\]\\,;:"]+@[\w-]+(\.[\w-]+)+$/.test(value),
  'an e-mail address',
);

const ALIAS = /^[A-Za-z0-9][\w.:/-]{0,127}$/;
const PROVIDER = /^[A-Za-z0-9][\w-]{0,63}$/;
const ORG = /^[A-Za-z0-9][\w.-]{0,63}$/;
const SCOPE = new RegExp(`^[^\\u0000-\\u001f\\u007f]{1,${MAX_NAME_LENGTH}}$`);
const KEY_ID = /^[0-9A-Za-z]{12}$/;
const KEY_ID_WORDS = "a key's id: the 12 letters and digits that `tollgate keys list` shows";

/** The configuration's shape. What one field alone can't show wrong is in check-config.ts. */
export const gatewaySchema = fields({
  org: checked<string>(
    (value) => typeof value === 'string' && ORG.test(value),
    'a name of letters, digits, ".", "_", "-", at most 64',
  ).optional(),
  providers: named(PROVIDER, 'a name of letters, digits, "_", "-", at most 64', provider),
  models: named(ALIAS, 'an alias of letters, digits, ".", "_", ":", "/", "-", at most 128', model),
  budgets: fields({
    timeZone: timeZone.optional(),
    org: defaultBudget,
    teams: named(SCOPE, "a team's name", limitedBudget).optional(),
    users: named(SCOPE, "a user's name", limitedBudget).optional(),
    keys: named(KEY_ID, KEY_ID_WORDS, limitedBudget).optional(),
    tags: named(TAG, 'a tag with its value, such as "feature=search"', budget).optional(),
    aliases: named(ALIAS, 'one of the models', limitedBudget).optional(),
    runs: named(SCOPE, "a team's name", named(RUN_ID, `a run's id: ${RUN_ID_WORDS}`, runBudget)).optional(),
    perTeam: defaultBudget,
    perUser: defaultBudget,
    perKey: defaultBudget,
    perTag: named(TAG_NAME, "a tag's name without a value", budget).optional(),
    perRun: runBudget.optional(),
  }).optional(),
  limits: fields({
    org: rateLimit.optional(),
    teams: named(SCOPE, "a team's name", rateLimit).optional(),
    users: named(SCOPE, "a user's name", rateLimit).optional(),
    keys: named(KEY_ID, KEY_ID_WORDS, rateLimit).optional(),
    aliases: named(ALIAS, 'one of the models', rateLimit).optional(),
    perTeam: rateLimit.optional(),
    perUser: rateLimit.optional(),
    perKey: rateLimit.optional(),
    perAlias: rateLimit.optional(),
  }).optional(),
  whenStoreIsDown: fields({
    budgets: checked<'refuse'>(
      (value) => value === 'refuse',
      '"refuse": a call without an entry in the ledger could be billed and forgotten, so there is no other way',
    ).optional(),
    limits: oneOf('local', 'refuse').optional(),
  }).optional(),
  alerts: fields({ email: list(email, 'an array of e-mail addresses', 32).optional() }).optional(),
  pins: fields({ floating: oneOf('refuse', 'allow').optional() }).optional(),
  semanticCache: semanticCacheSchema({ price, lifecycle }).optional(),
});

function isPrintable(value: unknown): boolean {
  return typeof value === 'string' && /^[\x21-\x7e]{1,512}$/.test(value);
}
