import type { Conversation, JsonObject } from '../../core/conversation.ts';
import type { Encoded, EncodeTarget } from '../../core/dialect.ts';
import type { EncodeContext } from './encode-content.ts';
import { encodeMessages, encodeSystem } from './encode-messages.ts';
import { encodeReasoning } from './encode-reasoning.ts';
import { encodeSampling } from './encode-sampling.ts';
import { encodeTools } from './encode-tools.ts';
import { makeCallIds, makeDocumentNamer } from './fit-names.ts';
import { modelRulesOf } from './model-rules.ts';

/** Where Claude says which stop sequence matched; a pointer that leads nowhere is ignored. */
const STOP_SEQUENCE_PATHS = ['/stop_sequence', '/delta/stop_sequence'];

/** Converse has no free JSON mode: asked for in words, and named, since words are no guarantee. */
const JSON_ONLY = 'Answer with one JSON value and nothing else: no words around it, no code fence.';

const encodeFormat = ({ format }: Conversation): JsonObject | undefined => {
  if (format?.type !== 'json-schema') return undefined;
  const { name, description, schema } = format;
  const jsonSchema = { name, schema: JSON.stringify(schema), ...(description !== undefined && { description }) };
  return { type: 'json_schema', structure: { jsonSchema } };
};

/**
 * A conversation as Converse's body in its JSON form (blobs are base64; the model is in the path, not here).
 *
 * The output limit is always set: Bedrock reserves quota for the model's largest answer where none is named.
 */
export const encodeRequest = (conversation: Conversation, target: EncodeTarget): Encoded => {
  const rules = modelRulesOf(target.model);
  const context: EncodeContext = {
    rules,
    nameDocument: makeDocumentNamer(),
    callIds: makeCallIds(),
    dropped: new Set(conversation.sameDialectOnly),
  };
  if (conversation.choices > 1) context.dropped.add('choices');
  if (conversation.user !== undefined) context.dropped.add('user');

  const maxTokens = target.maxOutputTokens ?? target.modelMaxOutputTokens;
  const system = encodeSystem(conversation.turns, context);
  if (conversation.format?.type === 'json') {
    system.push({ text: JSON_ONLY });
    context.dropped.add('format');
  }
  const messages = encodeMessages(conversation.turns, context);
  const tools = encodeTools(conversation, context);
  const reasoning = encodeReasoning(conversation, maxTokens, context);
  const sampling = encodeSampling(conversation, maxTokens, reasoning.thinking, context);
  const textFormat = encodeFormat(conversation);

  const extra: JsonObject = {
    ...reasoning.extra,
    ...sampling.extra,
    ...tools.extra,
    ...(target.betas !== undefined && { anthropic_beta: target.betas }),
  };
  const outputConfig: JsonObject = {
    ...(textFormat !== undefined && { textFormat }),
    ...(reasoning.effort !== undefined && { effort: reasoning.effort }),
  };
  return {
    body: {
      messages,
      ...(system.length > 0 && { system }),
      inferenceConfig: sampling.inference,
      ...(tools.toolConfig !== undefined && { toolConfig: tools.toolConfig }),
      ...(Object.keys(outputConfig).length > 0 && { outputConfig }),
      ...(Object.keys(extra).length > 0 && { additionalModelRequestFields: extra }),
      ...(rules.tellsStopSequence &&
        sampling.inference.stopSequences !== undefined && { additionalModelResponseFieldPaths: STOP_SEQUENCE_PATHS }),
    },
    dropped: [...context.dropped],
  };
};
