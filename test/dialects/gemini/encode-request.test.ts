import { describe, expect, test } from '@jest/globals';
import type { Conversation, JsonObject } from '../../../lambdas/core/conversation.ts';
import {
  assistant,
  call,
  configOf,
  contentsOf,
  encode,
  FLASH_2,
  FLASH_3,
  FLASH_25,
  FLASH_38,
  HELLO,
  PRO_25,
  PRO_31,
  result,
  text,
  user,
} from './encoding.ts';

const PNG = { type: 'base64' as const, mediaType: 'image/png', data: 'AAAA' };

describe('turns', () => {
  test('leading system turns are the instruction; later ones stand where they were, marked', () => {
    const { body } = encode({
      turns: [{ role: 'system', parts: [text('Be brief.')] }, HELLO, { role: 'system', parts: [text('Now be long.')] }],
    });
    expect(body['systemInstruction']).toEqual({ parts: [{ text: 'Be brief.' }] });
    expect(body['contents']).toEqual([
      { role: 'user', parts: [{ text: 'Hello!' }, { text: '<system>\nNow be long.\n</system>' }] },
    ]);
  });

  test('Gemma 3 has no instruction: it is told to the user’s side', () => {
    const { body } = encode({ turns: [{ role: 'system', parts: [text('Be brief.')] }, HELLO] }, 'gemma-3-27b-it');
    expect(body['systemInstruction']).toBeUndefined();
    expect(body['contents']).toEqual([
      { role: 'user', parts: [{ text: '<system>\nBe brief.\n</system>' }, { text: 'Hello!' }] },
    ]);
  });

  test('a conversation that begins with the model, or holds nothing but a system turn, gets a user', () => {
    expect(contentsOf([assistant(text('Hi.'))])[0]).toMatchObject({ role: 'user' });
    expect(contentsOf([{ role: 'system', parts: [text('Be brief.')] }])).toMatchObject([{ role: 'user' }]);
  });

  test('a prefill stays where the model takes one, and is closed and named where it does not', () => {
    const turns = [HELLO, assistant(text('So'))];
    expect(encode({ turns }, FLASH_3)).toMatchObject({ body: { contents: [{}, { role: 'model' }] }, dropped: [] });
    expect(encode({ turns }, FLASH_38)).toMatchObject({
      body: { contents: [{}, { role: 'model' }, { role: 'user' }] },
      dropped: ['prefill'],
    });
  });

  test('blank text is left out, but for one that carries a signature', () => {
    const parts = contentsOf([user(text(' '), text('x')), assistant({ ...text(''), signature: 'c2ln' }), HELLO]);
    expect(parts).toEqual([
      { role: 'user', parts: [{ text: 'x' }] },
      { role: 'model', parts: [{ text: '', thoughtSignature: 'c2ln' }] },
      { role: 'user', parts: [{ text: 'Hello!' }] },
    ]);
  });
});

describe('calls and results', () => {
  test('a result names its function, pairs by id, and is an error where it was one', () => {
    const contents = contentsOf(
      [HELLO, assistant(call('a'), call('b')), user(result('b', 'no', { isError: true }), result('a', '7°'))],
      FLASH_25,
    );
    expect(contents[1]).toEqual({
      role: 'model',
      parts: ['a', 'b'].map((id) => ({ functionCall: { id, name: 'weather', args: { city: 'Oslo' } } })),
    });
    expect(contents[2]).toEqual({
      role: 'user',
      parts: [
        { functionResponse: { id: 'b', name: 'weather', response: { error: 'no' } } },
        { functionResponse: { id: 'a', name: 'weather', response: { output: '7°' } } },
      ],
    });
  });

  test('a result comes before what the user says beside it, whatever the order was', () => {
    const [, , last] = contentsOf([HELLO, assistant(call('a')), user(text('Well?'), result('a', '7°'))], FLASH_25);
    expect(last?.['parts']).toMatchObject([{ functionResponse: { id: 'a' } }, { text: 'Well?' }]);
  });

  test('also where they came in turns of their own', () => {
    const turns = [HELLO, assistant(call('a')), user(text('Well?')), user(result('a', '7°'))];
    const [, , last] = contentsOf(turns, FLASH_25);
    expect(last?.['parts']).toMatchObject([{ functionResponse: { id: 'a' } }, { text: 'Well?' }]);
  });

  test('arguments that are no object go back whole', () => {
    const [, turn] = contentsOf([HELLO, assistant(call('a', { arguments: '{"city": "Os' })), HELLO], FLASH_25);
    expect(turn).toMatchObject({ parts: [{ functionCall: { args: { INVALID_JSON: '{"city": "Os' } } }] });
  });

  test('from generation 3 on an unsigned first call bears Google’s own mark; signed ones and later ones are left alone', () => {
    const turns = [
      HELLO,
      assistant(call('a'), call('b')),
      user(result('a', '1'), result('b', '2')),
      assistant(call('c', { signature: 'c2ln', signedBy: 'google' })),
      user(result('c', '3')),
    ];
    const signatures = (model: string) =>
      contentsOf(turns, model)
        .flatMap(({ parts }) => parts as JsonObject[])
        .flatMap((part) => ('functionCall' in part ? [part['thoughtSignature']] : []));
    expect(signatures(PRO_31)).toEqual(['skip_thought_signature_validator', undefined, 'c2ln']);
    expect(signatures(FLASH_25)).toEqual([undefined, undefined, 'c2ln']);
  });

  test('images of a result stand inside it from generation 3 on, else behind all results, each saying where the other is', () => {
    const turns = [
      HELLO,
      assistant(call('a')),
      user(
        { type: 'tool-result' as const, callId: 'a', content: [text('See'), { type: 'image' as const, source: PNG }] },
        text('Well?'),
      ),
    ];
    expect(contentsOf(turns, PRO_31)[2]).toMatchObject({
      parts: [
        { functionResponse: { response: { output: 'See' }, parts: [{ inlineData: { mimeType: 'image/png' } }] } },
        { text: 'Well?' },
      ],
    });
    expect(contentsOf(turns, FLASH_25)[2]).toEqual({
      role: 'user',
      parts: [
        {
          functionResponse: {
            id: 'a',
            name: 'weather',
            response: { output: 'See\n(The rest of it stands below, as the result of weather, a.)' },
          },
        },
        { text: 'This is the result of weather, a:' },
        { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
        { text: 'Well?' },
      ],
    });
  });

  test('thoughts go back where they are signed, and are dropped and named where not', () => {
    const thought = { type: 'reasoning' as const, text: 'Hm' };
    expect(
      encode({ turns: [HELLO, assistant({ ...thought, signature: 'c2ln', signedBy: 'google' }, text('Hi')), HELLO] }),
    ).toMatchObject({
      body: {
        contents: [{}, { parts: [{ text: 'Hm', thought: true, thoughtSignature: 'c2ln' }, { text: 'Hi' }] }, {}],
      },
      dropped: [],
    });
    expect(encode({ turns: [HELLO, assistant(thought, text('Hi')), HELLO] })).toMatchObject({
      body: { contents: [{}, { parts: [{ text: 'Hi' }] }, {}] },
      dropped: ['reasoning parts'],
    });
  });
});

describe('images and documents', () => {
  test('bytes go inline, URLs as they are, with the type that their ending tells', () => {
    const url = (value: string) => ({ type: 'image' as const, source: { type: 'url' as const, url: value } });
    const [turn] = contentsOf([
      user({ type: 'image', source: PNG }, url('https://a.example/b.JPG?x=1'), url('https://a.example/b'), {
        type: 'document',
        source: { type: 'url', url: 'https://a.example/c.pdf' },
      }),
    ]);
    expect(turn?.['parts']).toEqual([
      { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
      { fileData: { fileUri: 'https://a.example/b.JPG?x=1', mimeType: 'image/jpeg' } },
      { fileData: { fileUri: 'https://a.example/b', mimeType: 'image/jpeg' } },
      { fileData: { fileUri: 'https://a.example/c.pdf', mimeType: 'application/pdf' } },
    ]);
  });

  test.each([
    'https://generativelanguage.googleapis.com/v1beta/files/abc',
    'https://www.youtube.com/watch?v=1',
    'https://youtu.be/1',
    'gs://bucket/b.png',
    'file:///etc/passwd',
  ])('%s is not fetched with the gateway’s rights, nor as a film', (url) => {
    const { body, dropped } = encode({ turns: [user(text('See'), { type: 'image', source: { type: 'url', url } })] });
    expect(body['contents']).toEqual([{ role: 'user', parts: [{ text: 'See' }] }]);
    expect(dropped).toEqual(['image.url']);
  });

  test('what has no place is named: detail, a document’s name, its context, and that it is to be cited', () => {
    const { dropped } = encode({
      turns: [
        user(
          { type: 'image', source: PNG, detail: 'high' },
          { type: 'document', source: { type: 'text', text: 'x' }, name: 'x.txt', context: 'old', cite: true },
        ),
      ],
    });
    expect(dropped).toEqual(['image.detail', 'document.name', 'document.context', 'document.citations']);
  });
});

const TOOL = { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } };

describe('tools', () => {
  test.each<[Conversation['toolChoice'], JsonObject | undefined]>([
    [undefined, undefined],
    [{ type: 'auto' }, { mode: 'AUTO' }],
    [{ type: 'none' }, { mode: 'NONE' }],
    [{ type: 'required' }, { mode: 'ANY' }],
    [
      { type: 'tool', name: 'weather' },
      { mode: 'ANY', allowedFunctionNames: ['weather'] },
    ],
  ])('the choice %j is %j', (toolChoice, mode) => {
    const { body } = encode({ tools: [TOOL], ...(toolChoice !== undefined && { toolChoice }) });
    expect(body['toolConfig']).toEqual(mode && { functionCallingConfig: mode });
    expect(body['tools']).toEqual([
      { functionDeclarations: [{ name: 'weather', description: '', parametersJsonSchema: TOOL.parameters }] },
    ]);
  });

  test('a strict tool holds every free call to its schema, and is named where the model can’t', () => {
    const strict = { tools: [{ ...TOOL, strict: true }] };
    expect(encode(strict, FLASH_25)).toMatchObject({
      body: { toolConfig: { functionCallingConfig: { mode: 'VALIDATED' } } },
      dropped: [],
    });
    expect(encode(strict, FLASH_2).dropped).toEqual(['tools.strict']);
    expect(encode({ ...strict, toolChoice: { type: 'required' } }, FLASH_2).dropped).toEqual([]);
  });

  test('one call at a time can’t be asked for', () => {
    expect(encode({ tools: [TOOL], parallelToolCalls: false }).dropped).toEqual(['parallelToolCalls']);
  });

  test('a choice without tools is none', () => {
    expect(encode({ toolChoice: { type: 'none' } }).body['toolConfig']).toBeUndefined();
  });
});

describe('formats', () => {
  const format = {
    type: 'json-schema' as const,
    name: 'city',
    description: 'A city.',
    schema: { type: 'object', properties: {} },
  };

  test('a schema, with its description inside', () => {
    expect(configOf({ format }).config).toEqual({
      responseMimeType: 'application/json',
      responseJsonSchema: { description: 'A city.', type: 'object', properties: {} },
    });
    expect(configOf({ format: { type: 'json' } }).config).toEqual({ responseMimeType: 'application/json' });
    expect(configOf({ format: { type: 'text' } }).config).toEqual({});
  });

  test('beside functions, before generation 3: in words, and named', () => {
    const { body, dropped } = encode({ format, tools: [TOOL] }, FLASH_25);
    expect(body['generationConfig']).toBeUndefined();
    expect(JSON.stringify(body['systemInstruction'])).toContain('JSON Schema');
    expect(dropped).toEqual(['format']);
    expect(configOf({ format, tools: [TOOL] }, PRO_31)).toMatchObject({
      config: { responseMimeType: 'application/json' },
      dropped: [],
    });
    const forbidden = encode({ format, tools: [TOOL], toolChoice: { type: 'none' } }, FLASH_25);
    expect(forbidden).toMatchObject({
      body: { generationConfig: { responseMimeType: 'application/json' } },
      dropped: [],
    });
    expect(forbidden.body).not.toHaveProperty('tools');
  });
});

describe('sampling', () => {
  const sampling = {
    temperature: 0.5,
    topP: 0.9,
    topK: 40,
    seed: 7,
    stopSequences: ['END'],
    presencePenalty: 1,
    frequencyPenalty: -1,
  };

  test('generation 2.0 takes all of it', () => {
    const { config, dropped } = configOf(sampling, FLASH_2, 100);
    expect(config).toEqual({ ...sampling, maxOutputTokens: 100 });
    expect(dropped).toEqual([]);
  });

  test('later ones refuse penalties, and the newest heed no sampling: named, but for values that change nothing', () => {
    expect(configOf(sampling, FLASH_25).dropped).toEqual(['presencePenalty', 'frequencyPenalty']);
    expect(configOf(sampling, FLASH_38)).toEqual({
      config: { seed: 7, stopSequences: ['END'] },
      dropped: ['temperature', 'topP', 'topK', 'presencePenalty', 'frequencyPenalty'],
    });
    expect(configOf({ temperature: 1, topP: 1, presencePenalty: 0 }, FLASH_38)).toEqual({ config: {}, dropped: [] });
  });

  test('five stop sequences, none empty; a seed of 32 bits; likelihoods where the model tells them', () => {
    const stops = ['a', '', 'b', 'c', 'd', 'e', 'f'];
    expect(configOf({ stopSequences: stops })).toEqual({
      config: { stopSequences: ['a', 'b', 'c', 'd', 'e'] },
      dropped: ['stopSequences'],
    });
    expect(configOf({ seed: 2 ** 40 }).config['seed']).toBeLessThan(2 ** 31);
    expect(configOf({ logprobs: { top: 30 } }, FLASH_25).config).toEqual({ responseLogprobs: true, logprobs: 20 });
    expect(configOf({ logprobs: { top: 0 } }, FLASH_25).config).toEqual({ responseLogprobs: true });
    expect(configOf({ logprobs: { top: 2 } }, PRO_31)).toEqual({ config: {}, dropped: ['logprobs'] });
  });
});

describe('thinking', () => {
  const thinkingOf = (reasoning: Conversation['reasoning'], model: string, limit?: number) => {
    const { config, dropped } = configOf({ ...(reasoning && { reasoning }) }, model, limit);
    return [config['thinkingConfig'], dropped];
  };

  test.each<[string, Conversation['reasoning'], object | undefined, string[]]>([
    [FLASH_25, undefined, undefined, []],
    [FLASH_25, { effort: 'none' }, { thinkingBudget: 0 }, []],
    [PRO_25, { effort: 'none' }, { thinkingBudget: 128 }, ['reasoning.effort']],
    [FLASH_3, { effort: 'none' }, { thinkingLevel: 'minimal' }, ['reasoning.effort']],
    [FLASH_38, { effort: 'none' }, { thinkingLevel: 'low' }, ['reasoning.effort']],
    [FLASH_25, { effort: 'low' }, { thinkingBudget: 1_024, includeThoughts: true }, []],
    [FLASH_25, { effort: 'max' }, { thinkingBudget: 24_576, includeThoughts: true }, []],
    [PRO_25, { effort: 'max' }, { thinkingBudget: 32_768, includeThoughts: true }, []],
    [FLASH_25, { budgetTokens: 5_000 }, { thinkingBudget: 5_000, includeThoughts: true }, []],
    [FLASH_25, { budgetTokens: 90_000 }, { thinkingBudget: 24_576, includeThoughts: true }, ['reasoning.budgetTokens']],
    [
      'gemini-2.5-flash-lite',
      { budgetTokens: 100 },
      { thinkingBudget: 512, includeThoughts: true },
      ['reasoning.budgetTokens'],
    ],
    [FLASH_3, { effort: 'minimal' }, { thinkingLevel: 'minimal', includeThoughts: true }, []],
    [FLASH_38, { effort: 'minimal' }, { thinkingLevel: 'low', includeThoughts: true }, []],
    ['gemini-3-pro-preview', { effort: 'medium' }, { thinkingLevel: 'high', includeThoughts: true }, []],
    [PRO_31, { effort: 'medium' }, { thinkingLevel: 'medium', includeThoughts: true }, []],
    [PRO_31, { effort: 'xhigh' }, { thinkingLevel: 'high', includeThoughts: true }, []],
    [PRO_31, { budgetTokens: 1_024 }, { thinkingLevel: 'low', includeThoughts: true }, []],
    [PRO_31, { budgetTokens: 4_096 }, { thinkingLevel: 'medium', includeThoughts: true }, []],
    [PRO_31, { budgetTokens: 32_000 }, { thinkingLevel: 'high', includeThoughts: true }, []],
    ['gemini-flash-latest', { effort: 'minimal' }, { thinkingLevel: 'low', includeThoughts: true }, []],
    [FLASH_2, { effort: 'high' }, undefined, ['reasoning']],
    [FLASH_2, { effort: 'none' }, undefined, []],
    ['gemma-3-27b-it', { budgetTokens: 1_024 }, undefined, ['reasoning']],
  ])('%s: %j is asked for as %j', (model, reasoning, expected, dropped) => {
    expect(thinkingOf(reasoning, model)).toEqual([expected, dropped]);
  });

  test('a budget leaves room for the answer', () => {
    expect(thinkingOf({ effort: 'high' }, FLASH_25, 1_000)[0]).toMatchObject({ thinkingBudget: 800 });
    expect(thinkingOf({ budgetTokens: 4_000 }, FLASH_25, 1_000)).toEqual([
      { thinkingBudget: 999, includeThoughts: true },
      ['reasoning.budgetTokens'],
    ]);
  });
});

test('what only the client’s dialect has, the user, and further choices are named', () => {
  const { dropped } = encode({ sameDialectOnly: ['logit_bias'], user: 'u', choices: 2 });
  expect(dropped).toEqual(['logit_bias', 'choices', 'user']);
});
