/** Arbitrary parts of turns, for arbitrary conversations and answers. */
import fc from 'fast-check';
import type {
  AssistantPart,
  CachePoint,
  DocumentPart,
  ImagePart,
  JsonObject,
  MediaSource,
  RefusalPart,
  TextPart,
  ToolCallPart,
  ToolResultPart,
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

export type Has = (feature: Feature) => boolean;

export const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter((value) => value.trim() !== '');
export const name = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_-]{0,20}$/);
const base64 = fc.uint8Array({ minLength: 1, maxLength: 24 }).map((bytes) => Buffer.from(bytes).toString('base64'));
const url = name.map((path) => `https://files.example.com/${path}.png`);
/** Values that survive any JSON writer: no -0. */
const jsonValue = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as JsonObject[string]);

export const schema: fc.Arbitrary<JsonObject> = fc
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

export const cacheFields = (has: Has): fc.Arbitrary<{ cache?: CachePoint }> =>
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

export const textParts = (has: Has, bounds: { min: number; max: number }): fc.Arbitrary<TextPart[]> =>
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

export const plainUserParts = (has: Has, minLength: number): fc.Arbitrary<UserPart[]> =>
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

export const toolResult = (has: Has): fc.Arbitrary<Omit<ToolResultPart, 'callId'>> =>
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
export const assistantParts = (has: Has): fc.Arbitrary<AssistantPart[]> => {
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
