import { openaiAnswer, openaiChunk } from '../support/fault-upstream.ts';
import type { Script, Vendor } from '../support/vendors.ts';

/** Tokens that it counts of every request. */
export const INPUT_TOKENS = 11;

const usageOf = ({ pieces = [] }: Script) => ({
  prompt_tokens: INPUT_TOKENS,
  completion_tokens: pieces.length,
  total_tokens: INPUT_TOKENS + pieces.length,
});
const data = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;
const chunk = (delta: object, finish?: string): Buffer => Buffer.from(openaiChunk(delta, finish));

/** OpenAI's chat completions, counting a token for each piece of the answer: so no two lengths cost the same. */
export const meteredOpenai: Vendor = {
  dialect: 'openai-chat',
  provider: (origin) => ({ kind: 'openai-compatible', baseUrl: `${origin}/v1`, apiKey: 'env:PROVIDER_KEY' }),
  model: 'm',
  answer: (script) => JSON.stringify({ ...openaiAnswer((script.pieces ?? []).join('')), usage: usageOf(script) }),
  stream: (script) => ({
    opening: chunk({ role: 'assistant', content: '' }),
    pieces: (script.pieces ?? []).map((content) => chunk({ content })),
    closing: Buffer.concat([
      chunk({}, 'stop'),
      Buffer.from(
        `${data({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage: usageOf(script) })}data: [DONE]\n\n`,
      ),
    ]),
  }),
  streamType: 'text/event-stream',
  error: (_status, message) => ({
    headers: {},
    body: JSON.stringify({ error: { message, type: 'upstream_error', code: null } }),
  }),
  streamError: (message) => Buffer.from(data({ error: { message, type: 'server_error', code: 'server_error' } })),
};
