import type { JsonObject, JsonValue } from '../conversation.ts';

const LONGEST_MESSAGE = 1000;

/** Shapes of keys that vendors quote back in their error messages, masked ones (`sk-ab***yz`) included. */
const SECRETS: readonly RegExp[] = [
  // OpenAI, Anthropic, OpenRouter, DeepSeek (sk-…), Groq (gsk_…), Cerebras (csk-…), xAI (xai-…), Tollgate (tg_…)
  /\b(?:sk|gsk|csk|xai|tg|pk|rk)[-_][\w*.…-]{6,}/g,
  // Google, AWS access keys and Bedrock's API keys
  /\bAIza[\w-]{10,}/g,
  /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{8,}/g,
  /\b(?:ABSK|bedrock-api-key-)[\w+/=-]{10,}/g,
  // JSON web tokens
  /\beyJ[\w-]{10,}\.[\w.-]+/g,
];
/** User and password in an address. */
const CREDENTIALS = /\b([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@]{1,256}@/gi;

/** Addresses and names that mean something inside somebody's network alone, ports included. */
const INTERNAL: readonly RegExp[] = [
  /\b(?:10|127)(?:\.\d{1,3}){3}(?::\d{1,5})?\b/g,
  /\b(?:192\.168|169\.254|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2}(?::\d{1,5})?\b/g,
  /\[(?:::1|f[cde][0-9a-f]{2}:[0-9a-f:]{2,39})\](?::\d{1,5})?/gi,
  /\blocalhost:\d{1,5}\b/gi,
  /\b(?:[a-z0-9-]{1,63}\.){1,10}(?:internal|local|localdomain|svc|corp|lan|intranet)\b(?::\d{1,5})?/gi,
  // What AWS's services put behind the names of their exceptions.
  /\binternal\.amazon\.com\b[^\s"]{0,200}/gi,
];

const BEARER = /\b(Bearer|Basic)\s+[\w+/=.~*-]{8,}/gi;

/** A vendor's message with everything that looks like a key or an internal host replaced, cut at 1,000 characters: fit for logs, receipts and clients. */
export const redactSecrets = (message: string): string => {
  // Cut first (with room for what redaction takes away): a megabyte of HTML is not worth scanning.
  let text = message.slice(0, 4 * LONGEST_MESSAGE);
  for (const secret of SECRETS) text = text.replace(secret, '[redacted]');
  text = text.replace(BEARER, '$1 [redacted]').replace(CREDENTIALS, '$1[redacted]@');
  for (const place of INTERNAL) text = text.replace(place, '[internal host]');
  return text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text;
};

/** Characters of an error's own fields that go on to a client; of larger ones only those that every error has. */
const MOST_FIELDS = 8_000;
const MOST_VALUES = 200;
const DEEPEST = 8;
const COMMON = new Set(['code', 'param', 'type']);
/** Told in other words, or ours. */
const NOT_TOLD = new Set(['message', 'tollgate']);

/**
 * The own fields of a vendor's error, with every text in them redacted and without what is deep or much: fit for clients.
 *
 * @param secret a text to be hidden that may look like nothing known: the provider key in use
 * @returns undefined where nothing is left
 */
export const redactFields = (fields: JsonObject, secret?: string): JsonObject | undefined => {
  let values = 0;
  const hide = (text: string): string => redactSecrets(secret === undefined ? text : text.replaceAll(secret, '[key]'));
  const clean = (value: JsonValue, depth: number): JsonValue[] => {
    values += 1;
    if (values > MOST_VALUES) return [];
    if (typeof value === 'string') return [hide(value)];
    if (typeof value !== 'object' || value === null) return [value];
    if (depth === DEEPEST) return [];
    return [Array.isArray(value) ? value.flatMap((one) => clean(one, depth + 1)) : cleanEach(value, depth + 1)];
  };
  const cleanEach = (object: JsonObject, depth: number): JsonObject =>
    Object.fromEntries(
      Object.entries(object).flatMap(([name, value]) => clean(value, depth).map((kept) => [hide(name), kept])),
    );
  const told = Object.entries(fields).filter(([name, value]) => !NOT_TOLD.has(name) && value !== null);
  const common = told.filter(([name, value]) => COMMON.has(name) && typeof value !== 'object');
  // The common ones first: they are never what is too much.
  const whole = cleanEach(Object.fromEntries([...common, ...told]), 0);
  const isSmall = JSON.stringify(whole).length <= MOST_FIELDS;
  const kept = isSmall ? whole : Object.fromEntries(Object.entries(whole).slice(0, common.length));
  return Object.keys(kept).length === 0 ? undefined : kept;
};
