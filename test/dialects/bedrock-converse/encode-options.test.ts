import { describe, expect, test } from '@jest/globals';
import type { Conversation, JsonObject, Turn } from '../../../lambdas/core/conversation.ts';
import { CALL, CLAUDE_45, CLAUDE_46, CLAUDE_48, encode, HELLO, NOVA, RESULT, user, WEATHER } from './encoding.ts';

describe('sampling', () => {
  test('what OpenAI alone has is named', () => {
    const { dropped } = encode({
      seed: 1,
      presencePenalty: 1,
      frequencyPenalty: 0,
      user: 'u',
      choices: 2,
      sameDialectOnly: ['logprobs'],
    });
    expect(dropped.sort()).toEqual(['choices', 'frequencyPenalty', 'logprobs', 'presencePenalty', 'seed', 'user']);
  });

  test('a temperature above 1 is lowered and named', () => {
    expect(encode({ temperature: 1.6 })).toMatchObject({
      body: { inferenceConfig: { temperature: 1 } },
      dropped: ['temperature'],
    });
    expect(encode({ temperature: 0.4, topP: 0.9 })).toMatchObject({
      body: { inferenceConfig: { temperature: 0.4, topP: 0.9 } },
      dropped: [],
    });
  });

  test('Claude takes temperature or topP, from 4.7 on neither', () => {
    expect(encode({ temperature: 0.4, topP: 0.9 }, CLAUDE_45)).toMatchObject({
      body: { inferenceConfig: { maxTokens: 10_000, temperature: 0.4 } },
      dropped: ['topP'],
    });
    const { body, dropped } = encode({ temperature: 0.4, topP: 0.9, topK: 5 }, CLAUDE_48);
    expect([body.inferenceConfig, body.additionalModelRequestFields, dropped]).toEqual([
      { maxTokens: 10_000 },
      undefined,
      ['temperature', 'topP', 'topK'],
    ]);
  });

  test('topK goes where the family has it', () => {
    expect(encode({ topK: 5 }, CLAUDE_45).body.additionalModelRequestFields).toEqual({ top_k: 5 });
    expect(encode({ topK: 5 }).body.additionalModelRequestFields).toEqual({ inferenceConfig: { topK: 5 } });
    expect(encode({ topK: 5 }, 'us.meta.llama3-3-70b-instruct-v1:0').dropped).toEqual(['topK']);
  });

  test('Claude is asked which stop sequence matched, and gets none of white space', () => {
    const { body, dropped } = encode({ stopSequences: ['\n', 'END'] }, CLAUDE_45);
    expect(body).toMatchObject({
      inferenceConfig: { stopSequences: ['END'] },
      additionalModelResponseFieldPaths: ['/stop_sequence', '/delta/stop_sequence'],
    });
    expect(dropped).toEqual(['stopSequences']);
    const nova = encode({ stopSequences: ['\n'] }).body;
    expect(nova).toMatchObject({ inferenceConfig: { stopSequences: ['\n'] } });
    expect(nova).not.toHaveProperty('additionalModelResponseFieldPaths');
  });
});

describe('format', () => {
  test('a schema goes as text', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } } };
    const { body } = encode({ format: { type: 'json-schema', name: 'n', description: 'd', schema, strict: true } });
    expect(body.outputConfig).toEqual({
      textFormat: {
        type: 'json_schema',
        structure: { jsonSchema: { name: 'n', description: 'd', schema: JSON.stringify(schema) } },
      },
    });
  });

  test('free JSON is asked for in words, and named', () => {
    const { body, dropped } = encode({ format: { type: 'json' } });
    expect([(body.system as unknown[]).length, dropped]).toEqual([1, ['format']]);
  });
});

describe('reasoning', () => {
  const reasoned = (
    reasoning: NonNullable<Conversation['reasoning']>,
    model: string,
    more: Partial<Conversation> = {},
    limit = 10_000,
  ): { extra: unknown; effort: unknown; dropped: string[] } => {
    const { body, dropped } = encode({ reasoning, ...more }, model, limit);
    const effort = (body.outputConfig as JsonObject | undefined)?.effort;
    return { extra: body.additionalModelRequestFields, effort, dropped };
  };
  const budget = (budget_tokens: number): JsonObject => ({ thinking: { type: 'enabled', budget_tokens } });
  const ADAPTIVE = { thinking: { type: 'adaptive' } };

  test('a budget goes to the Claudes that take one, within the limit', () => {
    expect(reasoned({ budgetTokens: 3_000 }, CLAUDE_45)).toEqual({
      extra: budget(3_000),
      effort: undefined,
      dropped: [],
    });
    expect(reasoned({ budgetTokens: 3_000 }, CLAUDE_46)).toMatchObject({ extra: budget(3_000) });
    expect(reasoned({ budgetTokens: 30_000 }, CLAUDE_45)).toMatchObject({
      extra: budget(9_999),
      dropped: ['reasoning.budgetTokens'],
    });
    expect(reasoned({ budgetTokens: 2_000 }, CLAUDE_45, {}, 1_024)).toMatchObject({
      extra: undefined,
      dropped: ['reasoning.budgetTokens'],
    });
  });

  test('an effort becomes a budget that leaves room for the answer', () => {
    expect(reasoned({ effort: 'low' }, CLAUDE_45).extra).toEqual(budget(2_048));
    expect(reasoned({ effort: 'high' }, CLAUDE_45).extra).toEqual(budget(7_500));
  });

  test('newer Claudes decide for themselves, by an effort', () => {
    expect(reasoned({ effort: 'minimal' }, CLAUDE_48)).toEqual({ extra: ADAPTIVE, effort: 'low', dropped: [] });
    expect(reasoned({ effort: 'xhigh' }, CLAUDE_48)).toMatchObject({ effort: 'xhigh' });
    expect(reasoned({ effort: 'xhigh' }, CLAUDE_46)).toMatchObject({ extra: ADAPTIVE, effort: 'max' });
    expect(reasoned({ budgetTokens: 4_000 }, CLAUDE_48)).toMatchObject({ extra: ADAPTIVE, effort: 'medium' });
  });

  test('a forced call wins over thinking', () => {
    const forced: Partial<Conversation> = { tools: [WEATHER], toolChoice: { type: 'required' } };
    expect(reasoned({ effort: 'high' }, CLAUDE_45, forced)).toMatchObject({ extra: undefined, dropped: ['reasoning'] });
    expect(reasoned({ effort: 'max' }, CLAUDE_48, forced)).toEqual({
      extra: undefined,
      effort: 'high',
      dropped: ['reasoning'],
    });
  });

  test('a loop of calls that began without a thought goes on without one', () => {
    const loop = { turns: [HELLO, CALL, user(RESULT)], tools: [WEATHER] };
    expect(reasoned({ effort: 'low' }, CLAUDE_45, loop)).toMatchObject({ extra: undefined, dropped: ['reasoning'] });
    const thought: Turn = {
      role: 'assistant',
      parts: [{ type: 'reasoning', text: 't', signature: 's' }, ...(CALL.parts as [])],
    };
    const thoughtful = { ...loop, turns: [HELLO, thought, user(RESULT)] };
    expect(reasoned({ effort: 'low' }, CLAUDE_45, thoughtful)).toMatchObject({ extra: budget(2_048), dropped: [] });
  });

  test('thinking fixes the temperature', () => {
    const more = { temperature: 0.2, topP: 0.5, topK: 3 };
    const { body, dropped } = encode({ reasoning: { effort: 'low' }, ...more }, CLAUDE_45);
    expect(body.inferenceConfig).toEqual({ maxTokens: 10_000 });
    expect(dropped).toEqual(['temperature', 'topP', 'topK']);
  });

  test('"none" is said where a model may think unasked', () => {
    expect(reasoned({ effort: 'none' }, CLAUDE_45)).toEqual({ extra: undefined, effort: undefined, dropped: [] });
    expect(reasoned({ effort: 'none' }, 'anthropic.claude-haiku-5-5')).toMatchObject({
      extra: { thinking: { type: 'disabled' } },
    });
    expect(reasoned({ effort: 'none' }, 'anthropic.claude-sonnet-5-5')).toMatchObject({
      extra: { thinking: { type: 'between_tools' } },
    });
    expect(reasoned({ effort: 'none' }, 'openai.gpt-oss-20b-1:0')).toEqual({
      extra: { reasoning_effort: 'low' },
      effort: undefined,
      dropped: ['reasoning.effort'],
    });
  });

  test('Nova 2 and gpt-oss have words of their own; others have none', () => {
    expect(reasoned({ effort: 'low' }, 'us.amazon.nova-2-lite-v1:0')).toMatchObject({
      extra: { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'low' } },
      dropped: [],
    });
    expect(reasoned({ effort: 'high' }, 'us.amazon.nova-2-lite-v1:0')).toMatchObject({
      extra: { reasoningConfig: { maxReasoningEffort: 'medium' } },
      dropped: ['reasoning.effort'],
    });
    expect(reasoned({ effort: 'xhigh' }, 'openai.gpt-oss-120b-1:0').extra).toEqual({ reasoning_effort: 'high' });
    expect(reasoned({ effort: 'high' }, NOVA)).toMatchObject({ extra: undefined, dropped: ['reasoning'] });
  });

  test('thoughts of the history go back signed, to a family that signs, and nowhere else', () => {
    const turns: Turn[] = [
      HELLO,
      {
        role: 'assistant',
        parts: [
          { type: 'reasoning', text: 'unsigned' },
          { type: 'reasoning', text: 'signed', signature: 's' },
          { type: 'redacted-reasoning', data: 'EtkECkgIBx' },
          { type: 'text', text: 'Hi' },
        ],
      },
      HELLO,
    ];
    const claude = encode({ turns }, CLAUDE_45);
    expect(claude.dropped).toEqual(['reasoning parts']);
    expect(claude.body.messages).toMatchObject([
      {},
      {
        content: [
          { reasoningContent: { reasoningText: { text: 'signed', signature: 's' } } },
          { reasoningContent: { redactedContent: Buffer.from('EtkECkgIBx').toString('base64') } },
          { text: 'Hi' },
        ],
      },
      {},
    ]);
    const nova = encode({ turns });
    expect(nova.dropped).toEqual(['reasoning parts']);
    expect(nova.body.messages).toMatchObject([{}, { content: [{ text: 'Hi' }] }, {}]);
  });
});
