import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type {
  Answer,
  AssistantPart,
  Citation,
  Conversation,
  DocumentPart,
  ImagePart,
  JsonObject,
  JsonValue,
  TextPart,
  Tool,
  Turn,
  UserPart,
} from '../../../lambdas/core/conversation.ts';
import { bedrockConverse } from '../../../lambdas/dialects/bedrock-converse/codec.ts';
import { answers, conversations } from '../../support/conversations.ts';
import { answerOfEvents, streamsOf } from '../../support/streams.ts';
import { eventsOfFrames, framesOfLines } from './converse-frames.ts';

const TARGET = { modelMaxOutputTokens: 4_096, stream: false, reasoningModel: false };
const CONTEXT = { requestId: 'r', alias: 'a', createdAt: 0, streamUsage: true };

/** A model whose family is not known: nothing is held back but what no model takes. */
const HIDDEN = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdef';

const isObject = (text: string): boolean => {
  try {
    const value = JSON.parse(text) as JsonValue;
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
};

const normalArguments = (text: string): string =>
  JSON.stringify(isObject(text) ? JSON.parse(text) : { INVALID_JSON: text });

type Plain = TextPart | ImagePart | DocumentPart;

const normalPlain = (part: Plain): Plain =>
  part.type === 'document' && part.source.type === 'text'
    ? {
        ...part,
        source: { type: 'base64', mediaType: 'text/plain', data: Buffer.from(part.source.text).toString('base64') },
      }
    : part;

/** Documents always get a name, and no two the same: left to a test of its own. */
const nameless = <P extends { type: string }>(part: P): P =>
  part.type === 'document' ? { ...part, name: undefined } : part;

const normalUser = (part: UserPart): UserPart => {
  if (part.type !== 'tool-result') return nameless(normalPlain(part));
  const { cache, isError, content, ...rest } = part;
  const caches = [cache, ...content.map((inner) => inner.cache)].filter((point) => point !== undefined);
  const longest = caches.find(({ ttl }) => ttl === '1h') ?? caches[0];
  const said = content.map((inner): Plain => {
    const { cache: _, ...uncached } = nameless(normalPlain(inner));
    return uncached;
  });
  return {
    ...rest,
    content: said.length === 0 ? [{ type: 'text', text: '(no output)' }] : said,
    ...(isError === true && { isError }),
    ...(longest !== undefined && { cache: longest }),
  };
};

/** Converse has no place for the token that Anthropic gives a page. */
const withoutToken = (citation: Citation): Citation =>
  citation.source.type === 'url' ? { ...citation, source: { type: 'url', url: citation.source.url } } : citation;

const normalAssistant = (part: AssistantPart): AssistantPart => {
  if (part.type === 'refusal') return { type: 'text', text: part.text };
  if (part.type === 'text' && part.citations !== undefined)
    return { ...part, citations: part.citations.map(withoutToken) };
  return part.type === 'tool-call' ? { ...part, arguments: normalArguments(part.arguments) } : part;
};

const normalTurns = (turns: Turn[]): Turn[] => {
  const all = turns.map((turn): Turn => {
    if (turn.role === 'system') return turn;
    return turn.role === 'user'
      ? { role: 'user', parts: turn.parts.map(normalUser) }
      : { role: 'assistant', parts: turn.parts.map(normalAssistant) };
  });
  const system = all.flatMap((turn) => (turn.role === 'system' ? turn.parts : []));
  const rest = all.filter(({ role }) => role !== 'system');
  const last = rest.at(-1);
  const ending = last?.parts.at(-1);
  if (last?.role === 'assistant' && ending?.type === 'text') ending.text = ending.text.trimEnd();
  for (const turn of rest) {
    // A document needs a text beside it.
    if (turn.role !== 'user' || !turn.parts.some(({ type }) => type === 'document')) continue;
    if (!turn.parts.some(({ type }) => type === 'text')) turn.parts.push({ type: 'text', text: 'See the document.' });
  }
  return system.length > 0 ? [{ role: 'system', parts: system }, ...rest] : rest;
};

const normalTool = ({ strict, parameters, ...rest }: Tool): Tool => ({
  ...rest,
  parameters: parameters ?? { type: 'object', properties: {} },
  ...(strict === true && { strict }),
});

/** What is left of a conversation that went through Converse. */
const normal = (conversation: Conversation): Partial<Conversation> => {
  const { tools, format, maxOutputTokens, parallelToolCalls, stream, streamUsage, model, ...rest } = conversation;
  const { strict, ...schema } = format?.type === 'json-schema' ? format : { strict: undefined };
  return {
    ...rest,
    turns: normalTurns(structuredClone(conversation.turns)),
    tools: toolsOf(conversation).map(normalTool),
    maxOutputTokens: maxOutputTokens ?? TARGET.modelMaxOutputTokens,
    ...(format?.type === 'json-schema' && { format: schema as NonNullable<Conversation['format']> }),
  };
};

/** Where the client offers none, those of the history stand in. */
const toolsOf = ({ tools, turns }: Conversation): Tool[] => {
  if (tools.length > 0) return tools;
  const parts = turns.flatMap((turn) => (turn.role === 'assistant' ? turn.parts : []));
  const names = parts.flatMap((part) => (part.type === 'tool-call' ? [part.name] : []));
  return [...new Set(names)].map((name) => ({ name }));
};

const throughConverse = (conversation: Conversation): Partial<Conversation> => {
  const { maxOutputTokens } = conversation;
  const target = { ...TARGET, model: HIDDEN, ...(maxOutputTokens !== undefined && { maxOutputTokens }) };
  const decoded = bedrockConverse.decodeRequest(bedrockConverse.encodeRequest(conversation, target).body);
  if (!decoded.ok) throw new Error(decoded.problem.message);
  const { stream, streamUsage, model, ...rest } = decoded.value;
  const turns = rest.turns.map((turn): Turn => {
    if (turn.role !== 'user') return turn;
    const parts = turn.parts.map((part) =>
      part.type === 'tool-result' ? { ...part, content: part.content.map(nameless) } : nameless(part),
    );
    return { role: 'user', parts };
  });
  return { ...rest, turns };
};

describe('what Converse can carry', () => {
  test('a request comes back as it was', () => {
    const carried = conversations({
      without: [
        'image-urls',
        'image-detail',
        'document-urls',
        'reasoning',
        'late-system',
        'tool-choice-none',
        'json-format',
        'top-k',
        'seed',
        'penalties',
        'reasoning-effort',
        'reasoning-budget',
        'choices',
        'user',
      ],
      with: ['citations', 'document-context', 'cite'],
    });
    fc.assert(
      fc.property(carried, (conversation) => {
        expect(throughConverse(conversation)).toEqual(normal(conversation));
      }),
      { numRuns: 150 },
    );
  });

  const normalAnswer = ({ parts, stop, usage }: Answer): Answer => {
    const words = {
      end: 'end_turn',
      length: 'max_tokens',
      'content-filter': 'content_filtered',
      'tool-calls': 'tool_use',
    };
    return {
      id: '',
      model: '',
      parts: parts.map(normalAssistant),
      stop: { reason: stop.reason, raw: words[stop.reason as keyof typeof words] },
      ...(usage !== undefined && { usage: { ...usage, reasoningTokens: 0 } }),
    };
  };

  test('an answer comes back as it was', () => {
    fc.assert(
      fc.property(answers({ with: ['citations'] }), (answer) => {
        expect(bedrockConverse.decodeAnswer(bedrockConverse.encodeAnswer(answer, CONTEXT))).toEqual(
          normalAnswer(answer),
        );
      }),
      { numRuns: 150 },
    );
  });

  test('a streamed answer says what the plain one says, however it was cut in pieces', () => {
    const streamed = answers({ without: ['invalid-arguments'], with: ['citations'] }).chain((answer) =>
      streamsOf(answer).map((events) => ({ answer, events })),
    );
    fc.assert(
      fc.property(streamed, ({ answer, events }) => {
        const encoder = bedrockConverse.encodeStream(CONTEXT);
        const lines = events.map((event) => encoder.push(event)).join('');
        const decoder = bedrockConverse.decodeStream();
        const decoded = eventsOfFrames(framesOfLines(lines)).flatMap((event) => decoder.push(event));
        expect(answerOfEvents(decoded)).toEqual(normalAnswer(answer));
      }),
      { numRuns: 150 },
    );
  });
});

const MODELS = [
  HIDDEN,
  'us.anthropic.claude-3-haiku-20240307-v1:0',
  'us.anthropic.claude-3-7-sonnet-20250219-v1:0',
  'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
  'us.anthropic.claude-opus-4-6-v1',
  'global.anthropic.claude-opus-5-5',
  'us.amazon.nova-micro-v1:0',
  'us.amazon.nova-2-lite-v1:0',
  'openai.gpt-oss-120b-1:0',
  'us.deepseek.r1-v1:0',
  'mistral.mistral-large-2402-v1:0',
  'us.meta.llama3-3-70b-instruct-v1:0',
];

const objectsIn = (value: JsonValue): JsonObject[] => {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(objectsIn);
  return [value, ...Object.values(value).flatMap(objectsIn)];
};

describe('what Converse demands of every request', () => {
  const encoded = fc.tuple(conversations(), fc.constantFrom(...MODELS)).map(([conversation, model]) => {
    const { body, dropped } = bedrockConverse.encodeRequest(conversation, { ...TARGET, model });
    const messages = body.messages as { role: string; content: JsonObject[] }[];
    return { conversation, model, body, dropped, messages };
  });
  const always = (check: (one: Parameters<Parameters<typeof encoded.map>[0]>[0]) => void): void =>
    fc.assert(fc.property(encoded, check), { numRuns: 150 });

  test('roles alternate, the user begins, nothing is empty', () => {
    always(({ messages }) => {
      expect(messages.map(({ role }) => role)).toEqual(messages.map((_, at) => (at % 2 === 0 ? 'user' : 'assistant')));
      for (const { content } of messages) expect(content.length).toBeGreaterThan(0);
    });
  });

  test('no text is blank', () => {
    always(({ body }) => {
      const blocks = objectsIn([body.messages ?? [], body.system ?? []]);
      for (const { text, source } of blocks)
        if (typeof text === 'string' && source === undefined) expect(text.trim()).not.toBe('');
    });
  });

  test('results come first, each with content, and pair with a call before them', () => {
    always(({ messages }) => {
      const called = new Set<string>();
      for (const { content } of messages) {
        const kinds = content.filter((block) => !('cachePoint' in block)).map((block) => 'toolResult' in block);
        expect(kinds.indexOf(false) === -1 ? [] : kinds.slice(kinds.indexOf(false))).not.toContain(true);
        for (const { toolUse, toolResult } of content as Record<string, { toolUseId: string; content: unknown[] }>[]) {
          if (toolUse !== undefined) called.add(toolUse.toolUseId);
          if (toolResult === undefined) continue;
          expect(called).toContain(toolResult.toolUseId);
          expect(toolResult.content.length).toBeGreaterThan(0);
        }
      }
    });
  });

  test('a history with calls has a toolConfig', () => {
    always(({ messages, body }) => {
      const hasBlocks = messages.some(({ content }) =>
        content.some((block) => 'toolUse' in block || 'toolResult' in block),
      );
      const tools = (body.toolConfig as { tools: JsonObject[] } | undefined)?.tools;
      if (hasBlocks || tools !== undefined) expect(tools?.length).toBeGreaterThan(0);
    });
  });

  test('cache points never lead and never follow one another', () => {
    always(({ messages, body }) => {
      for (const content of [...messages.map((one) => one.content), (body.system ?? []) as JsonObject[]]) {
        const points = content.map((block) => 'cachePoint' in block);
        expect(points[0] ?? false).toBe(false);
        expect(points.some((point, at) => point && points[at + 1] === true)).toBe(false);
      }
    });
  });

  test('documents have names of their own, in the letters that are allowed', () => {
    always(({ messages }) => {
      const names = objectsIn(messages as unknown as JsonValue).flatMap(({ document }) =>
        document === undefined ? [] : [(document as { name: string }).name],
      );
      expect(new Set(names).size).toBe(names.length);
      for (const name of names) expect(name).toMatch(/^[A-Za-z0-9\-()[\]]+(?: [A-Za-z0-9\-()[\]]+)*$/);
    });
  });

  test('the output limit is always set, and thinking stays within it', () => {
    always(({ body }) => {
      expect(body.inferenceConfig).toHaveProperty('maxTokens', 4_096);
      const thinking = (body.additionalModelRequestFields as JsonObject | undefined)?.thinking as
        | JsonObject
        | undefined;
      if (thinking?.budget_tokens !== undefined) {
        expect(thinking.budget_tokens).toBeGreaterThanOrEqual(1_024);
        expect(thinking.budget_tokens).toBeLessThan(4_096);
      }
    });
  });

  test('what was dropped is named once each', () => {
    always(({ dropped }) => expect(new Set(dropped).size).toBe(dropped.length));
  });
});
