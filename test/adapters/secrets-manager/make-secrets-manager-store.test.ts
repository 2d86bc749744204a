import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { makeSecretsManagerStore } from '../../../lambdas/adapters/secrets-manager/make-secrets-manager-store.ts';
import type { Clock } from '../../../lambdas/core/ports.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

type Answer = { status: number; body: object };

/** Secrets Manager's HTTP API, as far as it is asked. */
const open = async (answer: (name: string) => Answer | Promise<Answer>) => {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    expect(request.headers['x-amz-target']).toBe('secretsmanager.GetSecretValue');
    const name = JSON.parse(text).SecretId;
    asked.push(name);
    const { status, body } = await answer(name);
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  let now = 1_000_000;
  const warnings: string[] = [];
  const note = (message: string, fields?: object): void => void warnings.push(`${message} ${JSON.stringify(fields)}`);
  const store = makeSecretsManagerStore({
    client: {
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      credentials: { accessKeyId: 'a', secretAccessKey: 's' },
    },
    clock: { now: () => now } as Clock,
    log: { warn: note, error: note },
  });
  return { store, asked, warnings, pass: (ms: number) => (now += ms) };
};

const value = (text: string): Answer => ({ status: 200, body: { SecretString: text } });
const absent: Answer = { status: 400, body: { __type: 'ResourceNotFoundException', message: 'no' } };
const denied: Answer = { status: 400, body: { __type: 'AccessDeniedException', message: 'no' } };

describe('a secret', () => {
  test('is read once for calls that come together and after, without the white space around it', async () => {
    const { store, asked } = await open(() => value(' key\n'));
    const together = await Promise.all([store.read('secret:a/b'), store.read('secret:a/b')]);
    expect([...together, await store.read('secret:a/b')]).toEqual(['key', 'key', 'key']);
    expect(asked).toEqual(['a/b']);
  });

  test('is read anew after a quarter of an hour', async () => {
    let text = 'old';
    const { store, pass } = await open(() => value(text));
    expect(await store.read('secret:a')).toBe('old');
    text = 'new';
    pass(15 * 60_000 - 1);
    expect(await store.read('secret:a')).toBe('old');
    pass(1);
    expect(await store.read('secret:a')).toBe('new');
  });

  test('that a vendor turned down is read anew, but not at every call', async () => {
    let text = 'old';
    const { store, asked, pass } = await open(() => value(text));
    await store.read('secret:a');
    text = 'new';
    pass(9_999);
    expect(await store.read('secret:a', { refresh: true })).toBe('old');
    pass(1);
    expect(await store.read('secret:a', { refresh: true })).toBe('new');
    expect(await store.read('secret:a', { refresh: true })).toBe('new');
    expect(asked).toHaveLength(2);
  });

  test('that is not there, or empty, is none, and looked for again ten seconds later', async () => {
    let answer = absent;
    const { store, asked, warnings, pass } = await open(() => answer);
    expect([await store.read('secret:a'), await store.read('secret:a')]).toEqual([undefined, undefined]);
    expect(asked).toHaveLength(1);
    expect(warnings[0]).toContain('secret:a');
    pass(10_000);
    answer = value('  ');
    expect(await store.read('secret:a')).toBeUndefined();
    pass(10_000);
    answer = value('key');
    expect(await store.read('secret:a')).toBe('key');
  });

  test('that can not be read now stays as it was, and is tried again soon; without a last value it rejects', async () => {
    let answer = value('key');
    const { store, asked, warnings, pass } = await open(() => answer);
    await store.read('secret:a');
    answer = denied;
    pass(15 * 60_000);
    expect(await store.read('secret:a')).toBe('key');
    expect(warnings.at(-1)).toContain('stays in use');
    expect(await store.read('secret:a')).toBe('key');
    expect(asked).toHaveLength(2);
    answer = value('new');
    pass(10_000);
    expect(await store.read('secret:a')).toBe('new');
    answer = denied;
    await expect(store.read('secret:other')).rejects.toThrow();
  });

  test('of the environment, or a key in the place of its name, is none here and not told to the log', async () => {
    const { store, asked, warnings } = await open(() => value('key'));
    expect(await store.read('sk-oops')).toBeUndefined();
    expect(asked).toEqual([]);
    expect(warnings.join()).not.toContain('sk-oops');
  });
});
