import type { Conversation, JsonObject } from '../../core/conversation.ts';
import type { Encoded, EncodeTarget } from '../../core/dialect.ts';
import { encodeContents } from './encode-contents.ts';
import { encodeGeneration } from './encode-generation.ts';
import type { EncodeContext } from './encode-parts.ts';
import { encodeTools } from './encode-tools.ts';
import { modelRulesOf } from './model-rules.ts';

/**
 * Writes a conversation as the body of generateContent and streamGenerateContent; model and streaming are said by the path.
 * One rule an item for what has no place here:
 * - `user`, `parallelToolCalls: false`, an image's `detail`, a document's name, context and wish to be cited, citations of
 *   earlier answers, unsigned reasoning: left out and named
 * - images and documents in a function's result: inside it from generation 3 on, else beside it (encode-parts.ts)
 * - system turns after the first other turn: user text in `<system>` tags
 * - calls that no Gemini signed, for models that want signatures: Google's own mark for them
 * - cache points: left out; Gemini caches by itself.
 */
export const encodeRequest = (conversation: Conversation, target: EncodeTarget): Encoded => {
  const context: EncodeContext = {
    rules: modelRulesOf(target.model),
    dropped: new Set(conversation.sameDialectOnly),
    calls: new Map(),
  };
  if (conversation.choices > 1) context.dropped.add('choices');
  if (conversation.user !== undefined) context.dropped.add('user');
  const limit = target.maxOutputTokens ?? conversation.maxOutputTokens;
  const { contents, system } = encodeContents(conversation.turns, context);
  const { generationConfig, words } = encodeGeneration(conversation, limit, context);
  const instruction: JsonObject[] = words === undefined ? system : [...system, { text: words }];
  return {
    body: {
      contents,
      ...(instruction.length > 0 && { systemInstruction: { parts: instruction } }),
      ...encodeTools(conversation, context),
      ...(Object.keys(generationConfig).length > 0 && { generationConfig }),
    },
    dropped: [...context.dropped],
  };
};
