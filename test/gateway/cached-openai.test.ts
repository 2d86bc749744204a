import { afterEach, describe, expect, test } from '@jest/globals';
import { type FaultUpstream, openaiChunk, openaiResponse, startUpstream } from '../support/fault-upstream.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';
import { ask, entries, PRICE, said } from './ask-cached.ts';

let running: TestGateway | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

describe('a provider of OpenAI’s own language', () => {
  let upstream: FaultUpstream | undefined;
  afterEach(async () => {
    await upstream?.stop();
    upstream = undefined;
  });

  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
  /** It knows the answers that it was to store, and no others; each of its answers is another. @param message what its chat says beside */
  const startStoring = async (api?: 'chat' | 'responses', message: object = {}): Promise<TestGateway> => {
    const stored = new Set<unknown>();
    upstream = await startUpstream(({ path, body }, reply) => {
      const number = upstream?.requests.length ?? 0;
      const json = (status: number, answer: object) =>
        void reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      if (path.endsWith('/responses')) {
        const earlier = body['previous_response_id'];
        if (earlier !== undefined && !stored.has(earlier))
          return json(404, { error: { message: `Previous response with id '${earlier}' not found.`, code: 'x' } });
        if (body['store'] !== false) stored.add(`resp_${number}`);
        return json(200, openaiResponse(`Answer ${number}`, `resp_${number}`));
      }
      const said = { role: 'assistant', content: `Answer ${number}`, ...message };
      if (body['stream'] === true) {
        reply.writeHead(200, { 'content-type': 'text/event-stream' });
        return void reply.end(`${openaiChunk(said)}${openaiChunk({}, 'stop')}data: [DONE]\n\n`);
      }
      const choices = [{ index: 0, message: said, finish_reason: 'stop' }];
      return json(200, { id: 'c', object: 'chat.completion', created: 1, model: 'm-1', choices, usage });
    });
    const capabilities = ['tools', 'streaming'] as const;
    const target = { provider: 'it', model: 'm-1', price: PRICE, contextTokens: 10_000, maxOutputTokens: 1_000 };
    running = await startGateway(
      {
        providers: { it: { kind: 'openai', baseUrl: upstream.baseUrl, apiKey: 'env:KEY', ...(api && { api }) } },
        models: {
          assistant: { targets: [{ ...target, capabilities: [...capabilities] }], cache: { exact: '1h' } },
        },
        pins: { floating: 'allow' },
      },
      { env: { KEY: 'sk-vendor' } },
    );
    return running;
  };

  const respond = (gateway: TestGateway, body: object) =>
    fetch(`${gateway.url}/v1/responses`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'assistant', input: 'Where is Rome?', ...body }),
    });
  const responded = async (gateway: TestGateway, body: object = {}) => {
    const reply = await respond(gateway, body);
    return {
      ...((await reply.json()) as { id: string }),
      cache: reply.headers.get('x-tollgate-cache'),
      status: reply.status,
    };
  };

  test.each([
    ['store left out', {}],
    ['store: null', { store: null }],
  ])('that stores its answers (%s) is asked each time, so that every answer can be gone on from', async (_, body) => {
    const gateway = await startStoring();
    for (let i = 0; i < 3; i++) {
      const first = await responded(gateway, body);
      expect(first).toMatchObject({ status: 200, cache: 'off' });
      expect(await responded(gateway, { input: 'And then?', previous_response_id: first.id })).toMatchObject({
        status: 200,
        cache: 'off',
      });
    }
    await gateway.gateway.whenIdle();
    expect((await entries(gateway)).at(-1)?.receipt.cache).toEqual({ result: 'off', why: 'stored-by-provider' });
    const only = await fetch(`${gateway.url}/v1/responses`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${gateway.key}`,
        'content-type': 'application/json',
        'x-tollgate-cache': 'only',
      },
      body: JSON.stringify({ model: 'assistant', input: 'Where is Rome?', ...body }),
    });
    expect([only.status, await only.text()]).toEqual([404, expect.stringContaining('stored-by-provider')]);
  });

  test('that is told to store nothing is asked once', async () => {
    const gateway = await startStoring();
    const [first, again] = [await responded(gateway, { store: false }), await responded(gateway, { store: false })];
    expect([first.cache, again.cache]).toEqual(['miss', 'hit-exact']);
    expect(again).toMatchObject({ store: false, output: [{ content: [{ text: 'Answer 1' }] }] });
  });

  test('that is asked in another language stores nothing anyway, and is asked once', async () => {
    const gateway = await startStoring('chat');
    const [first, again] = [await responded(gateway), await responded(gateway)];
    expect([first, again]).toMatchObject([
      { cache: 'miss', store: false },
      { cache: 'hit-exact', store: false },
    ]);
    // In that language it is asked to store by its client alone.
    const stores = [await said(ask(gateway, 'Keep it', { body: { store: true } }))];
    stores.push(await said(ask(gateway, 'Keep it', { body: { store: true } })));
    expect(stores).toMatchObject([{ cache: 'off' }, { cache: 'off' }]);
  });

  test.each([
    ['an image', { images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }] }],
    ['a voice', { audio: { id: 'a', data: 'AAAA', transcript: 'Hi', expires_at: 1 } }],
    ['a file', { annotations: [{ type: 'file', file: { hash: 'h' } }] }],
    ['what nobody knows yet', { quite_new: { a: [1] } }],
  ] as [string, object][])(
    'that answers with %s beside the text is asked each time, and heard whole',
    async (_, message) => {
      const gateway = await startStoring(undefined, message);
      for (const stream of [false, false, true, true]) {
        const answer = await said(ask(gateway, 'Draw', { body: { stream } }));
        expect(answer).toMatchObject({ status: 200, cache: 'miss' });
        for (const name of Object.keys(message)) expect(answer.body).toContain(`"${name}":`);
      }
      await gateway.gateway.whenIdle();
      for (const { receipt } of await entries(gateway)) {
        expect(receipt.cache).toMatchObject({ result: 'miss', notKept: 'unsaid' });
        // The client has got all of it.
        expect(receipt.dropped ?? []).toEqual([]);
      }
    },
  );

  test('is kept from a client of another language in what that can’t say: it is told so', async () => {
    const gateway = await startStoring(undefined, { images: [{ type: 'image_url', image_url: { url: 'data:,' } }] });
    const reply = await fetch(`${gateway.url}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': gateway.key, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'assistant', max_tokens: 50, messages: [{ role: 'user', content: 'Draw' }] }),
    });
    expect(reply.headers.get('x-tollgate-dropped')).toBe('answer: images');
    expect(await reply.json()).toMatchObject({ content: [{ type: 'text', text: 'Answer 1' }] });
  });

  test('is shown the tools that may not be called: others make another request', async () => {
    const gateway = await startStoring();
    const tool = (name: string) => ({
      type: 'function',
      name,
      parameters: { type: 'object', properties: {} },
      strict: true,
    });
    const asking = (other: string) =>
      responded(gateway, {
        store: false,
        tools: [tool('f'), tool(other)],
        tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'f' }] },
      });
    const caches = [];
    for (const other of ['g', 'h', 'g']) caches.push((await asking(other)).cache);
    expect(caches).toEqual(['miss', 'miss', 'hit-exact']);
  });

  test('is told who says it: a developer’s words and the system’s make two requests', async () => {
    const gateway = await startStoring();
    const caches = [];
    for (const role of ['system', 'developer', 'system', 'developer']) {
      const messages = [
        { role, content: 'Be brief.' },
        { role: 'user', content: 'Where is Rome?' },
      ];
      caches.push((await said(ask(gateway, '', { body: { messages } }))).cache);
    }
    expect(caches).toEqual(['miss', 'miss', 'hit-exact', 'hit-exact']);
  });
});
