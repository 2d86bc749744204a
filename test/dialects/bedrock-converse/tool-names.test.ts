/** Bedrock takes letters, digits, `_` and `-` in a tool's name; clients of other vendors have more. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import { bedrockConverse } from '../../../lambdas/dialects/bedrock-converse/codec.ts';
import { fitToolName, toolNameOf } from '../../../lambdas/dialects/bedrock-converse/fit-names.ts';
import { encode, HELLO } from './encoding.ts';

const NAME = 'a.b:c-d';

describe('a name that Bedrock does not take', () => {
  test('is the same in the tools, the choice and the history, and one that it takes', () => {
    const { body } = encode({
      tools: [{ name: NAME }],
      toolChoice: { type: 'tool', name: NAME },
      turns: [
        HELLO,
        { role: 'assistant', parts: [{ type: 'tool-call', id: 'x', name: NAME, arguments: '{}' }] },
        HELLO,
      ],
    });
    const sent = JSON.stringify(body);
    expect(sent).not.toContain(NAME);
    expect(sent.split('"a_x2e_b_x3a_c-d"').length - 1).toBe(3);
  });

  test('is the client’s own again in an answer, whole or streamed', () => {
    const toolUse = { toolUseId: 'x', name: fitToolName(NAME), input: {} };
    const reply: JsonObject = { output: { message: { content: [{ toolUse }] } }, stopReason: 'tool_use' };
    expect(bedrockConverse.decodeAnswer(reply)?.parts).toMatchObject([{ name: NAME }]);
    const start = { contentBlockIndex: 0, start: { toolUse: { toolUseId: 'x', name: fitToolName(NAME) } } };
    const events = bedrockConverse.decodeStream().push({ type: 'contentBlockStart', data: start });
    expect(events.at(-1)).toMatchObject({ type: 'tool-call-start', name: NAME });
  });

  test('comes back from whatever it was made, and a name that is taken stays', () => {
    const names = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[_x0-9a-f.]{0,12}$/),
      fc.constantFrom('_x2e_', '__x2e__', '_x5f_x2e_', 'weather', 'axis_x1.set', 'a_x1:x2'),
    );
    fc.assert(
      fc.property(names, (name) => {
        expect(fitToolName(name)).toMatch(/^[A-Za-z0-9_-]*$/);
        expect(toolNameOf(fitToolName(name))).toBe(name);
      }),
      { numRuns: 500 },
    );
    expect(toolNameOf(fitToolName('axis_x1.set'))).toBe('axis_x1.set');
    expect([fitToolName('get_weather-2'), toolNameOf('get_weather-2')]).toEqual(['get_weather-2', 'get_weather-2']);
  });
});
