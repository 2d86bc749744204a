import type { Answer, AssistantPart, JsonObject, JsonValue } from '../../core/conversation.ts';
import { isDeeperThan, MAX_DEPTH } from '../../core/read-json.ts';
import { decodeCited } from './citations.ts';
import { toolNameOf } from './fit-names.ts';
import { dataOfBlob } from './redacted-reasoning.ts';
import { decodeStop } from './stop-reasons.ts';
import { decodeUsage } from './usage.ts';
import { objectOf, textOf } from './wire.ts';

/** The vendor's own tools run on its side: their calls and results are no part of the answer. */
export const isServerTool = (toolUse: JsonObject): boolean => toolUse.type === 'server_tool_use';

const textPart = (text: string | undefined): AssistantPart[] =>
  text === undefined || text === '' ? [] : [{ type: 'text', text }];

const decodeReasoning = (content: JsonObject): AssistantPart[] => {
  const redacted = textOf(content.redactedContent);
  if (redacted !== undefined) return [{ type: 'redacted-reasoning', data: dataOfBlob(redacted) }];
  const block = objectOf(content.reasoningText);
  const text = textOf(block?.text) ?? '';
  const signature = textOf(block?.signature);
  if (text === '' && signature === undefined) return [];
  return [{ type: 'reasoning', text, ...(signature !== undefined && { signature }) }];
};

/** Blocks that have no canonical part (images, audio, results of the vendor's own tools) are left out, and named by `unsaidOf`. */
const decodeBlock = (block: JsonObject | undefined): AssistantPart[] => {
  if (block === undefined) return [];
  const toolUse = objectOf(block.toolUse);
  if (toolUse !== undefined)
    return isServerTool(toolUse)
      ? []
      : [
          {
            type: 'tool-call',
            id: textOf(toolUse.toolUseId) ?? '',
            name: toolNameOf(textOf(toolUse.name) ?? ''),
            arguments: JSON.stringify(toolUse.input ?? {}),
          },
        ];
  const reasoning = objectOf(block.reasoningContent);
  if (reasoning !== undefined) return decodeReasoning(reasoning);
  const cited = objectOf(block.citationsContent);
  if (cited !== undefined) return [decodeCited(cited)].filter(({ text }) => text !== '');
  return textPart(textOf(block.text));
};

const KNOWN = new Set(['text', 'toolUse', 'reasoningContent', 'citationsContent']);

/** What a block is that has no canonical part. @param block one of an answer, or the announcement of one in a stream */
export const unsaidOf = (block: JsonObject | undefined): string[] => {
  const toolUse = objectOf(block?.toolUse);
  if (toolUse !== undefined && isServerTool(toolUse)) return ['server_tool_use'];
  return Object.keys(block ?? {})
    .filter((name) => !KNOWN.has(name))
    .map((name) => name.slice(0, 100));
};

/** Reads the body of a Converse reply. It names neither an id nor the model. */
export const decodeAnswer = (body: JsonValue): Answer | undefined => {
  const reply = objectOf(body);
  const raw = textOf(reply?.stopReason);
  const content = objectOf(objectOf(reply?.output)?.message)?.content;
  if (reply === undefined || raw === undefined || !Array.isArray(content)) return undefined;
  if (isDeeperThan(content, MAX_DEPTH)) return undefined;
  const usage = decodeUsage(objectOf(reply.usage), reply.serviceTier);
  const unsaid = content.flatMap((block) => unsaidOf(objectOf(block)));
  return {
    id: '',
    model: '',
    parts: content.flatMap((block) => decodeBlock(objectOf(block))),
    stop: decodeStop(raw, reply.additionalModelResponseFields),
    ...(usage !== undefined && { usage }),
    ...(unsaid.length > 0 && { unsaid: [...new Set(unsaid)] }),
  };
};
