import { describe, expect, test } from '@jest/globals';
import type { Conversation } from '../../../lambdas/core/conversation.ts';
import type { Asked } from '../../../lambdas/core/decode/decode.ts';
import { planRoute } from '../../../lambdas/core/route/plan.ts';
import type { Capability, Target } from '../../../lambdas/core/target.ts';
import { ALL_CODECS } from '../../support/all-codecs.ts';
import { makeTarget } from '../call/call-fixture.ts';

const ALL: Capability[] = ['tools', 'vision', 'documents', 'json-schema', 'reasoning', 'streaming'];
const target = (id: string, more: Partial<Target> = {}) => makeTarget(id, { capabilities: new Set(ALL), ...more });
const without = (id: string, lacking: Capability) =>
  target(id, { capabilities: new Set(ALL.filter((each) => each !== lacking)) });

const plan = (targets: Target[], more: Partial<Conversation> = {}) => {
  const conversation: Conversation = {
    model: 'assistant',
    turns: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
    tools: [],
    choices: 1,
    stream: false,
    streamUsage: false,
    sameDialectOnly: [],
    costBearing: [],
    ...more,
  };
  return planRoute(
    { conversation, alias: { name: 'assistant', targets }, surface: { name: 'openai-chat' } } as unknown as Asked,
    ALL_CODECS.dialects,
  );
};
const says = (text: string): Conversation['turns'] => [{ role: 'user', parts: [{ type: 'text', text }] }];
const image = (type: 'url' | 'base64'): Conversation['turns'] => [
  {
    role: 'user',
    parts: [
      {
        type: 'image',
        source: type === 'url' ? { type, url: 'https://x/y.png' } : { type, mediaType: 'image/png', data: 'AA==' },
      },
    ],
  },
];

describe('a plan', () => {
  test('keeps the alias’s order and passes nobody over without a reason', () => {
    const planned = plan([target('a'), target('b')]);
    if (!planned.ok) throw new Error(planned.refusal.message);
    expect(planned.plan.targets.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(planned.plan.passedOver).toEqual([]);
  });

  test.each<[string, Capability, Partial<Conversation>]>([
    ['a stream', 'streaming', { stream: true }],
    ['tools', 'tools', { tools: [{ name: 'f' }] }],
    [
      'tool calls of earlier turns',
      'tools',
      { turns: [{ role: 'assistant', parts: [{ type: 'tool-call', id: '1', name: 'f', arguments: '{}' }] }] },
    ],
    ['an image', 'vision', { turns: image('base64') }],
    [
      'an image inside a tool result',
      'vision',
      {
        turns: [
          {
            role: 'user',
            parts: [
              {
                type: 'tool-result',
                callId: '1',
                content: [{ type: 'image', source: { type: 'base64', mediaType: 'image/png', data: 'AA==' } }],
              },
            ],
          },
        ],
      },
    ],
    ['a schema', 'json-schema', { format: { type: 'json-schema', name: 's', schema: {} } }],
    ['reasoning', 'reasoning', { reasoning: { effort: 'low' } }],
  ])('%s: a target without %s is passed over and the reason kept', (_what, capability, more) => {
    const planned = plan([without('a', capability), target('b')], more);
    if (!planned.ok) throw new Error(planned.refusal.message);
    expect(planned.plan.targets.map(({ id }) => id)).toEqual(['b']);
    expect(planned.plan.passedOver).toEqual([{ target: 'a', reason: `${capability} is not supported` }]);
  });

  test('reasoning that is switched off needs no reasoning model', () => {
    expect(plan([without('a', 'reasoning')], { reasoning: { effort: 'none' } }).ok).toBe(true);
  });

  test('what a dialect has no words for passes its targets over', () => {
    const bedrock = target('b', { dialect: 'bedrock-converse' });
    for (const more of [{ choices: 2 }, { turns: image('url') }]) {
      const planned = plan([bedrock, target('a')], more);
      expect(planned.ok && planned.plan.targets.map(({ id }) => id)).toEqual(['a']);
    }
  });

  test('a request that only its own dialect can say goes to no other', () => {
    const planned = plan([target('a', { dialect: 'anthropic-messages' }), target('b')], {
      boundTo: { dialect: 'anthropic-messages', what: 'a file id' },
    });
    expect(planned.ok && planned.plan.passedOver).toEqual([
      { target: 'b', reason: "a file id can't be expressed in openai-chat" },
    ]);
  });

  test('an output limit above the model’s own passes it over', () => {
    const planned = plan([target('a', { maxOutputTokens: 10 }), target('b', { maxOutputTokens: 11 })], {
      maxOutputTokens: 11,
    });
    expect(planned.ok && planned.plan.targets.map(({ id }) => id)).toEqual(['b']);
  });
});

describe('a request that no target can serve', () => {
  const refusalOf = (...args: Parameters<typeof plan>) => {
    const planned = plan(...args);
    if (planned.ok) throw new Error('it was planned');
    return planned.refusal;
  };

  test('too long for all: context_length_exceeded, with the least that it counts', () => {
    const refusal = refusalOf([target('a', { contextTokens: 5 })], {
      turns: says('one two three four five six seven eight'.repeat(9)),
    });
    expect(refusal).toMatchObject({ code: 'context_length_exceeded', shouldRetry: false });
    expect(refusal.message).toMatch(/a: context: at least \d+ input tokens, the model takes 5/);
  });

  test('too long for one and beyond the other: unsupported_feature, both reasons given', () => {
    const refusal = refusalOf([target('a', { contextTokens: 1 }), without('b', 'tools')], {
      turns: says('one two three four'.repeat(9)),
      tools: [{ name: 'f' }],
    });
    expect(refusal.code).toBe('unsupported_feature');
    expect(refusal.message).toMatch(/a: context.*b: tools/s);
  });

  test('a field that can cost money unpriced is refused by its name, for each target with what to configure', () => {
    const costBearing = [
      {
        field: 'service_tier',
        bound: 'service_tier',
        dialect: 'openai-chat',
        isDispensable: true,
        kind: 'service',
        service: 'flex',
      } as const,
    ];
    expect(refusalOf([target('a'), target('b')], { costBearing })).toMatchObject({
      code: 'unsupported_feature',
      shouldRetry: false,
      message: expect.stringMatching(/a: "service_tier".*serviceTiers: \{ flex.*b: "service_tier"/s),
    });
  });
});
