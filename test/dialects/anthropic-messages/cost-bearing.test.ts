import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';

const minimal = { model: 'assistant', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] };
const decoded = (more: JsonObject) => {
  const result = anthropicMessages.decodeRequest({ ...minimal, ...more });
  if (!result.ok) throw new Error(result.problem.message);
  return result.value;
};
const tool = (type: string, more: JsonObject = {}): JsonObject => ({ tools: [{ type, name: 'x', ...more }] });

/** Every field of this dialect that can cost money, and how. */
describe('what a request asks for beyond its tokens', () => {
  test.each<[JsonObject, object]>([
    [{ speed: 'fast' }, { field: 'speed', kind: 'service', service: 'fast', isDispensable: true }],
    [{ speed: 'ludicrous' }, { field: 'speed', kind: 'unpriced' }],
    [{ inference_geo: 'US' }, { field: 'inference_geo', kind: 'geo', geo: 'us', isDispensable: false }],
    [{ inference_geo: 'global' }, { kind: 'geo', geo: '' }],
    [{ inference_geo: 7 }, { kind: 'unpriced' }],
    [{ service_tier: 'priority' }, { field: 'service_tier', kind: 'unpriced' }],
    [{ container: 'c_1' }, { field: 'container', kind: 'unpriced', bound: 'container' }],
    [{ mcp_servers: [{ type: 'url', url: 'https://e.com', name: 'x' }] }, { field: 'mcp_servers', kind: 'unpriced' }],
    [{ fallbacks: 'default' }, { kind: 'unpriced' }],
    [{ fallback_credit_token: 't' }, { kind: 'unpriced' }],
    [{ billing_policy: {} }, { kind: 'unpriced' }],
    [{ compaction: {} }, { kind: 'unpriced' }],
    [{ context_management: { edits: [{ type: 'compact_20260112' }] } }, { kind: 'unpriced' }],
    [
      tool('web_search_20250305', { max_uses: 3 }),
      { field: 'tools: web_search_20250305', bound: 'web_search', kind: 'tool', tool: 'web-search', uses: 3 },
    ],
    [tool('web_search_20260318'), { kind: 'tool', tool: 'web-search' }],
    [tool('web_fetch_20250910', { max_uses: 2 }), { bound: 'web_fetch', kind: 'tool', tool: 'web-fetch', uses: 2 }],
    [tool('code_execution_20250825'), { kind: 'unpriced', bound: 'code_execution' }],
    [tool('advisor_20260301'), { kind: 'unpriced', bound: 'advisor' }],
    [tool('mcp_toolset'), { kind: 'unpriced', bound: 'mcp_toolset' }],
    [tool('tool_search_tool_bm25_20251119'), { kind: 'unpriced', bound: 'tool_search_tool_bm25' }],
    [tool('something_new_20270101'), { kind: 'unpriced', bound: 'something_new' }],
  ])('%j', (more, expected) => {
    expect(decoded(more).costBearing).toEqual([
      expect.objectContaining({ dialect: 'anthropic-messages', ...expected }),
    ]);
  });

  test.each<JsonObject>([
    { service_tier: 'auto' },
    { service_tier: 'standard_only' },
    { speed: 'standard' },
    { mcp_servers: [] },
    { context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] } },
    { cache_control: { type: 'ephemeral', ttl: '1h' } },
    tool('bash_20250124'),
    tool('memory_20250818'),
  ])('%j costs its tokens at standard rates', (more) => {
    expect(decoded(more).costBearing).toEqual([]);
  });

  test('every search tool counts, also two of one type under different names', () => {
    const tools = ['a', 'b'].map((name) => ({ type: 'web_search_20250305', name, max_uses: 5 }));
    expect(decoded({ tools }).costBearing).toMatchObject([{ uses: 5 }, { uses: 5 }]);
  });

  test.each([0, -1, 1.5, 101, '3'])('max_uses %p is refused', (uses) => {
    const result = anthropicMessages.decodeRequest({ ...minimal, ...tool('web_search_20250305', { max_uses: uses }) });
    expect(result).toMatchObject({ ok: false, problem: { param: 'tools[0].max_uses' } });
  });
});

describe('what an answer says it was billed by', () => {
  const billed = (usage: JsonObject) =>
    anthropicMessages.decodeAnswer({
      type: 'message',
      role: 'assistant',
      content: [{ type: 'text', text: 'hi' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 1, output_tokens: 1, ...usage },
    })?.usage?.billed;

  test.each<[JsonObject, object | undefined]>([
    [{}, undefined],
    [
      { service_tier: 'standard', inference_geo: 'global' },
      { service: 'standard', geo: '' },
    ],
    [{ service_tier: 'priority' }, { service: 'standard' }],
    [{ service_tier: 'standard', speed: 'fast' }, { service: 'fast' }],
    [{ inference_geo: 'not_available' }, { geo: '' }],
    [{ inference_geo: 'us' }, { geo: 'us' }],
    [{ inference_geo: null, speed: null, service_tier: null, server_tool_use: null }, undefined],
    [{ server_tool_use: { web_search_requests: 2, web_fetch_requests: 1 } }, { webSearches: 2 }],
  ])('%j is %j', (usage, expected) => {
    expect(billed(usage)).toEqual(expected);
  });
});

describe('uses that are set', () => {
  const target = {
    model: 'm',
    modelMaxOutputTokens: 10,
    stream: false,
    reasoningModel: false,
    maxWebSearches: 2,
    maxWebFetches: 4,
  };

  test('on tools whose uses the request leaves open, by their kind', () => {
    const tools = [
      { type: 'web_search_20250305', name: 'web_search' },
      { type: 'web_fetch_20250910', name: 'web_fetch', max_uses: null },
      { type: 'web_search_20260318', name: 'other', max_uses: 1 },
      { name: 'f', input_schema: { type: 'object' } },
    ];
    expect(anthropicMessages.relayRequest({ ...minimal, tools }, target).tools).toEqual([
      { ...tools[0], max_uses: 2 },
      { ...tools[1], max_uses: 4 },
      tools[2],
      tools[3],
    ]);
  });
});
