/** What a request to Gemini asks for, read in the plainest way there is. */
import {
  type Asked,
  type Item,
  type Json,
  makePairs,
  type Pairs,
  pick,
  tidyTurns,
  withoutBlanks,
} from './asked-items.ts';

/** Google's own Schema has its types in capitals. */
const plainSchema = (schema: Json): Json => {
  if (Array.isArray(schema)) return schema.map(plainSchema);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) =>
      key === 'type' && typeof value === 'string' ? [key, value.toLowerCase()] : [key, plainSchema(value)],
    ),
  );
};

/** base64 in either alphabet. */
const plainBase64 = (data: string): string => Buffer.from(data, 'base64').toString('base64');

/** A result as Google's clients wrap it: under one key, by any name. */
const geminiResult = (response: Json): Item[] => {
  const values = Object.values(response ?? {});
  if (values.length === 1 && typeof values[0] === 'string') return [{ text: values[0] }];
  return values.length === 0 ? [] : [{ text: JSON.stringify(response) }];
};

const geminiPart = (part: Json, pairs: Pairs): Item => {
  if (part.functionCall) {
    const { id, name, args } = part.functionCall;
    return { call: pairs.call(id), name, input: args ?? {} };
  }
  if (part.functionResponse) {
    const { id, response, parts } = part.functionResponse;
    return {
      resultOf: pairs.result(id),
      content: withoutBlanks([...geminiResult(response), ...(parts ?? []).map((one: Json) => geminiPart(one, pairs))]),
      failed: response?.error !== undefined,
    };
  }
  const { mimeType, data } = part.inlineData ?? {};
  if (mimeType?.startsWith('image/')) return { image: `${mimeType} ${plainBase64(data)}` };
  if (mimeType) return { document: `${mimeType} ${plainBase64(data)}` };
  if (part.fileData) return { image: part.fileData.fileUri };
  if (part.thought) return { reasoning: part.text, signature: part.thoughtSignature };
  if (typeof part.text === 'string') return { text: part.text };
  throw new Error(`no such part: ${Object.keys(part)}`);
};

const geminiChoice = (config: Json): Asked['toolChoice'] => {
  const { mode, allowedFunctionNames: names } = config?.functionCallingConfig ?? {};
  if (mode === 'ANY') return names?.length === 1 ? { tool: names[0] } : 'required';
  return mode === 'NONE' ? 'none' : 'auto';
};

export const geminiAsks = (body: Json, isStream: boolean): Asked => {
  const pairs = makePairs();
  const { contents, systemInstruction, tools = [], toolConfig, generationConfig: config = {} } = body;
  const schema = config.responseJsonSchema ?? config.responseSchema;
  const thinking = config.thinkingConfig;
  return {
    system: (systemInstruction?.parts ?? []).map((part: Json) => geminiPart(part, pairs)),
    turns: tidyTurns(
      contents.map(({ role, parts }: Json) => ({
        role: role === 'model' ? 'assistant' : 'user',
        items: parts.map((part: Json) => geminiPart(part, pairs)),
      })),
    ),
    tools: tools
      .flatMap(({ functionDeclarations = [] }: Json) => functionDeclarations)
      .map((tool: Json) => ({
        name: tool.name,
        description: tool.description ?? '',
        schema: plainSchema(tool.parametersJsonSchema ?? tool.parameters_json_schema ?? tool.parameters),
        strict: false,
      })),
    toolChoice: geminiChoice(toolConfig),
    limit: config.maxOutputTokens ?? null,
    sampling: pick(config, {
      temperature: 'temperature',
      topP: 'topP',
      topK: 'topK',
      seed: 'seed',
      presencePenalty: 'presencePenalty',
      frequencyPenalty: 'frequencyPenalty',
    }),
    stop: config.stopSequences ?? [],
    format: config.responseMimeType ? { type: schema ? 'json_schema' : 'json', schema: plainSchema(schema) } : null,
    reasons: thinking !== undefined,
    effort: thinking?.thinkingBudget ?? thinking?.thinkingLevel ?? null,
    user: null,
    guardrail: body.modelArmorConfig ?? body.cachedContent ?? null,
    stream: isStream,
  };
};
