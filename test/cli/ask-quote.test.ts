import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { askQuote, type QuoteQuestion } from '../../lambdas/cli/ask-quote.ts';
import { CommandFailed, UsageError } from '../../lambdas/cli/output.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

let gateway: TestGateway;
const folder = mkdtempSync(join(tmpdir(), 'tollgate-'));
beforeAll(async () => {
  const priced = (input: number, output: number) => ({ inputPerMTok: input, outputPerMTok: output });
  gateway = await startGateway({
    providers: { demo: { kind: 'simulator' } },
    models: {
      dear: { targets: [{ provider: 'demo', model: 'echo', price: priced(10, 100) }] },
      cheap: { targets: [{ provider: 'demo', model: 'tokens-5', price: priced(1, 10) }] },
    },
    budgets: { org: { monthly: '$0.05' } },
  });
});
afterAll(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true });
});

const ask = (question: Partial<QuoteQuestion>, baseUrl = gateway.url) =>
  askQuote(
    { baseUrl, key: gateway.key, timeoutMs: 10_000, clock: { now: () => 0 } },
    { file: undefined, prompt: undefined, model: undefined, maxTokens: undefined, ...question },
  );

test('a request that has room: what it costs and where it goes', async () => {
  const { text, data } = await ask({ prompt: 'hello', model: 'cheap', maxTokens: 100 });
  expect(data).toMatchObject({ admitted: true, route: ['demo/tokens-5'] });
  expect(text).toMatch(/admitted +yes/);
  expect(text).toMatch(/at most +\$0\.001\d/);
});

test('one that has none: why, and what is cheaper', async () => {
  const file = join(folder, 'body.json');
  writeFileSync(file, JSON.stringify({ model: 'dear', max_tokens: 1000, messages: [{ role: 'user', content: 'hi' }] }));
  const { text, data } = await ask({ file });
  expect(data).toMatchObject({ admitted: false, refusal: { code: 'budget_exceeded' } });
  expect(text).toMatch(/because +The budget of org default/);
  expect(text).toMatch(/^cheap +demo\/tokens-5 +\$0\.0\d+ +\$0\.01/m);
});

test.each<[string, Partial<QuoteQuestion>, string]>([
  ['nothing to quote', { model: 'dear' }, 'one request'],
  ['two requests', { file: '-', prompt: 'hi' }, 'one request'],
  ['no model', { prompt: 'hi' }, '--model'],
  ['a file that is not there', { file: join(folder, 'nowhere.json') }, 'ENOENT'],
])('%s is a mistake of whoever typed it', async (_name, question, words) => {
  const failure = await ask(question).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(UsageError);
  expect((failure as UsageError).message).toContain(words);
});

test('a file that holds no JSON object is named', async () => {
  const file = join(folder, 'list.json');
  writeFileSync(file, '[]');
  await expect(ask({ file })).rejects.toThrow(`${file} holds no JSON object`);
});

test('a gateway that says no, or nothing at all', async () => {
  await expect(ask({ prompt: 'hi', model: 'nothing' })).rejects.toThrow(/answered 404: There is no model "nothing"/);
  const failure = await ask({ prompt: 'hi', model: 'dear' }, 'http://127.0.0.1:1').catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(CommandFailed);
});
