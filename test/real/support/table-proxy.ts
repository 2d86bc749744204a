import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
  request as sendRequest,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that came to the proxy. */
export interface Operation {
  /** `UpdateItem` */
  name: string;
  /** The request, as the SDK wrote it. */
  body: Record<string, unknown>;
  fault: Fault;
  /** Capacity units that DynamoDB says it took; known when answered. */
  units: number;
  /** Which round trip it belongs to, from 1: it began when the one before had been answered, of whichever request. */
  trip: number;
  answeredAt: number;
}

export type Fault =
  | 'none'
  /** The request never arrives. */
  | 'lose-request'
  /** It is done, but nobody hears of it. */
  | 'lose-answer'
  /** The client's connection breaks at once; the request arrives later. */
  | 'arrive-late'
  /** Refused unread: a sure no. */
  | 'throttle'
  /** Done, and answered with a 500. */
  | 'fail-after';

export interface TableProxy {
  endpoint: string;
  /** Everything that came since the last `forget`. */
  operations: Operation[];
  forget(): void;
  /** Decides what befalls a request; nothing, unless told. */
  faults: (operation: Pick<Operation, 'name' | 'body'>) => Fault;
  /** Added to every answer: long enough, and requests sent together are seen together. */
  delayMs: number;
  /** Resolves when nothing is under way, not even what arrives late. */
  whenIdle(): Promise<void>;
  stop(): Promise<void>;
}

const LATE_MS = 60;

/**
 * Stands between the SDK and DynamoDB Local. It sets the `Date` of every answer to the world's time, as DynamoDB would say
 * it: to the second. It asks DynamoDB what each write costs. And it breaks connections when told to.
 */
export const startTableProxy = async (target: string, now: () => number): Promise<TableProxy> => {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  let underWay = 0;
  let waiting: (() => void)[] = [];
  const server = createServer((incoming, outgoing) => {
    underWay += 1;
    void serve(incoming, outgoing)
      .catch(() => outgoing.destroy())
      .finally(() => {
        underWay -= 1;
        if (underWay > 0) return;
        for (const resolve of waiting) resolve();
        waiting = [];
      });
  });

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = JSON.parse(await readText(incoming)) as Record<string, unknown>;
    const name = String(incoming.headers['x-amz-target']).split('.')[1] ?? '';
    const fault = proxy.faults({ name, body });
    const earlier = proxy.operations.filter(({ answeredAt }) => answeredAt <= performance.now());
    const trip = 1 + Math.max(0, ...earlier.map((one) => one.trip));
    const operation: Operation = { name, body, fault, units: 0, trip, answeredAt: Number.POSITIVE_INFINITY };
    proxy.operations.push(operation);
    const forward = () => send(incoming.headers, JSON.stringify({ ...body, ReturnConsumedCapacity: 'TOTAL' }));
    if (fault === 'lose-request') return void outgoing.socket?.destroy();
    if (fault === 'throttle') return refuse(outgoing, 400, 'ThrottlingException');
    if (fault === 'arrive-late') {
      outgoing.socket?.destroy();
      await new Promise((resolve) => setTimeout(resolve, LATE_MS));
      await forward();
      return;
    }
    const { status, headers, text } = await forward();
    operation.units = unitsOf(text);
    if (proxy.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, proxy.delayMs));
    operation.answeredAt = performance.now();
    if (fault === 'fail-after') return refuse(outgoing, 500, 'InternalServerError');
    if (fault === 'lose-answer') return void outgoing.socket?.destroy();
    const { date: _, 'content-length': __, 'transfer-encoding': ___, ...kept } = headers;
    outgoing.writeHead(status, { ...kept, date: new Date(now()).toUTCString() }).end(text);
  };

  /** As DynamoDB words it. */
  const refuse = (outgoing: ServerResponse, status: number, type: string): void => {
    outgoing
      .writeHead(status, { 'content-type': 'application/x-amz-json-1.0', date: new Date(now()).toUTCString() })
      .end(JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: 'as the test asks' }));
  };

  const send = (headers: IncomingHttpHeaders, text: string) =>
    new Promise<{ status: number; headers: IncomingHttpHeaders; text: string }>((resolve, reject) => {
      const { host: _, connection: __, 'content-length': ___, ...kept } = headers;
      const outgoing = sendRequest(target, {
        method: 'POST',
        agent,
        headers: { ...kept, 'content-length': Buffer.byteLength(text) },
      });
      outgoing.once('error', reject);
      outgoing.once('response', (response) => {
        readText(response).then(
          (answer) => resolve({ status: response.statusCode ?? 500, headers: response.headers, text: answer }),
          reject,
        );
      });
      outgoing.end(text);
    });

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: TableProxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    operations: [],
    forget() {
      proxy.operations = [];
    },
    faults: () => 'none',
    delayMs: 0,
    async whenIdle() {
      // What is answered may ask at once for more.
      for (let quiet = 0; quiet < 2; quiet++) {
        if (underWay > 0) {
          await new Promise<void>((resolve) => waiting.push(resolve));
          quiet = 0;
        }
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (underWay > 0) quiet = -1;
      }
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      agent.destroy();
    },
  };
  return proxy;
};

const readText = async (message: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

/** A write whose condition fails costs a unit too, though the answer does not say so. */
const unitsOf = (text: string): number => {
  if (text.includes('#ConditionalCheckFailedException')) return 1;
  const { ConsumedCapacity: consumed } = JSON.parse(text) as { ConsumedCapacity?: Consumed | Consumed[] };
  return [consumed ?? []].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
};

interface Consumed {
  CapacityUnits?: number;
}
