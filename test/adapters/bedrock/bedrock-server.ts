/** A local HTTP/1.1 server in Bedrock's place, under the real SDK. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BedrockCall } from '../../../lambdas/adapters/bedrock/bedrock-clients.ts';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';

export interface SeenRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: JsonObject;
}

export interface BedrockServer {
  endpoint: string;
  seen: SeenRequest[];
  /** Connections that were opened so far. */
  connections(): number;
  close(): Promise<void>;
}

export type Answering = (response: ServerResponse, request: SeenRequest) => void | Promise<void>;

export const startBedrockServer = async (answer: Answering): Promise<BedrockServer> => {
  const seen: SeenRequest[] = [];
  let connections = 0;
  const server = createServer(async (request, response) => {
    response.on('error', () => undefined);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    const one = { method, path: url, headers, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) as JsonObject };
    seen.push(one);
    await answer(response, one);
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

export const EVENT_STREAM = { 'content-type': 'application/vnd.amazon.eventstream' };
export const JSON_TYPE = { 'content-type': 'application/json' };

/** Writes the bytes in pieces of odd sizes, each in a TCP packet of its own as far as the system allows. */
export const writeOddly = async (response: ServerResponse, bytes: Buffer): Promise<void> => {
  response.socket?.setNoDelay(true);
  const sizes = [1, 2, 3, 5, 11, 64, 7, 130, 257];
  for (let offset = 0, turn = 0; offset < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    response.write(bytes.subarray(offset, offset + size));
    offset += size;
    await new Promise((resolve) => setImmediate(resolve));
  }
};

export const CREDENTIALS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };

export const callTo = (server: BedrockServer, more: Partial<BedrockCall> = {}): BedrockCall => ({
  transport: 'bedrock',
  region: 'us-east-1',
  endpoint: server.endpoint,
  model: 'us.amazon.nova-micro-v1:0',
  body: { messages: [{ role: 'user', content: [{ text: 'Hello!' }] }] },
  stream: false,
  ...more,
});
