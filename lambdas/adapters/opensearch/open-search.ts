import { createHash, createHmac } from 'node:crypto';
import { Agent as HttpAgent, request as requestPlain } from 'node:http';
import { Agent as HttpsAgent, request as requestSecure } from 'node:https';
import { SignatureV4 } from '@smithy/signature-v4';
import { StoreUnavailable } from '../../core/ports.ts';

export interface OpenSearchOptions {
  /** `https://….eu-central-1.es.amazonaws.com`, without a trailing slash. */
  endpoint: string;
  /** Every request is signed by AWS's version 4; absent = none is (a server of one's own). */
  signing?: { region: string; credentials: () => Promise<Credentials> };
}

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** One request to OpenSearch. `path` is escaped already; `body` is an object, or the lines of a bulk or multiple search. */
export interface OpenSearchCall {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  query?: Record<string, string>;
  body?: object | readonly object[];
  timeoutMs: number;
}

export interface OpenSearchReply {
  status: number;
  /** `{}` where there was none. */
  body: Record<string, unknown>;
}

export interface OpenSearch {
  /** @throws {StoreUnavailable} without an answer in time, and on statuses that blame the server (429, 5xx) or our rights (401, 403). */
  call(call: OpenSearchCall): Promise<OpenSearchReply>;
  close(): void;
}

/** Longer answers are none that were asked for. */
const MOST_BYTES = 16 * 1024 * 1024;

export const openOpenSearch = ({ endpoint, signing }: OpenSearchOptions): OpenSearch => {
  const base = new URL(endpoint);
  const isSecure = base.protocol === 'https:';
  const agent = isSecure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const send = isSecure ? requestSecure : requestPlain;
  const signer =
    signing &&
    new SignatureV4({ service: 'es', region: signing.region, credentials: signing.credentials, sha256: Sha256 });

  const headersOf = async (
    { method, path, query = {} }: OpenSearchCall,
    body: string,
  ): Promise<Record<string, string>> => {
    const headers = {
      host: base.host,
      'content-type': contentType(body),
      'content-length': String(Buffer.byteLength(body)),
    };
    if (signer === undefined) return headers;
    const signed = await signer.sign({
      method,
      protocol: base.protocol,
      hostname: base.hostname,
      path,
      query,
      headers: { host: headers.host, 'content-type': headers['content-type'] },
      body,
    });
    return { ...signed.headers, 'content-length': headers['content-length'] };
  };

  return {
    async call(call) {
      const body = textOf(call.body);
      const query = new URLSearchParams(call.query).toString();
      const signal = AbortSignal.timeout(call.timeoutMs);
      try {
        const headers = await headersOf(call, body);
        const exchange = () =>
          new Promise<Exchange>((resolve, reject) => {
            const outgoing = send(
              {
                agent,
                hostname: base.hostname,
                port: base.port,
                method: call.method,
                path: query === '' ? call.path : `${call.path}?${query}`,
                headers,
                signal,
              },
              (incoming) => {
                const chunks: Buffer[] = [];
                let bytes = 0;
                incoming.on('data', (chunk: Buffer) => {
                  bytes += chunk.length;
                  if (bytes > MOST_BYTES) incoming.destroy(new Error('the answer is too long'));
                  else chunks.push(chunk);
                });
                incoming.on('error', reject);
                incoming.on('end', () =>
                  resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
                );
              },
            );
            outgoing.on('error', (error) =>
              // Closed while this process was frozen or idle, most likely. Nothing that is asked does harm when it is asked twice.
              outgoing.reusedSocket && isReset(error) ? resolve('stale') : reject(error),
            );
            outgoing.end(body);
          });
        // Each stale one has left the agent, so this ends with a new connection.
        let reply = await exchange();
        while (reply === 'stale') reply = await exchange();
        const { status } = reply;
        if (status === 429 || status >= 500 || status === 401 || status === 403)
          throw new StoreUnavailable(`OpenSearch answered ${status}.`);
        return { status, body: reply.text === '' ? {} : (JSON.parse(reply.text) as Record<string, unknown>) };
      } catch (error) {
        if (error instanceof StoreUnavailable) throw error;
        // The kind of error, and none of its words: they may hold a question.
        const { code, name } = error as NodeJS.ErrnoException;
        const kind = code ?? name;
        throw new StoreUnavailable(`OpenSearch did not answer: ${kind}.`, { cause: error });
      }
    },
    close: () => agent.destroy(),
  };
};

/** `stale`: the connection was closed before. */
type Exchange = { status: number; text: string } | 'stale';

const isReset = ({ code }: NodeJS.ErrnoException): boolean => code === 'ECONNRESET' || code === 'EPIPE';

const textOf = (body: OpenSearchCall['body']): string =>
  body === undefined
    ? ''
    : isLines(body)
      ? body.map((line) => `${JSON.stringify(line)}\n`).join('')
      : JSON.stringify(body);

const isLines = (body: object | readonly object[]): body is readonly object[] => Array.isArray(body);

const contentType = (body: string): string => (body.endsWith('\n') ? 'application/x-ndjson' : 'application/json');

/** SHA-256 as the signer wants it: plain, or keyed. */
class Sha256 {
  private readonly hash: { update(data: string | Uint8Array): unknown; digest(): Buffer };

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: string | Uint8Array): void {
    this.hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.hash.digest();
  }

  reset(): void {
    throw new Error('a hash is made anew for every text');
  }
}

const bytesOf = (secret: string | ArrayBuffer | ArrayBufferView): string | Uint8Array =>
  typeof secret === 'string'
    ? secret
    : secret instanceof ArrayBuffer
      ? new Uint8Array(secret)
      : new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength);
