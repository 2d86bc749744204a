import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type {
  Answer,
  AssistantPart,
  Conversation,
  JsonObject,
  JsonValue,
  TextPart,
  ToolResultPart,
  Turn,
  UserPart,
} from '../../../lambdas/core/conversation.ts';
import { gemini } from '../../../lambdas/dialects/gemini/codec.ts';
import { answers, conversations } from '../../support/conversations.ts';
import { sseEventsOf } from '../../support/recordings.ts';
import { answerOfEvents, streamsOf } from '../../support/streams.ts';
import {
  atClose,
  CONTEXT,
  decodeChunks,
  FLASH_2,
  FLASH_3,
  FLASH_25,
  FLASH_38,
  PRO_25,
  PRO_31,
  TARGET,
} from './encoding.ts';

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

type Plain = TextPart | Extract<UserPart, { type: 'image' | 'document' }>;

/** Documents are bytes. */
const normalPlain = ({ cache: _, ...part }: Plain): Plain => {
  if (part.type === 'text') return part;
  if (part.type === 'image') return { type: 'image', source: part.source };
  const { source } = part;
  return {
    type: 'document',
    source:
      source.type === 'text'
        ? { type: 'base64', mediaType: 'text/plain', data: Buffer.from(source.text).toString('base64') }
        : source,
  };
};

const normalResult = ({ callId, content, isError }: ToolResultPart): ToolResultPart => {
  const text = content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
  const media = content.filter((part) => part.type !== 'text').map(normalPlain);
  return {
    type: 'tool-result',
    callId,
    content: [...(text === '' ? [] : [{ type: 'text' as const, text }]), ...media],
    ...(isError === true && { isError }),
  };
};

const normalAssistant = (part: AssistantPart): AssistantPart[] => {
  switch (part.type) {
    case 'text': {
      const { cache: _, ...rest } = part;
      return [rest];
    }
    case 'refusal':
      return [{ type: 'text', text: part.text }];
    case 'tool-call':
      return [{ type: 'tool-call', id: part.id, name: part.name, arguments: normalArguments(part.arguments) }];
    case 'reasoning':
      return part.signature === undefined ? [] : [{ ...part, signedBy: 'google' }];
    case 'redacted-reasoning':
      return [];
  }
};

const normalTurns = (turns: readonly Turn[]): Turn[] => {
  const system = turns.flatMap((turn) =>
    turn.role === 'system' ? turn.parts.map(({ text }) => ({ type: 'text' as const, text })) : [],
  );
  const rest = turns.flatMap((turn): Turn[] => {
    if (turn.role === 'system') return [];
    if (turn.role === 'assistant') return [{ role: 'assistant', parts: turn.parts.flatMap(normalAssistant) }];
    const results = turn.parts.filter((part) => part.type === 'tool-result');
    const others = turn.parts.filter((part) => part.type !== 'tool-result');
    return [{ role: 'user', parts: [...results.map(normalResult), ...others.map(normalPlain)] }];
  });
  return system.length > 0 ? [{ role: 'system', parts: system }, ...rest] : rest;
};

/** Seeds are of 32 bits. */
const MOST_SEED = 2 ** 31 - 1;

const normal = (conversation: Conversation): object => {
  const { model, stream, streamUsage, user, parallelToolCalls, reasoning, format, ...rest } = conversation;
  const schema = format?.type === 'json-schema' ? format : undefined;
  const isValidated = conversation.tools.some(({ strict }) => strict === true);
  const choice = conversation.toolChoice;
  const isFree = choice === undefined || choice.type === 'auto';
  return {
    ...rest,
    turns: normalTurns(conversation.turns),
    ...(rest.seed !== undefined && rest.seed > MOST_SEED && { seed: rest.seed % MOST_SEED }),
    tools: conversation.tools.map(({ cache: _, strict: __, ...tool }) => ({
      ...tool,
      ...(isValidated && isFree && { strict: true }),
    })),
    ...(isValidated && isFree && { toolChoice: { type: 'auto' } }),
    ...(conversation.tools.length === 0 && { toolChoice: undefined }),
    ...(reasoning?.budgetTokens !== undefined && { reasoning }),
    ...(reasoning?.effort !== undefined && {
      reasoning: { budgetTokens: { low: 1_024, medium: 8_192, high: 24_576 }[reasoning.effort as 'low'] },
    }),
    ...(format?.type === 'json' && { format }),
    ...(schema && {
      format: {
        type: 'json-schema',
        name: 'answer',
        schema: { ...(schema.description !== undefined && { description: schema.description }), ...schema.schema },
      },
    }),
  };
};

const withoutUndefined = (value: object): object => JSON.parse(JSON.stringify(value));

const throughGemini = (conversation: Conversation, model: string): Partial<Conversation> => {
  const { body } = gemini.encodeRequest(conversation, { ...TARGET, model });
  const decoded = gemini.decodeRequest(body);
  if (!decoded.ok) throw new Error(decoded.problem.message);
  const { model: _, stream, streamUsage, ...rest } = decoded.value;
  return rest;
};

/** Generation 2.5 with what only others take left out: see encode-request.test.ts for those. */
const CARRIED = [
  'late-system',
  'image-detail',
  'document-names',
  'penalties',
  'choices',
  'tool-result-images',
  'tool-result-documents',
] as const;

describe('what Gemini can carry', () => {
  test('a request comes back as it was', () => {
    fc.assert(
      fc.property(conversations({ without: CARRIED }), (conversation) => {
        // A JSON format beside functions is asked for in words there.
        const asked = conversation.tools.length > 0 ? { ...conversation, format: undefined } : conversation;
        const { format, ...rest } = asked;
        const one = { ...rest, ...(format !== undefined && { format }), maxOutputTokens: 40_000 } as Conversation;
        expect(withoutUndefined(throughGemini(one, FLASH_25))).toEqual(withoutUndefined(normal(one)));
      }),
      { numRuns: 200 },
    );
  });

  const STOPS: Record<string, string> = {
    end: 'STOP',
    length: 'MAX_TOKENS',
    'content-filter': 'SAFETY',
    'tool-calls': 'STOP',
  };

  const normalAnswer = ({ id, model, parts, stop, usage }: Answer): Answer => ({
    id,
    model,
    parts: parts.flatMap((part): AssistantPart[] => {
      if (part.type === 'reasoning') return [part.signature === undefined ? part : { ...part, signedBy: 'google' }];
      return normalAssistant(part);
    }),
    stop: { reason: stop.reason, raw: STOPS[stop.reason] ?? '' },
    ...(usage !== undefined && { usage }),
  });

  test('an answer comes back as it was', () => {
    fc.assert(
      fc.property(answers(), (answer) => {
        expect(gemini.decodeAnswer(gemini.encodeAnswer(answer, CONTEXT))).toEqual(normalAnswer(answer));
      }),
      { numRuns: 150 },
    );
  });

  /** A stream does not tell where one text ends and the next begins, but by a signature. */
  const merged = (parts: readonly AssistantPart[]): AssistantPart[] => {
    const all: AssistantPart[] = [];
    for (const part of parts) {
      const last = all.at(-1);
      if (
        (part.type === 'text' || part.type === 'reasoning') &&
        last?.type === part.type &&
        last.signature === undefined
      )
        Object.assign(last, { ...part, text: last.text + part.text });
      else all.push({ ...part });
    }
    return all;
  };

  test('a streamed answer says what the plain one says, however it was cut in pieces', () => {
    const streamed = answers().chain((answer) => streamsOf(answer).map((events) => ({ answer, events })));
    fc.assert(
      fc.property(streamed, ({ answer, events }) => {
        const encoder = gemini.encodeStream(CONTEXT);
        const written = sseEventsOf(events.map((event) => encoder.push(event)).join(''));
        const decoded = answerOfEvents(atClose(decodeChunks(written.map(({ data }) => data as string))));
        const expected = normalAnswer(answer);
        expect(decoded).toEqual({ ...expected, parts: merged(expected.parts) });
      }),
      { numRuns: 150 },
    );
  });
});

const MODELS = [
  FLASH_2,
  FLASH_25,
  PRO_25,
  FLASH_3,
  PRO_31,
  FLASH_38,
  'gemini-flash-latest',
  'gemma-3-27b-it',
  'tunedModels/mine',
];

describe('what Gemini demands of every request', () => {
  const encoded = fc.tuple(conversations(), fc.constantFrom(...MODELS)).map(([conversation, model]) => {
    const { body, dropped } = gemini.encodeRequest(conversation, { ...TARGET, model, maxOutputTokens: 4_096 });
    return {
      conversation,
      model,
      body,
      dropped,
      contents: body['contents'] as { role: string; parts: JsonObject[] }[],
    };
  });
  const always = (check: (one: Parameters<Parameters<typeof encoded.map>[0]>[0]) => void): void =>
    fc.assert(fc.property(encoded, check), { numRuns: 150 });

  test('roles alternate, the user begins, nothing is empty', () => {
    always(({ contents }) => {
      expect(contents.map(({ role }) => role)).toEqual(contents.map((_, at) => (at % 2 === 0 ? 'user' : 'model')));
      for (const { parts } of contents) expect(parts.length).toBeGreaterThan(0);
    });
  });

  test('the newest models, and those that hide their age, end with the user', () => {
    always(({ contents, model }) => {
      if (model === FLASH_38 || model === 'gemini-flash-latest') expect(contents.at(-1)?.role).toBe('user');
    });
  });

  test('results come first, name a function that was called, and pair with its id', () => {
    always(({ contents }) => {
      const called = new Map<unknown, unknown>();
      for (const { parts } of contents) {
        const kinds = parts.map((part) => 'functionResponse' in part);
        expect(kinds.includes(false) ? kinds.slice(kinds.indexOf(false)) : []).not.toContain(true);
        for (const { functionCall, functionResponse } of parts as Record<string, JsonObject>[]) {
          if (functionCall !== undefined) called.set(functionCall['id'], functionCall['name']);
          if (functionResponse === undefined) continue;
          expect(called.get(functionResponse['id'])).toBe(functionResponse['name']);
          expect(typeof functionResponse['response']).toBe('object');
        }
      }
    });
  });

  test('from generation 3 on the first call of every turn is signed', () => {
    always(({ contents, model }) => {
      if (![FLASH_3, PRO_31, FLASH_38].includes(model)) return;
      for (const { parts } of contents) {
        const first = parts.find((part) => 'functionCall' in part);
        if (first !== undefined) expect(first['thoughtSignature']).toEqual(expect.stringMatching(/./));
      }
    });
  });

  test('a budget stays within the limit of the output, and never stands beside a level', () => {
    always(({ body }) => {
      const config = body['generationConfig'] as JsonObject;
      const { thinkingBudget: budget, thinkingLevel: level } = (config['thinkingConfig'] ?? {}) as JsonObject;
      expect(budget === undefined || level === undefined).toBe(true);
      if (budget !== undefined) expect(budget).toBeLessThan(4_096);
    });
  });

  test('what was dropped is named once each', () => {
    always(({ dropped }) => expect(new Set(dropped).size).toBe(dropped.length));
  });
});

describe('hostile bodies', () => {
  const anything = fc
    .anything({ maxDepth: 4, withNullPrototype: false })
    .map((value) => JSON.parse(JSON.stringify(value) ?? 'null') as JsonValue);
  const key = fc.constantFrom(
    'candidates',
    'content',
    'parts',
    'text',
    'functionCall',
    'args',
    'usageMetadata',
    'error',
    'finishReason',
    'promptFeedback',
    'blockReason',
    'groundingMetadata',
    'groundingSupports',
    'contents',
    'tools',
    'generationConfig',
    '__proto__',
  );
  const body = fc.letrec<{ node: JsonValue }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 5 },
      anything,
      fc.dictionary(key, tie('node'), { noNullPrototype: true }),
      fc.array(tie('node'), { maxLength: 3 }),
    ) as fc.Arbitrary<JsonValue>,
  })).node;

  test('whatever comes is an answer, an error, or none; never an exception', () => {
    fc.assert(
      fc.property(body, (value) => {
        gemini.decodeAnswer(value);
        gemini.decodeRequest(value);
        const decoder = gemini.decodeStream();
        for (let time = 0; time < 2; time += 1) decoder.push({ type: '', data: JSON.stringify(value) });
        expect(gemini.decodeError(400, {}, JSON.stringify(value)).status).toBe(400);
      }),
      { numRuns: 400 },
    );
  });
});
