import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeSimulator, type SimulatorCall } from '../../../lambdas/adapters/simulator/make-simulator.ts';
import { systemClock } from '../../../lambdas/adapters/system/clock.ts';

/**
 * A vendor in a process of its own, whose meter outlives every gateway: OpenAI's chat completions over HTTP, answered by
 * the simulator. A model's name says what it does; `call N` in the last message says which call of the storm it belongs to.
 *
 *     node test/real/storm/metered-vendor.ts
 *
 * Prints `{"url"}` when ready. `GET /meter` gives a line of JSON for every call it was asked.
 */
export interface MeteredCall {
  /** Of the storm. */
  call: number;
  model: string;
  inputTokens: number;
  outputTokens: number;
  /** The whole answer, with its count, was handed over. */
  completed: boolean;
}

const meters: (() => MeteredCall)[] = [];
const asked = new Map<number, number>();

const answer = async (body: SimulatorCall['body'], response: ServerResponse) => {
  const call = Number(/call (\d+)/.exec(JSON.stringify(body['messages']))?.[1] ?? -1);
  const attempt = (asked.get(call) ?? 0) + 1;
  asked.set(call, attempt);
  const model = String(body['model']);
  // One each: its meter is this call's alone.
  const simulator = makeSimulator({ clock: systemClock });
  meters.push(() => {
    const [entry] = simulator.meter.entries();
    const { inputTokens = 0, outputTokens = 0, completed = false } = entry ?? {};
    return { call, model, inputTokens, outputTokens, completed };
  });
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const isStream = body['stream'] === true;
  const reply = await simulator.send(
    {
      transport: 'simulator',
      requestId: `call-${call}-${attempt}`,
      model,
      seed: 1,
      stream: isStream,
      body,
    } as SimulatorCall,
    gone.signal,
  );
  if (!isStream || reply.status !== 200) {
    const text = await reply.text();
    response.writeHead(reply.status, reply.headers);
    response.end(text);
    return;
  }
  response.writeHead(200, reply.headers);
  for await (const { data } of reply.events()) {
    if (!response.write(`data: ${data}\n\n`)) await new Promise((resolve) => response.once('drain', resolve));
    // A packet of its own, so that a cut lies between two events.
    await new Promise(setImmediate);
  }
  response.end();
};

const server = createServer(async (request, response) => {
  if (request.url === '/meter') {
    response.end(meters.map((read) => JSON.stringify(read())).join('\n'));
    return;
  }
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
    await answer(JSON.parse(Buffer.concat(chunks).toString('utf8')), response);
  } catch {
    // The simulator cuts the connection, or the gateway has left.
    response.destroy();
  }
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}` })}\n`);
});
