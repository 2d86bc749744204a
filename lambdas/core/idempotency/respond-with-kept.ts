import type { Asked } from '../decode/decode.ts';
import { logReplay } from '../observe/log-request.ts';
import type { Ports } from '../ports.ts';
import type { KeptAnswer } from './answer-store.ts';

/** The first answer once more, under the id of the request that was billed for it. A stream comes at once and whole. */
export const respondWithKept = (
  { requestId, headers, body }: KeptAnswer,
  asked: Asked,
  ports: Pick<Ports, 'log'>,
): Response => {
  logReplay(requestId, asked, ports);
  return new Response(body, { headers: { ...headers, 'idempotent-replayed': 'true' } });
};
