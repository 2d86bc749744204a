import { INPUT_TOKENS, OUTPUT_TOKENS, openaiVendor, type Script, type Vendor } from '../support/vendors.ts';

const fixedUsage = JSON.stringify({
  prompt_tokens: INPUT_TOKENS,
  completion_tokens: OUTPUT_TOKENS,
  total_tokens: INPUT_TOKENS + OUTPUT_TOKENS,
});

/** A token a piece. */
const withUsage = (text: string, { pieces = [] }: Script): string =>
  text.replace(
    fixedUsage,
    JSON.stringify({
      prompt_tokens: INPUT_TOKENS,
      completion_tokens: pieces.length,
      total_tokens: INPUT_TOKENS + pieces.length,
    }),
  );

/** OpenAI's chat completions, counting a token for each piece of the answer: so no two lengths cost the same. */
export const meteredOpenai: Vendor = {
  ...openaiVendor,
  answer: (script) => withUsage(openaiVendor.answer(script), script),
  stream: (script) => {
    const { closing, ...rest } = openaiVendor.stream(script);
    return { ...rest, closing: Buffer.from(withUsage(closing.toString('utf8'), script)) };
  },
};
