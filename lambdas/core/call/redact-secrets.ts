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
const BEARER = /\b(Bearer|Basic)\s+[\w+/=.~*-]{8,}/gi;

/** A vendor's message with everything that looks like a key replaced, cut at 1,000 characters: fit for logs, receipts and clients. */
export const redactSecrets = (message: string): string => {
  // Cut first (with room for what redaction takes away): a megabyte of HTML is not worth scanning.
  let text = message.slice(0, 4 * LONGEST_MESSAGE);
  for (const secret of SECRETS) text = text.replace(secret, '[redacted]');
  text = text.replace(BEARER, '$1 [redacted]');
  return text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text;
};
