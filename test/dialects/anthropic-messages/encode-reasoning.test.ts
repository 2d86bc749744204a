import { describe, expect, test } from '@jest/globals';
import type { ReasoningEffort } from '../../../lambdas/core/conversation.ts';
import { encode } from './encode.ts';

describe('reasoning', () => {
  const asked = (effort: ReasoningEffort, model: string, limit = 64_000) => {
    const { body, dropped } = encode({ reasoning: { effort } }, { model, maxOutputTokens: limit });
    return { thinking: body.thinking, effort: body.output_config?.effort, dropped };
  };

  test.each<[ReasoningEffort, string, ReturnType<typeof asked>]>([
    [
      'low',
      'claude-sonnet-4-5',
      { thinking: { type: 'enabled', budget_tokens: 2_048 }, effort: undefined, dropped: [] },
    ],
    [
      'high',
      'claude-sonnet-4-5',
      { thinking: { type: 'enabled', budget_tokens: 16_384 }, effort: undefined, dropped: [] },
    ],
    ['high', 'claude-3-5-haiku-20241022', { thinking: undefined, effort: undefined, dropped: ['reasoning.effort'] }],
    ['high', 'claude-opus-4-6', { thinking: { type: 'adaptive' }, effort: 'high', dropped: [] }],
    ['xhigh', 'claude-opus-4-6', { thinking: { type: 'adaptive' }, effort: 'max', dropped: [] }],
    ['xhigh', 'claude-opus-4-7', { thinking: { type: 'adaptive' }, effort: 'xhigh', dropped: [] }],
    ['minimal', 'claude-opus-5', { thinking: { type: 'adaptive' }, effort: 'low', dropped: [] }],
    ['none', 'claude-sonnet-4-5', { thinking: undefined, effort: undefined, dropped: [] }],
    ['none', 'claude-opus-4-8', { thinking: undefined, effort: undefined, dropped: [] }],
    ['none', 'claude-sonnet-5', { thinking: { type: 'disabled' }, effort: undefined, dropped: [] }],
    ['none', 'claude-sonnet-5-5', { thinking: { type: 'between_tools' }, effort: undefined, dropped: [] }],
    ['none', 'claude-opus-5-5', { thinking: undefined, effort: 'low', dropped: ['reasoning.effort'] }],
  ])('%s on %s', (effort, model, expected) => {
    expect(asked(effort, model)).toEqual(expected);
  });

  test('an effort leaves a quarter of a small limit for the answer', () => {
    expect(asked('high', 'claude-sonnet-4-5', 4_000).thinking).toEqual({ type: 'enabled', budget_tokens: 3_000 });
    expect(asked('high', 'claude-sonnet-4-5', 1_300)).toMatchObject({
      thinking: undefined,
      dropped: ['reasoning.effort'],
    });
  });

  test('a budget that the limit has overtaken is lowered and named', () => {
    const budget = (limit: number) =>
      encode({ reasoning: { budgetTokens: 5_000 } }, { model: 'claude-sonnet-4-5', maxOutputTokens: limit });
    expect(budget(5_001)).toMatchObject({ body: { thinking: { budget_tokens: 5_000 } }, dropped: [] });
    expect(budget(5_000)).toMatchObject({
      body: { thinking: { budget_tokens: 4_999 } },
      dropped: ['reasoning.budgetTokens'],
    });
    expect(budget(1_025)).toMatchObject({ body: { thinking: { budget_tokens: 1_024 } } });
    expect(budget(1_024).body.thinking).toBeUndefined();
  });

  test('thinking gives way to a forced tool and to a tool loop that began without it, and is named', () => {
    const tools = [{ name: 'f' }];
    const reasoning = { effort: 'high' as const };
    const forced = encode({ tools, reasoning, toolChoice: { type: 'required' } });
    expect(forced.body).toMatchObject({ tool_choice: { type: 'any' } });
    const loop = encode({
      tools,
      reasoning,
      turns: [
        { role: 'user', parts: [{ type: 'text', text: 'q' }] },
        { role: 'assistant', parts: [{ type: 'tool-call', id: 'a', name: 'f', arguments: '{}' }] },
        { role: 'user', parts: [{ type: 'tool-result', callId: 'a', content: [] }] },
      ],
    });
    for (const { body, dropped } of [forced, loop]) {
      expect(body.thinking).toBeUndefined();
      expect(dropped).toEqual(['reasoning']);
    }
  });

  test('signed thinking goes back as it came, unsigned is dropped and named', () => {
    const { body, dropped } = encode({
      turns: [
        { role: 'user', parts: [{ type: 'text', text: 'q' }] },
        {
          role: 'assistant',
          parts: [
            { type: 'reasoning', text: '', signature: 'sig' },
            { type: 'reasoning', text: 'someone else’s' },
            { type: 'redacted-reasoning', data: 'zzz' },
            { type: 'text', text: 'a' },
          ],
        },
      ],
    });
    expect(body.messages[1]?.content).toEqual([
      { type: 'thinking', thinking: '', signature: 'sig' },
      { type: 'redacted_thinking', data: 'zzz' },
      { type: 'text', text: 'a' },
    ]);
    expect(dropped).toEqual(['reasoning parts']);
  });
});
