import type { TestGateway } from '../support/start-gateway.ts';

export const PRICE = { inputPerMTok: '10', outputPerMTok: '100' };

export interface Asking {
  key?: string;
  body?: object;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export const ask = (
  { url, key: demo }: TestGateway,
  words = 'Where is Rome?',
  { key = demo, body, headers, signal }: Asking = {},
): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content: words }], ...body }),
    ...(signal && { signal }),
  });

/** What became of a request: how the cache says it went, and what it said. */
export const said = async (reply: Promise<Response> | Response) => {
  const response = await reply;
  const body = await response.text();
  return {
    status: response.status,
    cache: response.headers.get('x-tollgate-cache'),
    text: body.startsWith('{') ? JSON.parse(body).choices?.[0]?.message?.content : textOfStream(body),
    headers: response.headers,
    body,
  };
};

const textOfStream = (body: string): string =>
  body
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)).choices[0]?.delta?.content ?? '')
    .join('');

export const entries = ({ gateway }: TestGateway) => gateway.ports.ledger.tail({ limit: 100 });
