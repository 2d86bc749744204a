/** Arbitrary conversations, answers and streams that are valid as the canonical types mean them, for property tests of the codecs. */
import fc from 'fast-check';
import type {
  Answer,
  AssistantPart,
  CachePoint,
  Conversation,
  DocumentPart,
  ImagePart,
  JsonObject,
  MediaSource,
  OutputFormat,
  RefusalPart,
  Stop,
  TextPart,
  Tool,
  ToolCallPart,
  ToolChoice,
  ToolResultPart,
  Turn,
  Usage,
  UserPart,
} from '../../lambdas/core/conversation.ts';

/** What a dialect may be unable to carry: name it, and no sample has it. */
export type Feature =
  | 'images'
  | 'image-urls'
  | 'image-detail'
  | 'documents'
  | 'document-urls'
  | 'document-texts'
  | 'document-names'
  | 'tool-result-images'
  | 'tool-result-documents'
  | 'tool-result-errors'
  /** Tool results without content. */
  | 'empty-tool-results'
  /** Tool-call arguments that are no JSON object. */
  | 'invalid-arguments'
  /** Text after a tool call within one assistant turn, or several text parts in a row. */
  | 'mixed-assistant-order'
  /** More than one text part in a turn or in a tool result. */
  | 'many-texts'
  | 'reasoning'
  | 'reasoning-signatures'
  | 'redacted-reasoning'
  | 'refusals'
  | 'cache'
  /** System turns after the first other turn. */
  | 'late-system'
  | 'many-systems'
  /** An assistant turn at the end (prefill). */
  | 'assistant-last'
  | 'tools'
  | 'tool-strict'
  | 'tool-without-parameters'
  | 'tool-choice'
  | 'tool-choice-none'
  | 'parallel-tool-calls'
  | 'json-format'
  | 'json-schema-format'
  | 'max-output-tokens'
  | 'stop-sequences'
  | 'temperature'
  | 'top-p'
  | 'top-k'
  | 'seed'
  | 'penalties'
  | 'reasoning-effort'
  | 'reasoning-budget'
  | 'choices'
  | 'user';

type Has = (feature: Feature) => boolean;

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter((value) => value.trim() !== '');
const name = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_-]{0,20}$/);
const base64 = fc.uint8Array({ minLength: 1, maxLength: 24 }).map((bytes) => Buffer.from(bytes).toString('base64'));
const url = name.map((path) => `https://files.example.com/${path}.png`);
/** Values that survive any JSON writer: no -0. */
const jsonValue = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as JsonObject[string]);

const schema: fc.Arbitrary<JsonObject> = fc
  .dictionary(
    name,
    fc.constantFrom<JsonObject>(
      { type: 'string' },
      { type: 'integer', minimum: 0 },
      { type: 'array', items: { type: 'number' } },
    ),
    {
      maxKeys: 3,
      noNullPrototype: true,
    },
  )
  .map((properties) => ({
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  }));

const cacheFields = (has: Has): fc.Arbitrary<{ cache?: CachePoint }> =>
  has('cache')
    ? fc.oneof(
        { weight: 4, arbitrary: fc.constant({}) },
        {
          weight: 1,
          arbitrary: fc.constantFrom<{ cache: CachePoint }>({ cache: { ttl: '5m' } }, { cache: { ttl: '1h' } }),
        },
      )
    : fc.constant({});

const textPart = (has: Has): fc.Arbitrary<TextPart> =>
  fc.tuple(text, cacheFields(has)).map(([value, cache]) => ({ type: 'text', text: value, ...cache }));

const textParts = (has: Has, bounds: { min: number; max: number }): fc.Arbitrary<TextPart[]> =>
  fc.array(textPart(has), {
    minLength: bounds.min,
    maxLength: has('many-texts') ? bounds.max : Math.min(bounds.max, 1),
  });

const base64Source = (...mediaTypes: string[]): fc.Arbitrary<MediaSource> =>
  fc.record({ type: fc.constant('base64' as const), mediaType: fc.constantFrom(...mediaTypes), data: base64 });
const urlSource = fc.record({ type: fc.constant('url' as const), url });

const imagePart = (has: Has): fc.Arbitrary<ImagePart> =>
  fc
    .tuple(
      fc.oneof(
        base64Source('image/png', 'image/jpeg', 'image/gif', 'image/webp'),
        ...(has('image-urls') ? [urlSource] : []),
      ),
      has('image-detail')
        ? fc.constantFrom(undefined, 'auto' as const, 'low' as const, 'high' as const)
        : fc.constant(undefined),
      cacheFields(has),
    )
    .map(([source, detail, cache]) => ({ type: 'image', source, ...(detail !== undefined && { detail }), ...cache }));

const documentPart = (has: Has): fc.Arbitrary<DocumentPart> =>
  fc
    .tuple(
      fc.oneof<fc.Arbitrary<DocumentPart['source']>[]>(
        base64Source('application/pdf'),
        ...(has('document-urls') ? [urlSource] : []),
        ...(has('document-texts') ? [text.map((value) => ({ type: 'text' as const, text: value }))] : []),
      ),
      has('document-names') ? fc.option(name, { nil: undefined }) : fc.constant(undefined),
      cacheFields(has),
    )
    .map(([source, title, cache]) => ({
      type: 'document',
      source,
      ...(title !== undefined && { name: title }),
      ...cache,
    }));

const plainUserPart = (has: Has): fc.Arbitrary<UserPart> =>
  fc.oneof<fc.Arbitrary<UserPart>[]>(
    textPart(has),
    ...(has('images') ? [imagePart(has)] : []),
    ...(has('documents') ? [documentPart(has)] : []),
  );

const plainUserParts = (has: Has, minLength: number): fc.Arbitrary<UserPart[]> =>
  fc.array(plainUserPart(has), { minLength, maxLength: 3 }).map((parts) => {
    if (has('many-texts')) return parts;
    const first = parts.findIndex((part) => part.type === 'text');
    return parts.filter((part, index) => part.type !== 'text' || index === first);
  });

const toolArguments = (has: Has): fc.Arbitrary<string> =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .dictionary(name, jsonValue, { maxKeys: 3, noNullPrototype: true })
        .map((value) => JSON.stringify(value)),
    },
    { weight: 1, arbitrary: fc.constant('{}') },
    ...(has('invalid-arguments')
      ? [{ weight: 1, arbitrary: fc.constantFrom('{"city": "Par', 'null', '[1]', 'not json') }]
      : []),
  );

/** The ids are put in afterwards, so that they are unique in the conversation. */
const toolCall = (has: Has): fc.Arbitrary<ToolCallPart> =>
  fc
    .tuple(name, toolArguments(has), cacheFields(has))
    .map(([tool, args, cache]) => ({ type: 'tool-call', id: '', name: tool, arguments: args, ...cache }));

const toolResult = (has: Has): fc.Arbitrary<Omit<ToolResultPart, 'callId'>> =>
  fc
    .tuple(
      textParts(has, { min: has('empty-tool-results') ? 0 : 1, max: 2 }),
      has('tool-result-images') ? fc.array(imagePart(has), { maxLength: 1 }) : fc.constant([]),
      has('tool-result-documents') ? fc.array(documentPart(has), { maxLength: 1 }) : fc.constant([]),
      has('tool-result-errors') ? fc.constantFrom({}, {}, { isError: true }) : fc.constant({}),
      cacheFields(has),
    )
    .map(([texts, images, documents, error, cache]) => ({
      type: 'tool-result',
      content: [...texts, ...images, ...documents],
      ...error,
      ...cache,
    }));

const reasoningParts = (has: Has): fc.Arbitrary<AssistantPart[]> => {
  const kinds: fc.Arbitrary<AssistantPart>[] = [];
  if (has('reasoning')) {
    kinds.push(
      fc
        .tuple(text, has('reasoning-signatures') ? fc.option(base64, { nil: undefined }) : fc.constant(undefined))
        .map(([value, signature]) => ({
          type: 'reasoning',
          text: value,
          ...(signature !== undefined && { signature }),
        })),
    );
  }
  if (has('redacted-reasoning')) kinds.push(base64.map((data) => ({ type: 'redacted-reasoning', data })));
  return kinds.length === 0 ? fc.constant([]) : fc.array(fc.oneof(...kinds), { maxLength: 2 });
};

/** Reasoning first, as vendors send it; then texts and calls, never empty. */
const assistantParts = (has: Has): fc.Arbitrary<AssistantPart[]> => {
  const calls = has('tools') ? fc.array(toolCall(has), { maxLength: 3 }) : fc.constant([]);
  const said: fc.Arbitrary<AssistantPart[]> = fc.oneof<fc.Arbitrary<AssistantPart[]>[]>(
    textParts(has, { min: 1, max: 2 }),
    fc.tuple(textParts(has, { min: 0, max: 2 }), calls).map(([texts, some]) => [...texts, ...some]),
    ...(has('mixed-assistant-order')
      ? [
          fc.array(fc.oneof<fc.Arbitrary<AssistantPart>[]>(textPart(has), ...(has('tools') ? [toolCall(has)] : [])), {
            minLength: 1,
            maxLength: 4,
          }),
        ]
      : []),
    ...(has('refusals') ? [text.map((value): RefusalPart[] => [{ type: 'refusal', text: value }])] : []),
  );
  return fc
    .tuple(reasoningParts(has), said, text)
    .map(([reasoning, rest, spare]) => [
      ...reasoning,
      ...(rest.length === 0 ? [{ type: 'text' as const, text: spare }] : rest),
    ]);
};

interface Exchange {
  user: UserPart[];
  assistant: AssistantPart[];
  results: Omit<ToolResultPart, 'callId'>[];
  system: TextPart[] | undefined;
}

/** Turns alternate; every call is answered at the start of the next user turn, in order. */
const turnsOf = (has: Has): fc.Arbitrary<Turn[]> => {
  const exchange: fc.Arbitrary<Exchange> = fc.record({
    user: plainUserParts(has, 1),
    assistant: assistantParts(has),
    results: fc.array(toolResult(has), { minLength: 4, maxLength: 4 }),
    system: has('late-system')
      ? fc.option(textParts(has, { min: 1, max: 2 }), { nil: undefined, freq: 4 })
      : fc.constant(undefined),
  });
  return fc
    .record({
      systems: fc.array(textParts(has, { min: 1, max: 2 }), { maxLength: has('many-systems') ? 2 : 1 }),
      exchanges: fc.array(exchange, { maxLength: 3 }),
      last: plainUserParts(has, 1),
      afterResults: fc.boolean(),
      prefill: has('assistant-last')
        ? fc.option(textParts(has, { min: 1, max: 1 }), { nil: undefined, freq: 4 })
        : fc.constant(undefined),
    })
    .map(({ systems, exchanges, last, afterResults, prefill }) => {
      const turns: Turn[] = systems.map((parts) => ({ role: 'system', parts }));
      let calls = 0;
      let pending: UserPart[] = [];
      for (const { user, assistant, results, system } of exchanges) {
        turns.push({ role: 'user', parts: [...pending, ...user] });
        if (system !== undefined) turns.push({ role: 'system', parts: system });
        const parts = assistant.map((part) => {
          if (part.type !== 'tool-call') return part;
          calls += 1;
          return { ...part, id: `call_${calls}` };
        });
        turns.push({ role: 'assistant', parts });
        pending = parts
          .filter((part) => part.type === 'tool-call')
          .map((part, index) => ({ type: 'tool-result', callId: part.id, ...results[index % 4] }) as ToolResultPart);
      }
      turns.push({ role: 'user', parts: pending.length > 0 && !afterResults ? pending : [...pending, ...last] });
      if (prefill !== undefined) turns.push({ role: 'assistant', parts: prefill });
      return turns;
    });
};

const toolsOf = (has: Has): fc.Arbitrary<Tool[]> =>
  has('tools')
    ? fc.uniqueArray(
        fc
          .tuple(
            name,
            fc.option(text, { nil: undefined }),
            has('tool-without-parameters') ? fc.option(schema, { nil: undefined }) : schema,
            has('tool-strict') ? fc.option(fc.boolean(), { nil: undefined }) : fc.constant(undefined),
            cacheFields(has),
          )
          .map(([tool, description, parameters, strict, cache]) => ({
            name: tool,
            ...(description !== undefined && { description }),
            ...(parameters !== undefined && { parameters }),
            ...(strict !== undefined && { strict }),
            ...cache,
          })),
        { maxLength: 3, selector: (tool) => tool.name },
      )
    : fc.constant([]);

const toolChoiceOf = (has: Has, tools: Tool[]): fc.Arbitrary<ToolChoice | undefined> => {
  const [first] = tools;
  if (!has('tool-choice') || first === undefined) return fc.constant(undefined);
  return fc.constantFrom<(ToolChoice | undefined)[]>(
    undefined,
    { type: 'auto' },
    { type: 'required' },
    { type: 'tool', name: first.name },
    ...(has('tool-choice-none') ? [{ type: 'none' } as const] : []),
  );
};

const formatOf = (has: Has): fc.Arbitrary<OutputFormat | undefined> =>
  fc.oneof<fc.Arbitrary<OutputFormat | undefined>[]>(
    fc.constant(undefined),
    ...(has('json-format') ? [fc.constant({ type: 'json' } as const)] : []),
    ...(has('json-schema-format')
      ? [
          fc
            .tuple(name, fc.option(text, { nil: undefined }), schema, fc.option(fc.boolean(), { nil: undefined }))
            .map(([title, description, value, strict]) => ({
              type: 'json-schema' as const,
              name: title,
              ...(description !== undefined && { description }),
              schema: value,
              ...(strict !== undefined && { strict }),
            })),
        ]
      : []),
  );

/** Hundredths, so that a decimal survives any writer. */
const hundredths = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min: min * 100, max: max * 100 }).map((value) => value / 100);

const withoutUndefined = <T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };

const reasoningOf = (has: Has): fc.Arbitrary<NonNullable<Conversation['reasoning']> | undefined> =>
  fc.constantFrom<(NonNullable<Conversation['reasoning']> | undefined)[]>(
    undefined,
    ...(has('reasoning-effort')
      ? [{ effort: 'low' } as const, { effort: 'medium' } as const, { effort: 'high' } as const]
      : []),
    ...(has('reasoning-budget') ? [{ budgetTokens: 1024 }, { budgetTokens: 4096 }] : []),
  );

/** Any valid conversation, with nothing in it of the features named. */
export const conversations = (options: { without?: readonly Feature[] } = {}): fc.Arbitrary<Conversation> => {
  const without = new Set(options.without);
  const has: Has = (feature) => !without.has(feature);
  const given = <T>(feature: Feature, value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
    has(feature) ? fc.option(value, { nil: undefined }) : fc.constant(undefined);
  return toolsOf(has).chain((tools) =>
    fc
      .record({
        model: name,
        turns: turnsOf(has),
        tools: fc.constant(tools),
        toolChoice: toolChoiceOf(has, tools),
        parallelToolCalls: tools.length === 0 ? fc.constant(undefined) : given('parallel-tool-calls', fc.boolean()),
        format: formatOf(has),
        maxOutputTokens: given('max-output-tokens', fc.integer({ min: 1, max: 64_000 })),
        stopSequences: given('stop-sequences', fc.array(text, { minLength: 1, maxLength: 4 })),
        temperature: given('temperature', hundredths(0, 1)),
        topP: given('top-p', hundredths(0, 1)),
        topK: given('top-k', fc.integer({ min: 1, max: 500 })),
        seed: given('seed', fc.integer({ min: 0, max: 2 ** 31 })),
        presencePenalty: given('penalties', hundredths(-2, 2)),
        frequencyPenalty: given('penalties', hundredths(-2, 2)),
        reasoning: reasoningOf(has),
        choices: has('choices') ? fc.constantFrom(1, 1, 2) : fc.constant(1),
        stream: fc.boolean(),
        streamUsage: fc.boolean(),
        user: given('user', name),
      })
      .map(
        (conversation) => withoutUndefined({ ...conversation, sameDialectOnly: [], costBearing: [] }) as Conversation,
      ),
  );
};

const count = fc.integer({ min: 0, max: 200_000 });

export const usages = (
  options: { without?: readonly ('cache-writes' | 'long-cache-writes')[] } = {},
): fc.Arbitrary<Usage> =>
  fc
    .record({
      inputTokens: count,
      cachedInputTokens: count,
      cacheWrite5mTokens: count,
      cacheWrite1hTokens: count,
      outputTokens: count,
      share: fc.integer({ min: 0, max: 100 }),
    })
    .map(({ share, ...counts }) => ({
      ...counts,
      cacheWrite5mTokens: options.without?.includes('cache-writes') ? 0 : counts.cacheWrite5mTokens,
      cacheWrite1hTokens: options.without?.some((one) => one.endsWith('cache-writes')) ? 0 : counts.cacheWrite1hTokens,
      reasoningTokens: Math.floor((counts.outputTokens * share) / 100),
    }));

/** Any valid answer. Its stop agrees with its parts; `stop.raw` is the canonical reason's own name, to be replaced by the dialect's word. */
export const answers = (options: { without?: readonly Feature[] } = {}): fc.Arbitrary<Answer> => {
  const without = new Set<Feature>([...(options.without ?? []), 'cache']);
  const has: Has = (feature) => !without.has(feature);
  return fc
    .record({
      id: name,
      model: name,
      parts: assistantParts(has),
      reason: fc.constantFrom<Stop['reason'][]>('end', 'length', 'content-filter'),
      usage: fc.option(usages({ without: ['cache-writes'] }), { nil: undefined }),
    })
    .map(({ id, model, parts, reason, usage }) => {
      const numbered = parts.map((part, index) =>
        part.type === 'tool-call' ? { ...part, id: `call_${index}` } : part,
      );
      const stop: Stop['reason'] = parts.some((part) => part.type === 'tool-call') ? 'tool-calls' : reason;
      return { id, model, parts: numbered, stop: { reason: stop, raw: stop }, ...(usage !== undefined && { usage }) };
    });
};
