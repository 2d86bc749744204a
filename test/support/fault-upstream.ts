import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface UpstreamRequest {
  path: string;
  headers: IncomingMessage['headers'];
  body: Record<string, unknown>;
  arrivedAt: number;
  /** Resolves when the connection of this request has closed, with when it did. */
  closed: Promise<number>;
}

export interface FaultUpstream {
  /** `http://127.0.0.1:PORT/v1` */
  baseUrl: string;
  requests: UpstreamRequest[];
  stop(): Promise<void>;
}

export type Behaviour = (request: UpstreamRequest, response: ServerResponse) => void | Promise<void>;

/** A provider over real HTTP that does whatever the test says: it stands in for OpenAI's or Anthropic's own servers. */
export const startUpstream = async (behave: Behaviour): Promise<FaultUpstream> => {
  const requests: UpstreamRequest[] = [];
  const server = createServer(async (incoming, response) => {
    const arrivedAt = performance.now();
    const closed = new Promise<number>((resolve) => response.on('close', () => resolve(performance.now())));
    let text = '';
    incoming.setEncoding('utf8');
    for await (const chunk of incoming) text += chunk;
    const request = {
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: JSON.parse(text || '{}'),
      arrivedAt,
      closed,
    };
    requests.push(request);
    await behave(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

export const openaiAnswer = (text: string) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'vendor-model-2026-01-01',
  choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
});

/** As OpenAI's Responses give it. */
export const openaiResponse = (text: string, id = 'resp_1') => ({
  id,
  object: 'response',
  created_at: 1,
  status: 'completed',
  model: 'vendor-model-2026-01-01',
  output: [
    {
      type: 'message',
      id: `msg_${id}`,
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'output_text', text, annotations: [] }],
    },
  ],
  usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15 },
});

export const openaiChunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'vendor-model-2026-01-01', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;

export const openaiUsageChunk = `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } })}\n\n`;

/** Answers as OpenAI does, streamed or not, as the request asks. */
export const answerWith =
  (text: string): Behaviour =>
  (request, response) => {
    if (request.body['stream'] !== true) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(openaiAnswer(text)));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(
      `${openaiChunk({ role: 'assistant', content: '' })}${openaiChunk({ content: text })}${openaiChunk({}, 'stop')}${openaiUsageChunk}data: [DONE]\n\n`,
    );
  };

export const failWith =
  (status: number, headers: Record<string, string> = {}): Behaviour =>
  (_request, response) => {
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify({ error: { message: `upstream says ${status}`, type: 'upstream_error', code: null } }));
  };
