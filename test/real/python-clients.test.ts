/** OpenAI's and Anthropic's Python clients, unchanged, with a base URL and a key: whatever language the target speaks. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Behaviour } from '../support/fault-upstream.ts';
import { startGateway } from '../support/start-gateway.ts';
import {
  answering,
  breakingOff,
  endless,
  INPUT_TOKENS,
  OUTPUT_TOKENS,
  openaiVendor,
  refusing,
  startVendorGateway,
  VENDORS,
} from '../support/vendors.ts';
import { installPython } from './support/install-python.ts';

const SUPPORT = join(import.meta.dirname, 'support');
const CALLS = [
  { id: 'call_paris', name: 'get_weather', input: { city: 'Paris' } },
  { id: 'call_oslo', name: 'get_weather', input: { city: 'Øslo "N"' } },
];
const USAGE = [INPUT_TOKENS, OUTPUT_TOKENS];

let python: ChildProcessByStdio<Writable, Readable, null>;
let lines: AsyncIterator<string>;
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const bin = await installPython(join(SUPPORT, 'python-clients.txt'), 'python-clients');
  python = spawn(join(bin, 'python'), [join(SUPPORT, 'python-clients.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
}, 300_000);
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => {
  python.kill();
});

/** One order a line, one result a line. @throws {Error} where the script has died */
const run = async (order: { client: string; do: string; url: string; key: string }): Promise<unknown> => {
  python.stdin.write(`${JSON.stringify(order)}\n`);
  const { done, value } = await lines.next();
  if (done === true) throw new Error('the Python clients have ended: see what they printed');
  return JSON.parse(value);
};

const STOPS = { openai: 'stop', anthropic: 'end_turn' };
const CLIENTS = ['openai', 'anthropic'] as const;
const cases = CLIENTS.flatMap((client) => VENDORS.map(([language, vendor]) => [client, language, vendor] as const));

describe.each(cases)('%s in Python, a target that speaks %s', (client, _, vendor) => {
  const open = async (behave: Behaviour) => {
    const opened = await startVendorGateway(vendor, behave);
    cleanups.push(opened.stop);
    const { url, key } = opened.gateway;
    return { ...opened, ask: (what: string) => run({ client, do: what, url, key }) };
  };

  test('text, its end and its usage', async () => {
    const { ask } = await open(answering(vendor, { pieces: ['Bonjour', ' 😀'] }));
    expect(await ask('text')).toEqual({ result: { text: 'Bonjour 😀', stop: STOPS[client], usage: USAGE } });
  });

  test('a stream and its usage', async () => {
    const { ask } = await open(answering(vendor, { pieces: ['One', ', two', ', 三'] }));
    expect(await ask('stream')).toEqual({ result: { text: 'One, two, 三', usage: USAGE } });
  });

  test('two tools are called and their results go back', async () => {
    const { ask } = await open(answering(vendor, { calls: CALLS }, { pieces: ['Sunny in both.'] }));
    expect(await ask('tools')).toEqual({ result: { calls: CALLS.map(({ input }) => input), text: 'Sunny in both.' } });
  });

  test('structured output is parsed', async () => {
    const { ask } = await open(answering(vendor, { pieces: ['{"city":"Paris",', '"people":2100000}'] }));
    expect(await ask('structured')).toEqual({ result: { city: 'Paris', people: 2_100_000 } });
  });

  test('left in the middle of a stream: the provider is stopped and the request settled', async () => {
    const { ask, upstream, gateway } = await open(endless(vendor));
    expect(await ask('abort')).toEqual({ result: { words: 3 } });
    await upstream.requests[0]?.closed;
    await gateway.gateway.whenIdle();
    const [entry] = await gateway.gateway.ports.ledger.tail({ limit: 1 });
    expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'client-gone' } });
  });

  test('a timeout of the client’s is its own error, and the request is settled', async () => {
    const { ask, gateway } = await open(() => {});
    expect(await ask('timeout')).toMatchObject({ error: { class: 'APITimeoutError' } });
    await gateway.gateway.whenIdle();
    const [entry] = await gateway.gateway.ports.ledger.tail({ limit: 1 });
    expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'client-gone' } });
  });

  test('a refusal of the provider is the client’s own error, with its message', async () => {
    const { ask } = await open(refusing(vendor, 400, 'temperature is too hot'));
    expect(await ask('text')).toMatchObject({
      error: { class: 'BadRequestError', status: 400, message: expect.stringContaining('temperature is too hot') },
    });
  });

  test('a stream that breaks off is an error, not an end', async () => {
    const { ask } = await open(breakingOff(vendor, { pieces: ['Half'] }, (response) => response.destroy()));
    expect(await ask('stream')).toMatchObject({ error: { class: expect.stringMatching(/^API(Status)?Error$/) } });
  });
});

describe.each(VENDORS)('OpenAI’s Responses in Python, a target that speaks %s', (_, vendor) => {
  test('an answer, whole and streamed', async () => {
    const { gateway, stop } = await startVendorGateway(vendor, answering(vendor, { pieces: ['Bonjour', ' 😀'] }));
    cleanups.push(stop);
    const text = 'Bonjour 😀';
    expect(await run({ client: 'openai', do: 'responses', url: gateway.url, key: gateway.key })).toEqual({
      result: { text, streamed: text, final: text },
    });
  });
});

test('a stream in no vendor’s usual shape is put together in Python', async () => {
  const deltas = [
    { content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] }] },
    { content: [{ type: 'text', text: 'Ans' }] },
    { content: 'wer' },
    { tool_calls: [{ function: { name: 'f', arguments: '{"a":' } }] },
    { tool_calls: [{ function: { arguments: '1}' } }] },
    { tool_calls: [{ id: 'b', function: { name: 'g', arguments: { b: 2 } } }] },
    { tool_calls: [{ id: 'b', function: { name: 'g' } }] },
  ];
  const chunks = deltas.map((delta, at) => ({
    id: 'c',
    object: 'chat.completion.chunk',
    model: 'm',
    choices: [{ delta, finish_reason: at === deltas.length - 1 ? 'tool_calls' : null }],
  }));
  const { gateway, stop } = await startVendorGateway(openaiVendor, (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(`${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')}data: [DONE]\n\n`);
  });
  cleanups.push(stop);
  expect(await run({ client: 'openai', do: 'assembled', url: gateway.url, key: gateway.key })).toEqual({
    result: {
      role: 'assistant',
      text: 'Answer',
      calls: [
        ['call_c_0', 'f', '{"a":1}'],
        ['b', 'g', '{"b":2}'],
      ],
    },
  });
});

test('embeddings in Python: as many vectors as texts, of the length that was asked for', async () => {
  const target = { provider: 'demo', model: 'embed-16' } as const;
  const gateway = await startGateway({
    providers: { demo: { kind: 'simulator' } },
    models: { embedder: { targets: [target] } },
  });
  cleanups.push(gateway.stop);
  expect(await run({ client: 'openai', do: 'embeddings', url: gateway.url, key: gateway.key })).toEqual({
    result: { lengths: [8, 8] },
  });
});
