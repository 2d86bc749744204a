import { Agent, request } from 'undici';

/** A gateway as its clients know it: Tollgate's or another's. */
export interface Subject {
  /** With `/v1`. */
  baseUrl: string;
  headers: Record<string, string>;
}

/** What became of one client's request. Times as `performance.now()` says them. */
export interface Seen {
  client: number;
  startedAt: number;
  /** The first content; of a plain answer its end. */
  firstAt: number | undefined;
  endedAt: number;
  status: number;
  /**
   * `answered`: whole and right. `told`: something went wrong, and the client was told so in the way of its dialect. `silent`:
   * it looks like an end, and is none. `broken`: the connection was cut. `left`: the client itself has gone.
   */
  verdict: 'answered' | 'told' | 'silent' | 'broken' | 'left';
  /** The machine-readable code of an error. */
  code?: string;
  headers: Record<string, string>;
}

export interface Crowd {
  alias: string;
  isStream: boolean;
  clients: number;
  /** Requests under way at once. */
  atOnce: number;
  /** The number of the first client. */
  from?: number;
  /** The answer that is right. */
  text: (client: number) => string;
  /** Headers of one client's own. */
  headersOf?: (client: number) => Record<string, string>;
  maxTokens?: number;
  /** How long after its start a client goes; undefined = it stays. */
  leavesAfterMs?: (client: number) => number | undefined;
  /** Asked before each client; false = no more come. */
  goesOn?: () => boolean;
}

export interface Clients {
  send(subject: Subject, crowd: Crowd): Promise<Seen[]>;
  close(): Promise<void>;
}

/** Longer than anything that is measured may take. */
const PATIENCE_MS = 120_000;

/** Clients over real HTTP. None of them ever asks twice. */
export const openClients = (): Clients => {
  const dispatcher = new Agent({
    connections: null,
    pipelining: 1,
    headersTimeout: PATIENCE_MS,
    bodyTimeout: PATIENCE_MS,
  });

  const sendOne = async ({ baseUrl, headers }: Subject, crowd: Crowd, client: number): Promise<Seen> => {
    const startedAt = performance.now();
    const leave = new AbortController();
    const leavesAfterMs = crowd.leavesAfterMs?.(client);
    const timer = leavesAfterMs === undefined ? undefined : setTimeout(() => leave.abort(), leavesAfterMs);
    const seen: Seen = { client, startedAt, firstAt: undefined, endedAt: 0, status: 0, verdict: 'broken', headers: {} };
    try {
      const reply = await request(`${baseUrl}/chat/completions`, {
        method: 'POST',
        dispatcher,
        signal: leave.signal,
        headers: { 'content-type': 'application/json', ...headers, ...crowd.headersOf?.(client) },
        body: JSON.stringify({
          model: crowd.alias,
          stream: crowd.isStream,
          max_tokens: crowd.maxTokens ?? 100,
          messages: [{ role: 'user', content: `client ${client}` }],
        }),
      });
      seen.status = reply.statusCode;
      seen.headers = reply.headers as Record<string, string>;
      let text = '';
      reply.body.setEncoding('utf8');
      for await (const chunk of reply.body) {
        text += chunk;
        if (seen.firstAt === undefined && crowd.isStream && hasContent(text)) seen.firstAt = performance.now();
      }
      const isRight = crowd.isStream ? isWholeStream : isWholeAnswer;
      seen.verdict =
        seen.status === 200 && isRight(text, crowd.text(client)) ? 'answered' : isTold(text) ? 'told' : 'silent';
      const code = codeOf(text);
      if (code !== undefined) seen.code = code;
    } catch {
      seen.verdict = leave.signal.aborted ? 'left' : 'broken';
    } finally {
      clearTimeout(timer);
      seen.endedAt = performance.now();
      seen.firstAt ??= seen.verdict === 'answered' ? seen.endedAt : undefined;
    }
    return seen;
  };

  return {
    send: async (subject, crowd) => {
      const { clients, atOnce, from = 1, goesOn = () => true } = crowd;
      const all: Seen[] = [];
      let next = from;
      const worker = async (): Promise<void> => {
        while (next < from + clients && goesOn()) all.push(await sendOne(subject, crowd, next++));
      };
      await Promise.all(Array.from({ length: Math.min(atOnce, clients) }, worker));
      return all;
    },
    close: () => dispatcher.close(),
  };
};

const eventsOf = (text: string): string[] =>
  text.split(/\r?\n\r?\n/).flatMap((event) => {
    const data = event.split(/\r?\n/).flatMap((line) => (line.startsWith('data:') ? [line.slice(5).trim()] : []));
    return data.length === 0 ? [] : [data.join('\n')];
  });

const hasContent = (text: string): boolean => /"content":\s*"[^"]/.test(text);

const isWholeStream = (text: string, right: string): boolean => {
  const events = eventsOf(text);
  if (events.at(-1) !== '[DONE]' || isTold(text)) return false;
  const said = events.slice(0, -1).map((data) => {
    const chunk = JSON.parse(data) as { choices?: { delta?: { content?: string | null } }[] };
    return chunk.choices?.[0]?.delta?.content ?? '';
  });
  return said.join('') === right;
};

const isWholeAnswer = (text: string, right: string): boolean => {
  const answer = parse(text) as { choices?: { message?: { content?: string } }[] } | undefined;
  return answer?.choices?.[0]?.message?.content === right;
};

interface ErrorBody {
  error?: { code?: string | null; type?: string; tollgate?: { code?: string } };
}

const errorsOf = (text: string): ErrorBody[] => {
  const whole = parse(text);
  const all = whole === undefined ? eventsOf(text).map(parse) : [whole];
  return all.filter((body): body is ErrorBody => typeof body === 'object' && body !== null && 'error' in body);
};

const isTold = (text: string): boolean => errorsOf(text).length > 0;

const codeOf = (text: string): string | undefined => {
  const [body] = errorsOf(text);
  return body?.error?.tollgate?.code ?? body?.error?.code ?? body?.error?.type;
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
