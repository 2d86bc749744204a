/** What a recording says, read from its JSON in the plainest way: independent of the codec under test. */
import type { WireEvent } from '../../../lambdas/core/dialect.ts';

// biome-ignore lint/suspicious/noExplicitAny: recorded JSON, read by hand
type Json = any;

const latin = (base64: string): string => Buffer.from(base64, 'base64').toString('latin1');

export interface Said {
  text: string;
  calls: { id: string; name: string; input: unknown }[];
  reasoning: { text: string; signature: string | null }[];
  redacted: string[];
  stop: string;
  usage: { input: number; output: number; cacheRead: number; cacheWrite: number };
}

const usageOf = (usage: Json): Said['usage'] => ({
  input: usage.inputTokens,
  output: usage.outputTokens,
  cacheRead: usage.cacheReadInputTokens ?? 0,
  cacheWrite: usage.cacheWriteInputTokens ?? 0,
});

export const saidInBody = (body: Json): Said => {
  const blocks: Json[] = body.output.message.content;
  return {
    text: blocks.map((block) => block.text ?? '').join(''),
    calls: blocks
      .filter((block) => block.toolUse)
      .map(({ toolUse }) => ({ id: toolUse.toolUseId, name: toolUse.name, input: toolUse.input })),
    reasoning: blocks
      .filter((block) => block.reasoningContent?.reasoningText)
      .map(({ reasoningContent: { reasoningText } }) => ({
        text: reasoningText.text,
        signature: reasoningText.signature ?? null,
      })),
    redacted: blocks
      .filter((block) => block.reasoningContent?.redactedContent)
      .map((block) => latin(block.reasoningContent.redactedContent)),
    stop: body.stopReason,
    usage: usageOf(body.usage),
  };
};

export const saidInEvents = (events: WireEvent[]): Said => {
  const payloads = (type: string): Json[] => events.filter((event) => event.type === type).map(({ data }) => data);
  const deltas = payloads('contentBlockDelta');
  const inputOf = (block: number): string =>
    deltas
      .filter(({ contentBlockIndex }) => contentBlockIndex === block)
      .map(({ delta }) => delta.toolUse?.input ?? '')
      .join('');
  return {
    text: deltas.map(({ delta }) => delta.text ?? '').join(''),
    calls: payloads('contentBlockStart').map(({ contentBlockIndex, start: { toolUse } }) => ({
      id: toolUse.toolUseId,
      name: toolUse.name,
      input: JSON.parse(inputOf(contentBlockIndex)),
    })),
    reasoning: [],
    redacted: deltas
      .filter(({ delta }) => delta.reasoningContent?.redactedContent)
      .map(({ delta }) => latin(delta.reasoningContent.redactedContent)),
    stop: payloads('messageStop')[0].stopReason,
    usage: usageOf(payloads('metadata')[0].usage),
  };
};

/** A block without what means nothing or is Converse's other spelling of the same. */
const meaningOfBlock = (block: Json): Json[] => {
  if (typeof block.text === 'string') return block.text.trim() === '' ? [] : [{ text: block.text }];
  if (block.guardContent) return [{ text: block.guardContent.text.text }];
  if (!block.toolResult) return [block];
  const { toolUseId, status, content } = block.toolResult;
  return [
    {
      toolResult: {
        toolUseId,
        failed: status === 'error',
        content: content.flatMap((inner: Json) =>
          inner.json ? [{ text: JSON.stringify(inner.json) }] : meaningOfBlock(inner),
        ),
      },
    },
  ];
};

/** What a request body asks for. A limit that nobody named is left out of the comparison with `maxTokens: undefined`. */
export const askedIn = (body: Json): Json => {
  const format = body.outputConfig?.textFormat?.structure?.jsonSchema;
  return {
    system: (body.system ?? []).flatMap(meaningOfBlock),
    messages: body.messages.map(({ role, content }: Json) => ({ role, content: content.flatMap(meaningOfBlock) })),
    tools: body.toolConfig?.tools ?? [],
    toolChoice: body.toolConfig?.toolChoice ?? null,
    sampling: { ...body.inferenceConfig, maxTokens: undefined },
    format: format ? { ...format, schema: JSON.parse(format.schema) } : null,
    extra: body.additionalModelRequestFields ?? null,
  };
};
