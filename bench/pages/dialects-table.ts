import { type Crossing, UNCARRIED, type Uncarried } from '../../lambdas/core/carry/uncarried.ts';
import type { Dialect } from '../../lambdas/core/dialect.ts';
import { anthropicMessages } from '../../lambdas/dialects/anthropic-messages/codec.ts';
import { bedrockConverse } from '../../lambdas/dialects/bedrock-converse/codec.ts';
import { gemini } from '../../lambdas/dialects/gemini/codec.ts';
import { openaiChat } from '../../lambdas/dialects/openai-chat/codec.ts';
import { openaiResponses } from '../../lambdas/dialects/openai-responses/codec.ts';
import { toTable } from './marked-part.ts';

export const DIALECTS_PAGE = 'docs/dialects.md';

/** Those in which something is said, in the order of their columns. */
export const DIALECTS: readonly Dialect[] = [openaiChat, openaiResponses, anthropicMessages, bedrockConverse, gemini];

/** What each thing is, and what becomes of it where a dialect has no words for it. */
const WORDS: Record<Uncarried, { what: string; how: string }> = {
  choices: { what: 'More than one answer to a prompt (`n`)', how: 'the target is passed over' },
  seed: { what: 'A seed', how: 'left out' },
  logprobs: { what: 'Log probabilities', how: 'left out' },
  'presence-penalty': { what: 'A presence penalty', how: 'left out' },
  'frequency-penalty': { what: 'A frequency penalty', how: 'left out' },
  'top-k': { what: '`top_k`', how: 'left out' },
  user: { what: "The end user's name", how: 'left out' },
  'stop-sequences': { what: 'Stop sequences', how: 'left out' },
  'many-stop-sequences': { what: 'More than four stop sequences', how: 'the first four go' },
  'hot-temperature': { what: 'A temperature above 1', how: '1 goes' },
  'json-format': { what: 'JSON without a schema', how: 'asked for in words, which are no guarantee' },
  'reasoning-effort': { what: 'A reasoning effort', how: 'a budget of tokens that means as much' },
  'reasoning-budget': { what: 'A budget of reasoning tokens', how: 'the effort nearest to it' },
  'tool-strict': { what: 'A strict tool', how: 'the tool goes without' },
  'tool-without-parameters': { what: 'A tool without parameters', how: 'an object without properties' },
  'tool-choice-none': { what: '`tool_choice: none`', how: 'the tools are left out, unless the history holds calls' },
  'tool-choice-named': { what: 'A tool choice by name', how: 'left out' },
  'one-tool-at-a-time': { what: 'At most one tool call a turn', how: 'left out' },
  'invalid-arguments': { what: 'Arguments that are no JSON object', how: 'the text whole, under `INVALID_JSON`' },
  'is-error': { what: 'The mark of a failed tool result', how: 'the result goes as it is' },
  'empty-tool-result': { what: 'An empty tool result', how: '“(no output)”' },
  'tool-result-image': { what: 'An image in a tool result', how: 'in a user message after it, each naming the other' },
  'tool-result-document': {
    what: 'A document in a tool result',
    how: 'in a user message after it, each naming the other',
  },
  'image-url': { what: 'An image by URL', how: 'the target is passed over; nothing is fetched here' },
  'image-detail': { what: "OpenAI's hint at an image's resolution", how: 'left out' },
  document: { what: 'A document', how: 'the target is passed over' },
  'document-url': { what: 'A document by URL', how: 'the target is passed over; nothing is fetched here' },
  'document-text': { what: 'A document that is plain text', how: 'its text, or a text file' },
  'document-name': { what: "A document's name", how: 'left out' },
  'document-context': { what: 'What is said of a document beside it', how: 'left out' },
  cite: { what: 'A document that is to be cited', how: 'it goes; nothing is cited' },
  'late-system': { what: 'A system message between others', how: 'user text within `<system>` tags, at its place' },
  'many-systems': { what: 'Several system messages at the beginning', how: 'made one' },
  'text-after-call': {
    what: 'Text after a tool call of the same turn',
    how: "all of a turn's text goes before its calls",
  },
  refusal: { what: 'A refusal of an earlier turn', how: 'text' },
  citations: { what: 'Citations of earlier turns', how: 'the text goes without' },
  cache: {
    what: 'Prompt-cache breakpoints',
    how: 'left out: these vendors cache by themselves; OpenRouter’s Claude and Gemini get them',
  },
  'cache-1h': { what: 'Breakpoints of an hour', how: 'as above' },
  reasoning: {
    what: 'Unsigned reasoning of earlier turns',
    how: 'left out, but where a server takes it as text (contract/chat-quirks.ts)',
  },
};

const CELLS: Record<Crossing, string> = { translate: 'said otherwise', drop: '**dropped**', refuse: '**refused**' };

/** A line a thing: what each dialect does with it, and how. */
export const carryTable = (): string =>
  toTable(
    ['What a request holds', ...DIALECTS.map(({ name }) => name), 'How', '`x-tollgate-dropped`'],
    (Object.keys(UNCARRIED) as Uncarried[]).map((item) => {
      const rule = UNCARRIED[item];
      return [
        WORDS[item].what,
        ...DIALECTS.map(({ cannotCarry }) => (cannotCarry.has(item) ? CELLS[rule.crossing] : 'yes')),
        DIALECTS.some(({ cannotCarry }) => cannotCarry.has(item)) ? WORDS[item].how : '',
        'told' in rule ? `\`${rule.told}\`` : '',
      ];
    }),
  );
