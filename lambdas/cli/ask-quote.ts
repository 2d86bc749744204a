import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { CommandFailed, fields, type Output, printable, table, UsageError } from './output.ts';
import { at, describeError, type Gateway, request } from './smoke/http.ts';

export interface QuoteQuestion {
  /** A chat or messages body as JSON; `-` is standard input. */
  file: string | undefined;
  /** Instead of a file: one user turn. */
  prompt: string | undefined;
  model: string | undefined;
  maxTokens: number | undefined;
}

/** Asks `POST /v1/quote`. @throws {CommandFailed} where the gateway refuses the request itself, or can't be reached */
export const askQuote = async (gateway: Gateway, question: QuoteQuestion): Promise<Output> => {
  const body = await readBody(question);
  const reply = await request(gateway, { path: '/v1/quote', body }).catch((error: unknown) => {
    throw new CommandFailed(`${gateway.baseUrl} gave no quote: ${describeError(error)}.`);
  });
  if (reply.status !== 200) {
    const message = at(reply.json, 'error', 'message');
    throw new CommandFailed(`${gateway.baseUrl} answered ${reply.status}: ${printable(String(message ?? reply.text))}`);
  }
  return { text: describe(reply.json), data: reply.json };
};

const readBody = async ({ file, prompt, model, maxTokens }: QuoteQuestion): Promise<object> => {
  if ((file === undefined) === (prompt === undefined))
    throw new UsageError(
      'A quote is for one request: name a file with its body ("-" is standard input), or a --prompt.',
    );
  const read =
    file === undefined ? { messages: [{ role: 'user', content: prompt }] } : parseBody(await readText(file), file);
  const body = {
    ...read,
    ...(model !== undefined && { model }),
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
  };
  if (!('model' in body)) throw new UsageError('The body names no "model", and there is no --model.');
  return body;
};

const readText = async (file: string): Promise<string> => {
  if (file === '-') return readAll(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file} can't be read: ${(error as NodeJS.ErrnoException).code}.`);
  }
};

const parseBody = (text: string, file: string): object => {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new UsageError(`${file === '-' ? 'Standard input' : file} holds no JSON object.`);
};

const describe = (quote: unknown): string => {
  const word = (...path: (string | number)[]): string => String(at(quote, ...path) ?? '');
  const dollars = (value: unknown): string => (typeof value === 'number' ? `$${decimal(value)}` : '');
  const offers = at(quote, 'offers');
  const rows = (Array.isArray(offers) ? offers : []).map((offer) => [
    String(at(offer, 'model') ?? ''),
    String(at(offer, 'target') ?? ''),
    dollars(at(offer, 'expected_cost_usd')),
    dollars(at(offer, 'max_cost_usd')),
  ]);
  const route = at(quote, 'route');
  const head = fields([
    ['model', word('model')],
    ['admitted', at(quote, 'admitted') === true ? 'yes' : 'no'],
    ...(at(quote, 'refusal', 'message') === undefined ? [] : [['because', word('refusal', 'message')] as const]),
    ['route', Array.isArray(route) ? route.join(' → ') : ''],
    ['expected', dollars(at(quote, 'expected_cost_usd'))],
    ['at most', dollars(at(quote, 'max_cost_usd'))],
    ['output limit', `${word('output_limit', 'tokens')} (set by ${word('output_limit', 'set_by')})`],
  ]);
  return rows.length === 0 ? head : `${head}\n\n${table([['cheaper', 'target', 'expected', 'at most'], ...rows])}`;
};

/** Without an exponent, whatever its size. */
const decimal = (value: number): string => value.toFixed(9).replace(/\.?0+$/, '');
