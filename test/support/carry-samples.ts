/** For everything that some dialect can't say, the smallest request that holds it. */
import type { Uncarried } from '../../lambdas/core/carry/uncarried.ts';
import type {
  AssistantPart,
  Conversation,
  DocumentPart,
  ImagePart,
  ToolCallPart,
  ToolResultPart,
  Turn,
  UserPart,
} from '../../lambdas/core/conversation.ts';

const asked: Turn = { role: 'user', parts: [{ type: 'text', text: 'hi' }] };

const PLAIN: Conversation = {
  model: 'assistant',
  turns: [asked],
  tools: [],
  maxOutputTokens: 4_096,
  choices: 1,
  stream: false,
  streamUsage: false,
  sameDialectOnly: [],
  costBearing: [],
};

const call: ToolCallPart = { type: 'tool-call', id: 'call_1', name: 'look', arguments: '{"at":1}' };
const result: ToolResultPart = { type: 'tool-result', callId: 'call_1', content: [{ type: 'text', text: 'seen' }] };
const image: ImagePart = { type: 'image', source: { type: 'base64', mediaType: 'image/png', data: 'aGk=' } };
const pdf: DocumentPart = {
  type: 'document',
  source: { type: 'base64', mediaType: 'application/pdf', data: 'aGk=' },
};

const look = { name: 'look', parameters: { type: 'object', properties: { at: { type: 'integer' } } } };

const withTurns = (...turns: Turn[]): Conversation => ({ ...PLAIN, turns });
const user = (...parts: UserPart[]): Conversation => withTurns({ role: 'user', parts });
const said = (...parts: AssistantPart[]): Conversation => withTurns(asked, { role: 'assistant', parts }, asked);
const called = (more: Partial<ToolCallPart>, answer: Partial<ToolResultPart> = {}, after: AssistantPart[] = []) => ({
  ...withTurns(
    asked,
    { role: 'assistant', parts: [{ ...call, ...more }, ...after] },
    { role: 'user', parts: [{ ...result, ...answer }] },
  ),
  tools: [look],
});

export const CARRY_SAMPLES: Record<Uncarried, Conversation> = {
  choices: { ...PLAIN, choices: 2 },
  seed: { ...PLAIN, seed: 7 },
  logprobs: { ...PLAIN, logprobs: { top: 2 } },
  'presence-penalty': { ...PLAIN, presencePenalty: 0.5 },
  'frequency-penalty': { ...PLAIN, frequencyPenalty: 0.5 },
  'top-k': { ...PLAIN, topK: 5 },
  user: { ...PLAIN, user: 'ada' },
  'stop-sequences': { ...PLAIN, stopSequences: ['END'] },
  'many-stop-sequences': { ...PLAIN, stopSequences: ['a', 'b', 'c', 'd', 'e'] },
  'hot-temperature': { ...PLAIN, temperature: 1.5 },
  'json-format': { ...PLAIN, format: { type: 'json' } },
  'reasoning-effort': { ...PLAIN, reasoning: { effort: 'low' } },
  'reasoning-budget': { ...PLAIN, reasoning: { budgetTokens: 2_048 } },
  'tool-strict': {
    ...PLAIN,
    tools: [
      {
        name: 'look',
        parameters: {
          type: 'object',
          properties: { at: { type: 'integer' } },
          required: ['at'],
          additionalProperties: false,
        },
        strict: true,
      },
    ],
  },
  'tool-without-parameters': { ...PLAIN, tools: [{ name: 'look' }] },
  'tool-choice-none': { ...PLAIN, tools: [look], toolChoice: { type: 'none' } },
  'tool-choice-named': { ...PLAIN, tools: [look], toolChoice: { type: 'tool', name: 'look' } },
  'one-tool-at-a-time': { ...PLAIN, tools: [look], parallelToolCalls: false },
  'invalid-arguments': called({ arguments: '{"at":' }),
  'is-error': called({}, { isError: true }),
  'empty-tool-result': called({}, { content: [] }),
  'tool-result-image': called({}, { content: [image] }),
  'tool-result-document': called({}, { content: [pdf] }),
  'image-url': user({ type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } }),
  'image-detail': user({ ...image, detail: 'low' }),
  document: user(pdf),
  'document-url': user({ type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } }),
  'document-text': user({ type: 'document', source: { type: 'text', text: 'words' } }),
  'document-name': user({ ...pdf, name: 'report' }),
  'document-context': user({ ...pdf, context: 'from 2024' }),
  cite: user({ ...pdf, cite: true }),
  'late-system': withTurns(asked, { role: 'system', parts: [{ type: 'text', text: 'be brief' }] }),
  'many-systems': withTurns(
    { role: 'system', parts: [{ type: 'text', text: 'a' }] },
    { role: 'system', parts: [{ type: 'text', text: 'b' }] },
    asked,
  ),
  'text-after-call': called({}, {}, [{ type: 'text', text: 'looking' }]),
  refusal: said({ type: 'refusal', text: 'no' }),
  citations: said({
    type: 'text',
    text: 'it rains',
    citations: [{ source: { type: 'document', index: 0, unit: 'character', start: 0, end: 4 }, quote: 'rain' }],
  }),
  cache: user({ type: 'text', text: 'hi', cache: { ttl: '5m' } }),
  'cache-1h': user({ type: 'text', text: 'hi', cache: { ttl: '1h' } }),
  reasoning: said({ type: 'reasoning', text: 'hm' }, { type: 'text', text: 'hello' }),
};
