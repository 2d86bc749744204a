/**
 * What a request asks for, read from the wire format of each vendor in the plainest way there is. It shares nothing with
 * the codecs, so that the recorded request and the one that reached the upstream can be compared by meaning: order of
 * fields, default values and ids that only need to pair are gone.
 */
import type { AnyDialectName } from '../../lambdas/core/dialect.ts';
import { geminiAsks } from './asked-gemini.ts';
import {
  type Asked,
  type AskedTool,
  cachedIf,
  type Item,
  type Json,
  makePairs,
  type Pairs,
  pick,
  tidyTurns,
  withoutBlanks,
} from './asked-items.ts';

const dataOf = (url: string): string => url.replace(/^data:([^;]+);base64,/, '$1 ');

const openaiPart = (part: Json): Item => {
  switch (part.type) {
    case 'text':
      return { text: part.text };
    case 'image_url':
      return { image: dataOf(part.image_url.url) };
    case 'file':
      return { document: dataOf(part.file.file_data) };
    default:
      throw new Error(`no such part: ${part.type}`);
  }
};

const openaiContent = (content: Json): Item[] =>
  typeof content === 'string' ? [{ text: content }] : (content ?? []).map(openaiPart);

const openaiMessage = (message: Json, pairs: Pairs): Asked['turns'][number] => {
  if (message.role === 'tool')
    return {
      role: 'user',
      items: [
        {
          resultOf: pairs.result(message.tool_call_id),
          content: withoutBlanks(openaiContent(message.content)),
          failed: false,
        },
      ],
    };
  if (message.role === 'user') return { role: 'user', items: openaiContent(message.content) };
  return {
    role: 'assistant',
    items: [
      ...openaiContent(message.content),
      ...(message.tool_calls ?? []).map((call: Json) => ({
        call: pairs.call(call.id),
        name: call.function.name,
        input: JSON.parse(call.function.arguments),
      })),
    ],
  };
};

const isSystem = ({ role }: Json): boolean => role === 'system' || role === 'developer';

const openaiAsks = (body: Json): Asked => {
  const pairs = makePairs();
  const { messages, tools = [], tool_choice: choice, response_format: format, stop } = body;
  const schema = format?.json_schema;
  return {
    system: messages.filter(isSystem).flatMap(({ content }: Json) => openaiContent(content)),
    turns: tidyTurns(
      messages.filter((message: Json) => !isSystem(message)).map((message: Json) => openaiMessage(message, pairs)),
    ),
    tools: tools.map(({ function: { name, description, parameters, strict } }: Json) => ({
      name,
      description: description ?? '',
      schema: parameters,
      strict: strict ?? false,
    })),
    toolChoice: choice?.function ? { tool: choice.function.name } : (choice ?? 'auto'),
    limit: body.max_completion_tokens ?? body.max_tokens ?? null,
    sampling: pick(body, {
      temperature: 'temperature',
      top_p: 'topP',
      seed: 'seed',
      presence_penalty: 'presencePenalty',
      frequency_penalty: 'frequencyPenalty',
    }),
    stop: typeof stop === 'string' ? [stop] : (stop ?? []),
    format: schema
      ? { type: 'json_schema', schema: schema.schema, name: schema.name, strict: schema.strict ?? false }
      : (format ?? null),
    reasons: body.reasoning !== undefined || body.reasoning_effort !== undefined,
    effort: body.reasoning_effort ?? null,
    user: body.user ?? null,
    guardrail: null,
    stream: body.stream ?? false,
  };
};

const responsesPart = (part: Json): Item => {
  const cached = cachedIf(part.cache_control !== undefined);
  switch (part.type) {
    case 'input_text':
    case 'output_text':
      return { text: part.text, ...cached };
    case 'refusal':
      return { text: part.refusal };
    case 'input_image':
      return { image: dataOf(part.image_url), ...cached };
    case 'input_file':
      return { document: dataOf(part.file_data ?? part.file_url), ...cached };
    default:
      throw new Error(`no such part: ${part.type}`);
  }
};

const responsesContent = (content: Json): Item[] =>
  typeof content === 'string' ? [{ text: content }] : content.map(responsesPart);

const responsesItem = (item: Json, pairs: Pairs): Asked['turns'][number] => {
  switch (item.type) {
    case 'function_call':
      return {
        role: 'assistant',
        items: [{ call: pairs.call(item.call_id), name: item.name, input: JSON.parse(item.arguments) }],
      };
    case 'function_call_output': {
      const content = withoutBlanks(responsesContent(item.output));
      return { role: 'user', items: [{ resultOf: pairs.result(item.call_id), content, failed: false }] };
    }
    case 'reasoning': {
      const reasoning = item.summary.map(({ text }: Json) => text).join('\n\n');
      const { encrypted_content: sealed } = item;
      return { role: 'assistant', items: [reasoning === '' ? { redacted: sealed } : { reasoning, signature: sealed }] };
    }
    default:
      return { role: item.role, items: responsesContent(item.content) };
  }
};

const responsesAsks = (body: Json): Asked => {
  const pairs = makePairs();
  const { instructions, tools = [], tool_choice: choice, text } = body;
  const input = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : body.input;
  const format = text?.format;
  return {
    system: [
      ...(instructions ? [{ text: instructions }] : []),
      ...input.filter(isSystem).flatMap(({ content }: Json) => responsesContent(content)),
    ],
    turns: tidyTurns(input.filter((item: Json) => !isSystem(item)).map((item: Json) => responsesItem(item, pairs))),
    tools: tools.map(({ name, description, parameters, strict }: Json) => ({
      name,
      description: description ?? '',
      schema: parameters ?? undefined,
      strict: strict ?? false,
    })),
    toolChoice: choice?.name ? { tool: choice.name } : (choice ?? 'auto'),
    limit: body.max_output_tokens ?? null,
    sampling: pick(body, { temperature: 'temperature', top_p: 'topP' }),
    stop: [],
    format:
      format?.type === 'json_schema'
        ? { type: 'json_schema', schema: format.schema, name: format.name, strict: format.strict ?? false }
        : (format ?? null),
    reasons: body.reasoning?.effort !== undefined,
    effort: body.reasoning?.effort ?? null,
    user: body.user ?? null,
    guardrail: null,
    stream: body.stream ?? false,
  };
};

const anthropicSource = ({ type, url, media_type: mediaType, data }: Json): string => {
  if (type === 'url') return url;
  return type === 'text' ? `text/plain ${Buffer.from(data).toString('base64')}` : `${mediaType} ${data}`;
};

const anthropicBlock = (block: Json, pairs: Pairs): Item => {
  const cached = cachedIf(block.cache_control !== undefined);
  switch (block.type) {
    case 'text':
      return { text: block.text, ...cached };
    case 'image':
      return { image: anthropicSource(block.source), ...cached };
    case 'document':
      return { document: anthropicSource(block.source), ...cached };
    case 'tool_use':
      return { call: pairs.call(block.id), name: block.name, input: block.input };
    case 'tool_result':
      return {
        resultOf: pairs.result(block.tool_use_id),
        content: withoutBlanks(anthropicContent(block.content, pairs)),
        failed: block.is_error ?? false,
        ...cached,
      };
    case 'thinking':
      return { reasoning: block.thinking, signature: block.signature };
    case 'redacted_thinking':
      return { redacted: block.data };
    default:
      throw new Error(`no such block: ${block.type}`);
  }
};

const anthropicContent = (content: Json, pairs: Pairs): Item[] =>
  typeof content === 'string'
    ? [{ text: content }]
    : (content ?? []).map((block: Json) => anthropicBlock(block, pairs));

const anthropicChoice = (choice: Json): Asked['toolChoice'] => {
  if (choice?.type === 'any') return 'required';
  return choice?.type === 'tool' ? { tool: choice.name } : (choice?.type ?? 'auto');
};

const anthropicAsks = (body: Json): Asked => {
  const pairs = makePairs();
  const format = body.output_config?.format;
  const effort = body.output_config?.effort;
  return {
    system: withoutBlanks(anthropicContent(body.system, pairs)),
    turns: tidyTurns(
      body.messages.map(({ role, content }: Json) => ({ role, items: anthropicContent(content, pairs) })),
    ),
    tools: (body.tools ?? []).map(
      ({ name, description, input_schema: schema, strict, cache_control: cache }: Json) => ({
        name,
        description: description ?? '',
        schema,
        strict: strict ?? false,
        ...cachedIf(cache !== undefined),
      }),
    ),
    toolChoice: anthropicChoice(body.tool_choice),
    limit: body.max_tokens,
    sampling: pick(body, { temperature: 'temperature', top_p: 'topP', top_k: 'topK' }),
    stop: body.stop_sequences ?? [],
    format: format ? { type: 'json_schema', schema: format.schema } : null,
    reasons: body.thinking !== undefined || effort !== undefined,
    effort: effort ?? body.thinking?.budget_tokens ?? null,
    user: body.metadata?.user_id ?? null,
    guardrail: null,
    stream: body.stream ?? false,
  };
};

const MEDIA_TYPES: Record<string, string> = { txt: 'text/plain', pdf: 'application/pdf' };

const converseBlock = (block: Json, pairs: Pairs): Item => {
  if (block.text !== undefined) return { text: block.text };
  if (block.guardContent) return { text: block.guardContent.text.text };
  if (block.json) return { text: JSON.stringify(block.json) };
  if (block.image) return { image: `image/${block.image.format} ${block.image.source.bytes}` };
  if (block.document) return { document: `${MEDIA_TYPES[block.document.format]} ${block.document.source.bytes}` };
  if (block.toolUse)
    return { call: pairs.call(block.toolUse.toolUseId), name: block.toolUse.name, input: block.toolUse.input };
  if (block.toolResult)
    return {
      resultOf: pairs.result(block.toolResult.toolUseId),
      content: converseBlocks(block.toolResult.content, pairs),
      failed: block.toolResult.status === 'error',
    };
  throw new Error(`no such block: ${Object.keys(block)}`);
};

const converseBlocks = (blocks: Json[], pairs: Pairs): Item[] => {
  const items: Item[] = [];
  for (const block of blocks ?? []) {
    if (block.cachePoint) Object.assign(items.at(-1) ?? {}, { cached: true });
    else items.push(converseBlock(block, pairs));
  }
  return withoutBlanks(items);
};

const converseTools = (entries: Json[]): AskedTool[] => {
  const tools: AskedTool[] = [];
  for (const { toolSpec, cachePoint } of entries) {
    if (cachePoint) Object.assign(tools.at(-1) ?? {}, { cached: true });
    else
      tools.push({
        name: toolSpec.name,
        description: toolSpec.description ?? '',
        schema: toolSpec.inputSchema.json,
        strict: toolSpec.strict ?? false,
      });
  }
  return tools;
};

const converseChoice = (choice: Json): Asked['toolChoice'] => {
  if (choice?.tool) return { tool: choice.tool.name };
  return choice?.any ? 'required' : 'auto';
};

const converseAsks = (body: Json, isStream: boolean): Asked => {
  const pairs = makePairs();
  const { inferenceConfig: inference = {}, toolConfig, outputConfig } = body;
  const extra = body.additionalModelRequestFields;
  const format = outputConfig?.textFormat?.structure.jsonSchema;
  return {
    system: converseBlocks(body.system, pairs),
    turns: tidyTurns(body.messages.map(({ role, content }: Json) => ({ role, items: converseBlocks(content, pairs) }))),
    tools: converseTools(toolConfig?.tools ?? []),
    toolChoice: converseChoice(toolConfig?.toolChoice),
    limit: inference.maxTokens ?? null,
    sampling: { ...pick(inference, { temperature: 'temperature', topP: 'topP' }), ...pick(extra, { top_k: 'topK' }) },
    stop: inference.stopSequences ?? [],
    format: format
      ? { type: 'json_schema', schema: JSON.parse(format.schema), name: format.name, description: format.description }
      : null,
    reasons: extra?.thinking !== undefined || extra?.reasoning_effort !== undefined,
    effort: extra?.thinking?.budget_tokens ?? extra?.reasoning_effort ?? null,
    user: null,
    guardrail: body.guardrailConfig ?? null,
    stream: isStream,
  };
};

/** @param isStream for Converse and Gemini, which say it by the path */
export const asksOf = (dialect: AnyDialectName, body: Json, isStream = false): Asked => {
  switch (dialect) {
    case 'openai-chat':
      return openaiAsks(body);
    case 'openai-responses':
      return responsesAsks(body);
    case 'anthropic-messages':
      return anthropicAsks(body);
    case 'bedrock-converse':
      return converseAsks(body, isStream);
    case 'gemini':
      return geminiAsks(body, isStream);
    default:
      throw new Error(`nothing is said in ${dialect}`);
  }
};
