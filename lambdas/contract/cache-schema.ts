import { z } from 'zod';
import type { EmbedderConfig, VectorIndexConfig } from './cache-config.ts';
import { shown } from './config-problem.ts';
import { checked, fields, MESSAGE_SEPARATOR, whole } from './config-values.ts';
import { parseDuration } from './duration.ts';
import { MOST_DIMENSIONS } from './search-index.ts';

const SHORTEST_MS = 1_000;
/** OpenSearch, DynamoDB and whoever asks for the deletion of data have to keep up. */
const LONGEST_MS = 30 * 86_400_000;

const ttl = checked<string>((value) => {
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  return ms !== undefined && ms >= SHORTEST_MS && ms <= LONGEST_MS;
}, 'how long an answer is kept, such as "90s", "1h" or "7d", from 1s to 30d');

const between = (min: number, max: number, what: string) =>
  checked<number>(
    (value) => typeof value === 'number' && value >= min && value <= max,
    `${what}, a number from ${min} to ${max}`,
  );

/** `cache` of a model. */
export const cacheSchema = fields({
  exact: ttl.optional(),
  semantic: fields({
    ttl,
    threshold: between(0.5, 1, 'how alike two questions have to be').optional(),
    maxWrongShare: between(0, 1, 'the share of hits that may be wrong').optional(),
    auditShare: between(0, 1, 'the share of hits that are asked of the model as well').optional(),
  }).optional(),
  sharedBy: checked<'user' | 'team' | 'org'>(
    (value) => value === 'user' || value === 'team' || value === 'org',
    'whose answers a request may be given: one of "user", "team", "org"',
  ).optional(),
  maxTemperature: between(0, 2, 'the highest temperature that is answered from a cache').optional(),
});

const name = checked<string>(
  (value) => typeof value === 'string' && /^[\x21-\x7e]{1,512}$/.test(value),
  "a model's name, without spaces, at most 512 characters",
);

interface TargetSchemas {
  price: z.ZodType;
  lifecycle: z.ZodType;
}

const paidEmbedder = ({ price, lifecycle }: TargetSchemas) =>
  fields({
    provider: checked<string>((value) => typeof value === 'string', 'the name of a provider'),
    model: name,
    dimensions: whole(2, MOST_DIMENSIONS, 'numbers in a vector').optional(),
    deploymentOf: name.optional(),
    price: price.optional(),
    contextTokens: whole(1, 100_000_000, 'tokens').optional(),
    lifecycle: lifecycle.optional(),
  });

const endpoint = checked<string>(
  (value) => {
    const url = typeof value === 'string' ? URL.parse(value) : null;
    return (
      url?.protocol === 'https:' && url.username + url.password + url.search + url.hash === '' && url.pathname === '/'
    );
  },
  'the https URL of a domain, without a path',
  // Not shown: it may hold a password.
  (value) => (typeof value === 'string' ? `a string of ${value.length} characters that is none` : shown(value)),
);

const madeDomain = fields({
  domain: fields({
    instanceType: checked<string>(
      (value) => typeof value === 'string' && /^[a-z0-9]+\.[a-z0-9]+\.search$/.test(value),
      'a type of instances such as "t3.small.search"',
    ).optional(),
    // One shard and its copy: more nodes than a third, which settles who leads, would hold nothing.
    instances: whole(1, 3, 'instances').optional(),
    volumeGiB: whole(10, 1_000, 'GiB').optional(),
  }),
});

const ownDomain = fields({
  endpoint,
  arn: checked<string>(
    (value) =>
      typeof value === 'string' && /^arn:aws[a-z-]*:es:[a-z0-9-]+:\d{12}:domain\/[a-z][a-z0-9-]{2,27}$/.test(value),
    'the ARN of a domain, "arn:aws:es:REGION:ACCOUNT:domain/NAME"',
  ),
});

/** `{ collection }`, or the endpoint or ARN of one. */
const isCollection = (value: object): boolean =>
  'collection' in value ||
  ('endpoint' in value && typeof value.endpoint === 'string' && /\.aoss[.]/.test(value.endpoint)) ||
  ('arn' in value && typeof value.arn === 'string' && /^arn:[^:]*:aoss:/.test(value.arn));

/** Why: docs/decisions/040. */
const NO_COLLECTION = checked<never>(
  () => false,
  "a domain of OpenSearch Service, { domain } or { endpoint, arn }. A collection of OpenSearch Serverless can not hold the index: its vectors have no ids of one's own, and nothing there deletes by a query, so a purge would not be complete",
  () => 'a collection',
);

const EXPECTED_EMBEDDER = checked<'minilm'>((value) => value === 'minilm', '"minilm" or { provider, model }');

/** Of two shapes the one that the value looks like, so that a problem is told of its field and not of the whole. */
const whichever = <T>(schemaOf: (value: unknown) => z.ZodType) =>
  z.custom<T>().check(({ value, issues }) => {
    const parsed = schemaOf(value).safeParse(value);
    for (const { path, message, ...issue } of parsed.error?.issues ?? []) {
      const at = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path];
      const messages = message.split(MESSAGE_SEPARATOR);
      for (const [index, one] of at.entries())
        issues.push({ code: 'custom', input: value, path: one, message: messages[index] ?? message });
    }
  });

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `semanticCache` of the file. @param of what a target may say of itself too */
export const semanticCacheSchema = (of: TargetSchemas) => {
  const paid = paidEmbedder(of);
  return fields({
    embedder: whichever<EmbedderConfig>((value) => (isObject(value) ? paid : EXPECTED_EMBEDDER)).optional(),
    index: whichever<VectorIndexConfig>((value) =>
      !isObject(value)
        ? madeDomain
        : isCollection(value)
          ? NO_COLLECTION
          : 'endpoint' in value || 'arn' in value
            ? ownDomain
            : madeDomain,
    ).optional(),
    timeoutMs: whole(10, 10_000, 'milliseconds').optional(),
  });
};
