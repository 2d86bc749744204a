import { describe, expect, test } from '@jest/globals';
import type { Conversation, JsonObject, JsonValue } from '../../../lambdas/core/conversation.ts';
import { gemini } from '../../../lambdas/dialects/gemini/codec.ts';

const HELLO = { role: 'user', parts: [{ text: 'Hello!' }] };

const decode = (body: JsonObject): Conversation => {
  const decoded = gemini.decodeRequest({ contents: [HELLO], ...body });
  if (!decoded.ok) throw new Error(decoded.problem.message);
  return decoded.value;
};

const partsOf = (contents: JsonValue[]) => decode({ contents }).turns.map(({ parts }) => parts);

describe('calls and results without ids', () => {
  const called = (name: string) => ({ functionCall: { name } });
  const told = (name: string, result: string) => ({ functionResponse: { name, response: { result } } });

  test('pair by name, then by order', () => {
    const [, calls, results] = partsOf([
      HELLO,
      { role: 'model', parts: [called('a'), called('b'), called('a')] },
      { role: 'user', parts: [told('b', '1'), told('a', '2'), told('a', '3')] },
    ]);
    expect(calls).toMatchObject([{ id: 'call_0', arguments: '{}' }, { id: 'call_1' }, { id: 'call_2' }]);
    expect(results).toMatchObject([
      { callId: 'call_1', content: [{ text: '1' }] },
      { callId: 'call_0', content: [{ text: '2' }] },
      { callId: 'call_2', content: [{ text: '3' }] },
    ]);
  });

  test('a result of another name is of the first call that waits', () => {
    const [, , results] = partsOf([
      HELLO,
      { role: 'model', parts: [called('a')] },
      { role: 'function', parts: [told('z', '1')] },
    ]);
    expect(results).toMatchObject([{ callId: 'call_0' }]);
  });
});

describe('both spellings of a field', () => {
  test('are read', () => {
    const conversation = decode({
      system_instruction: { parts: [{ text: 'Be brief.' }] },
      tools: [{ function_declarations: [{ name: 'a', parameters: { type: 'OBJECT' } }] }],
      tool_config: { function_calling_config: { mode: 'any', allowed_function_names: ['a'] } },
      generation_config: {
        max_output_tokens: 9,
        top_p: 0.5,
        response_mime_type: 'application/json',
        thinking_config: { thinking_budget: 0 },
        candidate_count: 2,
      },
      safety_settings: [],
      contents: [
        {
          parts: [
            { inline_data: { mime_type: 'image/png', data: '_-8' } },
            { file_data: { file_uri: 'https://a.example/b', mime_type: 'application/pdf' } },
          ],
        },
      ],
    });
    expect(conversation).toMatchObject({
      turns: [
        { role: 'system', parts: [{ text: 'Be brief.' }] },
        {
          role: 'user',
          parts: [
            { type: 'image', source: { type: 'base64', mediaType: 'image/png', data: '/+8=' } },
            { type: 'document', source: { type: 'url', url: 'https://a.example/b' } },
          ],
        },
      ],
      tools: [{ name: 'a', parameters: { type: 'object' } }],
      toolChoice: { type: 'tool', name: 'a' },
      maxOutputTokens: 9,
      topP: 0.5,
      format: { type: 'json' },
      reasoning: { effort: 'none' },
      choices: 2,
      sameDialectOnly: ['safety_settings'],
    });
  });
});

describe('what costs more than tokens', () => {
  test.each<[JsonObject, object[]]>([
    [
      { tools: [{ googleSearch: {} }] },
      [{ kind: 'tool', tool: 'web-search', bound: 'googleSearch', isDispensable: false }],
    ],
    [{ tools: [{ urlContext: {} }] }, [{ kind: 'tool', tool: 'web-fetch' }]],
    [{ tools: [{ codeExecution: {} }] }, [{ kind: 'unpriced', bound: 'codeExecution' }]],
    [{ serviceTier: 'flex' }, [{ kind: 'service', service: 'flex', isDispensable: true }]],
    [{ serviceTier: 'standard' }, []],
    [{ generationConfig: { responseModalities: ['TEXT'] } }, []],
    [{ generationConfig: { responseModalities: ['TEXT', 'AUDIO'] } }, [{ kind: 'audio' }]],
    [{ generationConfig: { responseModalities: ['IMAGE'] } }, [{ kind: 'unpriced' }]],
  ])('%j', (body, costs) => {
    expect(decode(body).costBearing).toMatchObject(costs);
    expect(decode(body).costBearing).toHaveLength(costs.length);
  });
});

describe('choices among functions', () => {
  const tools = [{ functionDeclarations: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] }];
  const choiceOf = (functionCallingConfig: JsonObject) => {
    const { tools: left, toolChoice } = decode({ tools, toolConfig: { functionCallingConfig } });
    return [toolChoice, left.map(({ name }) => name).join('')];
  };

  test.each<[JsonObject, object | undefined, string]>([
    [{ mode: 'AUTO' }, { type: 'auto' }, 'abc'],
    [{ mode: 'NONE' }, { type: 'none' }, 'abc'],
    [{ mode: 'ANY' }, { type: 'required' }, 'abc'],
    [{ mode: 'ANY', allowedFunctionNames: ['a', 'c'] }, { type: 'required' }, 'ac'],
    [{ mode: 'VALIDATED', allowedFunctionNames: ['b'] }, { type: 'auto' }, 'b'],
    [{}, undefined, 'abc'],
  ])('%j', (config, choice, names) => {
    expect(choiceOf(config)).toEqual([choice, names]);
  });
});

test.each<[JsonValue, string]>([
  [null, 'body'],
  [{ contents: [] }, 'contents'],
  [{ contents: [{ role: 'tool', parts: [] }] }, 'contents[0].role'],
  [{ contents: [{ parts: [{ videoMetadata: {} }] }] }, 'contents[0].parts[0]'],
  [{ contents: [{ parts: [{ inlineData: { mimeType: 'audio/wav', data: '' } }] }] }, 'contents[0].parts[0]'],
  [{ contents: [HELLO], generationConfig: { temperature: 'hot' } }, 'generationConfig.temperature'],
])('%j is refused at %s', (body, param) => {
  expect(gemini.decodeRequest(body)).toMatchObject({ ok: false, problem: { param } });
});
