/** Arbitrary conversations and answers that are valid as the canonical types mean them, for property tests of the codecs. */
import fc from 'fast-check';
import type {
  Alternative,
  Answer,
  AssistantPart,
  Conversation,
  OutputFormat,
  Stop,
  TextPart,
  Tool,
  ToolChoice,
  ToolResultPart,
  Turn,
  Usage,
  UserPart,
} from '../../lambdas/core/conversation.ts';
import {
  assistantParts,
  cacheFields,
  type Extra,
  type Feature,
  type Has,
  name,
  plainUserParts,
  schema,
  text,
  textParts,
  toolResult,
} from './parts.ts';

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

/** What a sample is to have: everything but `without`, and of the extras those in `with`. */
export interface Wanted {
  without?: readonly Feature[];
  with?: readonly Extra[];
}

const hasOf = ({ without = [], with: wanted = [] }: Wanted): Has => {
  const absent = new Set<string>([...without, ...EXTRAS.filter((extra) => !wanted.includes(extra))]);
  return (feature) => !absent.has(feature);
};

const EXTRAS: readonly Extra[] = [
  'makers',
  'signed-parts',
  'citations',
  'document-context',
  'cite',
  'logprobs',
  'alternatives',
];

/** Any valid conversation, with nothing in it of the features named. */
export const conversations = (options: Wanted = {}): fc.Arbitrary<Conversation> => {
  // The turns of a request tell no probabilities.
  const has = hasOf({ ...options, with: (options.with ?? []).filter((extra) => extra !== 'logprobs') });
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
        logprobs: options.with?.includes('logprobs')
          ? fc.option(fc.record({ top: fc.integer({ min: 0, max: 5 }) }), { nil: undefined })
          : fc.constant(undefined),
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
export const answers = (options: Wanted = {}): fc.Arbitrary<Answer> => {
  const has = hasOf({ ...options, without: [...(options.without ?? []), 'cache'] });
  const choice = fc
    .tuple(assistantParts(has), fc.constantFrom<Stop['reason'][]>('end', 'length', 'content-filter'))
    .map(([parts, reason]): Alternative => {
      const stop: Stop['reason'] = parts.some((part) => part.type === 'tool-call') ? 'tool-calls' : reason;
      return { parts, stop: { reason: stop, raw: stop } };
    });
  return fc
    .record({
      id: name,
      model: name,
      choices: fc.array(choice, { minLength: 1, maxLength: has('alternatives') ? 3 : 1 }),
      usage: fc.option(usages({ without: ['cache-writes'] }), { nil: undefined }),
    })
    .map(({ id, model, choices, usage }) => {
      let calls = 0;
      const numbered = choices.map(({ parts, stop }) => ({
        parts: parts.map((part) => {
          if (part.type !== 'tool-call') return part;
          calls += 1;
          return { ...part, id: `call_${calls}` };
        }),
        stop,
      }));
      const [first = { parts: [], stop: { reason: 'end', raw: 'end' } }, ...alternatives] = numbered;
      return {
        id,
        model,
        ...first,
        ...(alternatives.length > 0 && { alternatives }),
        ...(usage !== undefined && { usage }),
      };
    });
};
