import type { Clock } from '../../core/ports.ts';

/** A gateway as the smoke test reaches it. */
export interface Gateway {
  /** Without `/v1` and without a slash at the end. */
  baseUrl: string;
  key: string;
  timeoutMs: number;
  clock: Pick<Clock, 'now'>;
}

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  /** The body as JSON; undefined where it is none. */
  json: unknown;
  durationMs: number;
}

/** A stream as it came: every piece of text with the time since the request, ms. */
export interface StreamedReply {
  status: number;
  headers: Headers;
  pieces: { atMs: number; text: string }[];
}

export interface Call {
  method?: 'GET' | 'POST';
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** `https://host/base`, `…/base/` and `…/base/v1` are the same gateway. @returns undefined where it is no http(s) URL */
export const readBaseUrl = (text: string): string | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '').replace(/\/v1$/, '');
};

export const request = async (gateway: Gateway, call: Call): Promise<Reply> => {
  const startedAt = gateway.clock.now();
  const response = await send(gateway, call);
  const text = await response.text();
  const { status, headers } = response;
  return { status, headers, text, json: parse(text), durationMs: gateway.clock.now() - startedAt };
};

export const requestStream = async (gateway: Gateway, call: Call): Promise<StreamedReply> => {
  const startedAt = gateway.clock.now();
  const response = await send(gateway, call);
  const pieces: StreamedReply['pieces'] = [];
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? [])
    pieces.push({ atMs: gateway.clock.now() - startedAt, text: decoder.decode(bytes, { stream: true }) });
  return { status: response.status, headers: response.headers, pieces };
};

const send = ({ baseUrl, key, timeoutMs }: Gateway, call: Call): Promise<Response> =>
  fetch(`${baseUrl}${call.path}`, {
    method: call.method ?? (call.body === undefined ? 'GET' : 'POST'),
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...call.headers },
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  });

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};

/** The value at a path of names and indexes; undefined where there is none. */
export const at = (value: unknown, ...path: (string | number)[]): unknown => {
  let found = value;
  for (const step of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Record<string | number, unknown>)[step];
  }
  return found;
};

/** Why a request got no answer at all, in the words of the system. */
export const describeError = (error: unknown): string => {
  // Told by its shape: an error of another realm, or a DOMException, is none of our `Error`.
  const { name, message, cause } = Object(error) as { name?: unknown; message?: unknown; cause?: unknown };
  if (name === 'TimeoutError') return 'no answer in time';
  const { code, message: why } = Object(cause) as { code?: unknown; message?: unknown };
  return String(code ?? why ?? message ?? error);
};
