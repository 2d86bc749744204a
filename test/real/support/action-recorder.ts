import { once } from 'node:events';
import { createServer, type IncomingMessage, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request to AWS. */
export interface Asked {
  /** `dynamodb:PutItem`: what IAM calls it. */
  action: string;
  /** The request as the SDK wrote it; a form's fields, where it is one. */
  body: Record<string, unknown>;
}

export interface ActionRecorder {
  endpoint: string;
  /** Everything that came since the last `forget`. */
  asked: Asked[];
  forget(): void;
  stop(): Promise<void>;
}

/** Passes on what an SDK asks of AWS, every service at one address, and notes it. Signatures stay valid. */
export const startActionRecorder = async (target: string): Promise<ActionRecorder> => {
  const { hostname, port } = new URL(target);
  const server = createServer((incoming, outgoing) => {
    const pass = async (): Promise<void> => {
      const body = await readAll(incoming);
      recorder.asked.push(describe(incoming, body.toString('utf8')));
      const { method, url: path, headers } = incoming;
      const forward = sendRequest({ hostname, port, method, path, headers });
      forward.end(body);
      const [answer] = (await once(forward, 'response')) as [IncomingMessage];
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    };
    pass().catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const recorder: ActionRecorder = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    forget() {
      recorder.asked = [];
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return recorder;
};

const describe = ({ headers }: IncomingMessage, text: string): Asked => {
  const target = headers['x-amz-target'];
  const [, service = ''] = /Credential=[^,]*\/([a-z0-9-]+)\/aws4_request/.exec(headers.authorization ?? '') ?? [];
  if (target === undefined) {
    const form = Object.fromEntries(new URLSearchParams(text));
    return { action: `${service}:${form['Action']}`, body: form };
  }
  const [, name] = String(target).split('.');
  return { action: `${service}:${name}`, body: JSON.parse(text) as Record<string, unknown> };
};

const readAll = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};
