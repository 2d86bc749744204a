/** Every dialect against its own declaration: what it can't say, and what becomes of that (lambdas/core/carry/uncarried.ts). */
import { describe, expect, test } from '@jest/globals';
import { findRefused } from '../../lambdas/core/carry/refused.ts';
import { UNCARRIED, type Uncarried } from '../../lambdas/core/carry/uncarried.ts';
import type { Conversation } from '../../lambdas/core/conversation.ts';
import type { Dialect } from '../../lambdas/core/dialect.ts';
import { anthropicMessages } from '../../lambdas/dialects/anthropic-messages/codec.ts';
import { bedrockConverse } from '../../lambdas/dialects/bedrock-converse/codec.ts';
import { gemini } from '../../lambdas/dialects/gemini/codec.ts';
import { openaiChat } from '../../lambdas/dialects/openai-chat/codec.ts';
import { openaiResponses } from '../../lambdas/dialects/openai-responses/codec.ts';
import { CARRY_SAMPLES } from '../support/carry-samples.ts';

interface Model {
  model: string;
  reasoningModel?: boolean;
  takesEffort?: boolean;
}

/** With each dialect models that among them take all that it can say. */
const DIALECTS: [Dialect, Model[]][] = [
  [openaiChat, [{ model: 'gpt-4o', takesEffort: true }]],
  [openaiResponses, [{ model: 'gpt-4o' }, { model: 'gpt-5', reasoningModel: true }]],
  [anthropicMessages, [{ model: 'claude-sonnet-4-5-20250929' }, { model: 'claude-opus-4-8' }]],
  [bedrockConverse, ['sonnet-4-5-20250929-v1:0', 'opus-4-8'].map((name) => ({ model: `anthropic.claude-${name}` }))],
  [gemini, [{ model: 'gemini-2.0-flash' }, { model: 'gemini-2.5-flash' }, { model: 'gemini-3-pro' }]],
];

const ITEMS = Object.keys(UNCARRIED) as Uncarried[];

const through = (dialect: Dialect, { model, reasoningModel = false, takesEffort }: Model, item: Uncarried) => {
  const target = {
    model,
    maxOutputTokens: 4_096,
    modelMaxOutputTokens: 4_096,
    stream: false,
    reasoningModel,
    ...(takesEffort && { takesEffort }),
  };
  const { body, dropped } = dialect.encodeRequest(CARRY_SAMPLES[item], target);
  const decoded = dialect.decodeRequest(JSON.parse(JSON.stringify(body)));
  if (!decoded.ok) throw new Error(`${dialect.name} does not read what it wrote: ${decoded.problem.message}`);
  return { dropped, conversation: decoded.value };
};

const isIn = (item: Uncarried, conversation: Conversation): boolean => UNCARRIED[item].isIn(conversation);

test.each(ITEMS)('the sample of %s holds it', (item) => {
  expect(isIn(item, CARRY_SAMPLES[item])).toBe(true);
});

test('what is dropped has a name for the client, and nothing else has', () => {
  for (const item of ITEMS) expect('told' in UNCARRIED[item]).toBe(UNCARRIED[item].crossing === 'drop');
});

describe.each(DIALECTS.map(([dialect, models]) => [dialect.name, dialect, models] as const))(
  '%s',
  (_, dialect, models) => {
    const { cannotCarry } = dialect;
    const lacking = (crossing: string) =>
      ITEMS.filter((item) => cannotCarry.has(item) && UNCARRIED[item].crossing === crossing);

    test.each(ITEMS.filter((item) => !cannotCarry.has(item)))('carries %s', (item) => {
      const carried = models
        .map((model) => through(dialect, model, item))
        .filter(({ dropped }) => dropped.length === 0);
      expect(carried.map(({ conversation }) => isIn(item, conversation))).toContain(true);
      expect(findRefused(cannotCarry, CARRY_SAMPLES[item])).toBe(undefined);
    });

    const dropped = lacking('drop');
    if (dropped.length > 0)
      test.each(dropped)('drops %s, and names it', (item) => {
        const { told } = UNCARRIED[item] as { told: string };
        for (const model of models) {
          const crossed = through(dialect, model, item);
          expect(crossed.dropped).toEqual([told]);
          expect(isIn(item, crossed.conversation)).toBe(false);
        }
      });

    const translated = lacking('translate');
    if (translated.length > 0)
      test.each(translated)('says %s in another way', (item) => {
        const crossings = models.map((model) => through(dialect, model, item));
        expect(crossings.some((crossed) => crossed.dropped.length === 0)).toBe(true);
        for (const { conversation } of crossings) expect(isIn(item, conversation)).toBe(false);
      });

    const refused = lacking('refuse');
    if (refused.length > 0)
      test.each(refused)('is passed over for %s', (item) => {
        expect(findRefused(cannotCarry, CARRY_SAMPLES[item])).toBe(item);
      });
  },
);
