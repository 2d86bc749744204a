import { isClaudeFrom } from '../contract/model-names.ts';

/**
 * The most input tokens that one image can count as. Vendors shrink large images before they count, so there is a most;
 * where a family does not, it is what the largest image they take comes to. Holds use it: rather too high than too low.
 */
export const maxImageTokensOf = (model: string): number => {
  const rule = IMAGE_RULES.find(({ isFamily }) => isFamily.test(model));
  if (rule !== undefined) return rule.tokens;
  // Claude: 28-pixel patches, at most 1,568 of them up to generation 4.6 and 4,784 from 4.7 on, and a few tokens around
  // them (platform.claude.com/docs/en/build-with-claude/vision; measured 1,661 and 4,005 for 12 megapixels).
  if (model.includes('claude')) return isClaudeFrom(model, 4, 7) ? 5_000 : 1_800;
  return OTHER_IMAGE_TOKENS;
};

/** Open models on Bedrock: the most that one of them makes of an image (Qwen-VL: 16,384 patches). */
const OTHER_IMAGE_TOKENS = 16_384;

/** 60 megapixels (what is still taken) at 1,024 pixels a patch, times 1.2. From GPT-6 on images are not shrunk unless asked. */
const UNSHRUNK_IMAGE_TOKENS = 72_000;

/**
 * OpenAI counts in two ways (developers.openai.com/api/docs/guides/images-vision). Tiles: at most 2048 × 768 pixels, so 8 tiles of
 * 512: base + 8 × tile. Patches of 32 pixels: at most 1,536 × the model's multiplier, or 10,000 × 1.2 with `detail: original`.
 */
const IMAGE_RULES: { isFamily: RegExp; tokens: number }[] = [
  { isFamily: /gpt-4o-mini/, tokens: 2_833 + 8 * 5_667 },
  { isFamily: /gpt-4\.1-mini|gpt-5-mini/, tokens: Math.ceil(1_536 * 1.62) },
  { isFamily: /gpt-4\.1-nano|gpt-5-nano/, tokens: Math.ceil(1_536 * 2.46) },
  { isFamily: /o4-mini/, tokens: Math.ceil(1_536 * 1.72) },
  { isFamily: /gpt-4|^o[13]|computer-use/, tokens: 85 + 8 * 170 },
  { isFamily: /gpt-5(\.[0-3])?(-|$)/, tokens: Math.ceil(1_536 * 1.62) },
  { isFamily: /gpt-5\.[4-6]/, tokens: 10_000 * 1.2 },
  { isFamily: /gpt-|chat-latest|daybreak|^o\d/, tokens: UNSHRUNK_IMAGE_TOKENS },
  // Google ("Media resolution", "Understand and count tokens"): up to generation 2.5 tiles of 768 pixels, 258 tokens each, of at
  // most 3,072 × 3,072 pixels, and one for the whole; later a fixed count, 2,240 at the most.
  { isFamily: /gemini-[12]/, tokens: 17 * 258 },
  { isFamily: /gemini-|gemma-/, tokens: 2_240 },
  // Amazon Nova: about 2,600 for the largest (docs.aws.amazon.com/nova, image understanding).
  { isFamily: /amazon\.nova/, tokens: 5_000 },
];
