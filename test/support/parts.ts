/** Arbitrary parts of turns, for arbitrary conversations and answers. */
import fc from 'fast-check';
import type {
  AssistantPart,
  CachePoint,
  Citation,
  CitedSource,
  DocumentPart,
  ImagePart,
  JsonObject,
  MediaSource,
  RefusalPart,
  SignatureMaker,
  Signed,
  TextPart,
  TokenLogprob,
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

/** What a sample has only where it is asked for by name: most dialects have no words for it, and each has tests of its own. */
export type Extra =
  /** Signatures and encrypted reasoning of every maker, with ids. */
  | 'makers'
  /** Signatures on texts and tool calls. */
  | 'signed-parts'
  | 'citations'
  | 'document-context'
  /** Documents that the answer is to cite. */
  | 'cite'
  | 'logprobs'
  /** Answers with more than one choice. */
  | 'alternatives';

export type Has = (feature: Feature | Extra) => boolean;

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

const maker = fc.constantFrom<SignatureMaker[]>('anthropic', 'google', 'openai');

/** What somebody signed; Anthropic is not named, as everywhere. */
const signedFields = (has: Has, extra: 'signed-parts' | 'makers'): fc.Arbitrary<Signed> =>
  has(extra)
    ? fc
        .tuple(base64, has('makers') ? maker : fc.constant('google' as const))
        .map(([signature, by]) => ({ signature, ...(by !== 'anthropic' && { signedBy: by }) }))
    : fc.constant({});

/** Texts and tool calls are signed by Google alone. */
const signedByGoogle = (has: Has): fc.Arbitrary<Signed> =>
  has('signed-parts')
    ? fc.oneof(
        fc.constant({}),
        base64.map((signature) => ({ signature, signedBy: 'google' as const })),
      )
    : fc.constant({});

const bounds = fc
  .tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 1, max: 500 }))
  .map(([start, length]) => ({ start, end: start + length }));
const index = fc.integer({ min: 0, max: 9 });

const citedSource: fc.Arbitrary<CitedSource> = fc.oneof<fc.Arbitrary<CitedSource>[]>(
  fc.tuple(url, base64).map(([page, token]) => ({ type: 'url', url: page, token })),
  fc
    .tuple(index, fc.constantFrom('character' as const, 'page' as const, 'chunk' as const), bounds)
    .map(([at, unit, place]) => ({ type: 'document', index: at, unit, ...place })),
  fc.tuple(index, name, bounds).map(([at, source, place]) => ({ type: 'search-result', index: at, source, ...place })),
);

const citation: fc.Arbitrary<Citation> = fc
  .tuple(citedSource, fc.option(name, { nil: undefined }), fc.option(text, { nil: undefined }))
  .map(([source, title, quote]) => ({
    source,
    ...(title !== undefined && { title }),
    ...(quote !== undefined && { quote }),
  }));

const citedFields = (has: Has): fc.Arbitrary<Pick<TextPart, 'citations'>> =>
  has('citations')
    ? fc.array(citation, { maxLength: 2 }).map((citations) => (citations.length === 0 ? {} : { citations }))
    : fc.constant({});

/** Eighths, so that a decimal survives any writer. */
const logprob = fc.integer({ min: -80, max: 0 }).map((eighths) => eighths / 8);
const tokenLogprob: fc.Arbitrary<TokenLogprob> = fc
  .tuple(name, logprob, fc.array(fc.tuple(name, logprob), { maxLength: 2 }))
  .map(([token, value, top]) => ({
    token,
    logprob: value,
    bytes: [...Buffer.from(token)],
    top: top.map(([other, likelihood]) => ({ token: other, logprob: likelihood, bytes: [...Buffer.from(other)] })),
  }));

const likelyFields = (has: Has): fc.Arbitrary<Pick<TextPart, 'logprobs'>> =>
  has('logprobs')
    ? fc.array(tokenLogprob, { maxLength: 2 }).map((logprobs) => (logprobs.length === 0 ? {} : { logprobs }))
    : fc.constant({});

const textPart = (has: Has): fc.Arbitrary<TextPart> =>
  fc.tuple(text, cacheFields(has)).map(([value, cache]) => ({ type: 'text', text: value, ...cache }));

/** What a model said. */
const spokenPart = (has: Has): fc.Arbitrary<TextPart> =>
  fc
    .tuple(textPart(has), signedByGoogle(has), citedFields(has), likelyFields(has))
    .map(([part, ...more]) => Object.assign({}, part, ...more) as TextPart);

export const textParts = (
  has: Has,
  count: { min: number; max: number },
  part: (has: Has) => fc.Arbitrary<TextPart> = textPart,
): fc.Arbitrary<TextPart[]> =>
  fc.array(part(has), {
    minLength: count.min,
    maxLength: has('many-texts') ? count.max : Math.min(count.max, 1),
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
      has('document-context') ? fc.option(text, { nil: undefined }) : fc.constant(undefined),
      has('cite') ? fc.boolean() : fc.constant(false),
      cacheFields(has),
    )
    .map(([source, title, context, cite, cache]) => ({
      type: 'document',
      source,
      ...(title !== undefined && { name: title }),
      ...(context !== undefined && { context }),
      ...(cite && { cite }),
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
  fc.tuple(name, toolArguments(has), cacheFields(has), signedByGoogle(has)).map(([tool, args, cache, signed]) => ({
    type: 'tool-call',
    id: '',
    name: tool,
    arguments: args,
    ...cache,
    ...signed,
  }));

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

/** No tool call has such an id: OpenRouter tells a call's signature by that. */
const idFields = (has: Has): fc.Arbitrary<{ id?: string }> =>
  has('makers')
    ? fc.option(
        name.map((id) => ({ id: `rs_${id}` })),
        { nil: {} },
      )
    : fc.constant({});

const reasoningParts = (has: Has): fc.Arbitrary<AssistantPart[]> => {
  const kinds: fc.Arbitrary<AssistantPart>[] = [];
  if (has('reasoning')) {
    kinds.push(
      fc
        .tuple(
          text,
          has('makers')
            ? fc.option(signedFields(has, 'makers'), { nil: {} })
            : has('reasoning-signatures')
              ? fc.option(
                  base64.map((signature): Signed => ({ signature })),
                  { nil: {} },
                )
              : fc.constant({}),
          idFields(has),
        )
        .map(([value, signed, id]) => ({
          type: 'reasoning',
          ...('signature' in signed ? id : {}),
          text: value,
          ...signed,
        })),
    );
  }
  if (has('redacted-reasoning'))
    kinds.push(
      fc
        .tuple(base64, has('makers') ? maker : fc.constant('anthropic' as const), idFields(has))
        .map(([data, by, id]) => ({
          type: 'redacted-reasoning',
          ...id,
          data,
          ...(by !== 'anthropic' && { madeBy: by }),
        })),
    );
  return kinds.length === 0 ? fc.constant([]) : fc.array(fc.oneof(...kinds), { maxLength: 2 });
};

/** Reasoning first, as vendors send it; then texts and calls, never empty. */
export const assistantParts = (has: Has): fc.Arbitrary<AssistantPart[]> => {
  const calls = has('tools') ? fc.array(toolCall(has), { maxLength: 3 }) : fc.constant([]);
  const said: fc.Arbitrary<AssistantPart[]> = fc.oneof<fc.Arbitrary<AssistantPart[]>[]>(
    textParts(has, { min: 1, max: 2 }, spokenPart),
    fc.tuple(textParts(has, { min: 0, max: 2 }, spokenPart), calls).map(([texts, some]) => [...texts, ...some]),
    ...(has('mixed-assistant-order')
      ? [
          fc.array(fc.oneof<fc.Arbitrary<AssistantPart>[]>(spokenPart(has), ...(has('tools') ? [toolCall(has)] : [])), {
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
