/** Any conversation in any dialect: what is read back of it lacks nothing but what the dialect declares, or what was named. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findRefused } from '../../lambdas/core/carry/refused.ts';
import { UNCARRIED, type Uncarried } from '../../lambdas/core/carry/uncarried.ts';
import type { Conversation } from '../../lambdas/core/conversation.ts';
import type { Dialect } from '../../lambdas/core/dialect.ts';
import { anthropicMessages } from '../../lambdas/dialects/anthropic-messages/codec.ts';
import { bedrockConverse } from '../../lambdas/dialects/bedrock-converse/codec.ts';
import { gemini } from '../../lambdas/dialects/gemini/codec.ts';
import { openaiChat } from '../../lambdas/dialects/openai-chat/codec.ts';
import { openaiResponses } from '../../lambdas/dialects/openai-responses/codec.ts';
import { conversations } from '../support/conversations.ts';

const MODELS: [Dialect, string, boolean][] = [
  [openaiChat, 'gpt-4o', false],
  [openaiChat, 'gpt-5', true],
  [openaiResponses, 'gpt-5', true],
  [anthropicMessages, 'claude-sonnet-4-5-20250929', false],
  [anthropicMessages, 'claude-opus-5-5', false],
  [bedrockConverse, 'anthropic.claude-sonnet-4-5-20250929-v1:0', false],
  [bedrockConverse, 'amazon.nova-pro-v1:0', false],
  [gemini, 'gemini-2.5-flash', false],
  [gemini, 'gemini-3-pro', false],
];

const ITEMS = Object.keys(UNCARRIED) as Uncarried[];

/** Names under which the loss of a thing is told, where they are not the thing's own: by model, or of the whole that it is part of. */
const OTHER_NAMES: Partial<Record<Uncarried, RegExp>> = {
  reasoning: /^reasoning/,
  'json-format': /^format/,
  'image-url': /^image/,
  'document-url': /^document/,
  document: /^document/,
  'tool-result-image': /^image/,
  'tool-result-document': /^document/,
  'document-name': /^document/,
  'document-context': /^document/,
  cite: /^document/,
};

const isTold = (item: Uncarried, dropped: readonly string[]): boolean => {
  const rule = UNCARRIED[item];
  return dropped.some((name) => ('told' in rule && name === rule.told) || OTHER_NAMES[item]?.test(name) === true);
};

/** Gemini's forced calls keep to their schemas anyway. */
const isImplied = (item: Uncarried, { name }: Dialect, { toolChoice }: Conversation): boolean =>
  name === 'gemini' && item === 'tool-strict' && (toolChoice?.type === 'required' || toolChoice?.type === 'tool');

/** A document that is said as text loses its name and the like in its own way, which the dialects' tests know. */
const everything = conversations({
  without: ['document-texts'],
  with: ['citations', 'document-context', 'cite', 'logprobs'],
});

describe.each(MODELS.map(([dialect, model, reasons]) => [dialect.name, model, dialect, reasons] as const))(
  '%s, %s',
  (_, model, dialect, reasoningModel) => {
    test('what is lost is declared or told', () => {
      fc.assert(
        fc.property(everything, (conversation: Conversation) => {
          fc.pre(findRefused(dialect.cannotCarry, conversation) === undefined);
          const { body, dropped } = dialect.encodeRequest(conversation, {
            model,
            modelMaxOutputTokens: 64_000,
            ...(conversation.maxOutputTokens !== undefined && { maxOutputTokens: conversation.maxOutputTokens }),
            stream: conversation.stream,
            reasoningModel,
          });
          const decoded = dialect.decodeRequest(JSON.parse(JSON.stringify(body)));
          if (!decoded.ok) throw new Error(decoded.problem.message);
          const lost = ITEMS.filter(
            (item) => UNCARRIED[item].isIn(conversation) && !UNCARRIED[item].isIn(decoded.value),
          );
          const untold = lost.filter(
            (item) =>
              !isTold(item, dropped) &&
              // Said in another way, by this dialect or by the model.
              UNCARRIED[item].crossing !== 'translate' &&
              !isImplied(item, dialect, conversation),
          );
          expect(untold).toEqual([]);
          if (conversation.reasoning !== undefined && decoded.value.reasoning === undefined)
            expect(dropped.join()).toMatch(/reasoning/);
          if (conversation.toolChoice !== undefined && decoded.value.toolChoice === undefined)
            expect(
              conversation.toolChoice.type !== 'auto' &&
                decoded.value.tools.length > 0 &&
                !dropped.includes('toolChoice'),
            ).toBe(false);
        }),
        { numRuns: 150 },
      );
    });
  },
);
