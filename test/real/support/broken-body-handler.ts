import { setTimeout } from 'node:timers/promises';
import { makeLambdaHandler } from '../../../lambdas/gateway/lambda/make-lambda-handler.ts';

/** What goes on behind the answer that was given last. */
let behind: Promise<void> = Promise.resolve();

const goOn = async (): Promise<void> => {
  await setTimeout(2_000);
  process.stdout.write('done behind the answer\n');
};

/** The shipped front door over bodies that break, which the gateway's own never do: run under AWS's runtime client. */
export const handler = makeLambdaHandler({
  answer: async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === '/rejects') throw new Error('rejected');
    if (pathname === '/behind') behind = goOn();
    if (pathname === '/whole' || pathname === '/behind')
      return new Response('whole', { headers: { 'set-cookie': 'a=1' } });
    if (pathname === '/empty') return new Response(null, { status: 204 });
    return new Response(bodyThatBreaks(pathname === '/before' ? 0 : 2), { headers: { 'content-type': 'text/plain' } });
  },
  answerFailure: async (error) => Response.json({ told: (error as Error).message }, { status: 500 }),
  beforeFreeze: () => behind,
});

const bodyThatBreaks = (afterPieces: number): ReadableStream<Uint8Array> => {
  let pieces = 0;
  return new ReadableStream({
    pull(controller) {
      if (pieces === afterPieces) throw new Error('broken');
      pieces += 1;
      controller.enqueue(new TextEncoder().encode(`piece ${pieces};`));
    },
  });
};
