import { expect, test } from '@jest/globals';
import { systemClock } from '../../lambdas/adapters/system/clock.ts';
import type { UpstreamCall } from '../../lambdas/core/provider.ts';
import { openDeployedSecrets } from '../../lambdas/wiring/open-deployed-secrets.ts';
import { openDeployedUpstream } from '../../lambdas/wiring/open-deployed-upstream.ts';

const CALLS: Record<'bedrock' | 'simulator', UpstreamCall> = {
  bedrock: { transport: 'bedrock', region: 'us-east-1', model: 'm', body: {}, stream: false },
  simulator: {
    transport: 'simulator',
    model: 'tokens-3',
    body: { messages: [] },
    stream: false,
    seed: 0,
    requestId: 'r',
  },
};
const { signal } = new AbortController();

test.each(['bedrock', 'simulator'] as const)(
  'a call to %s where none is configured fails like any that finds nobody',
  async (transport) => {
    const upstream = await openDeployedUpstream(new Set(['openai']), systemClock);
    await expect(upstream.send(CALLS[transport], signal)).rejects.toMatchObject({
      name: 'UpstreamError',
      kind: 'connect',
      message: expect.stringMatching(/^No \w+ is configured$/),
    });
  },
);

test('the simulator answers where it is configured', async () => {
  const upstream = await openDeployedUpstream(new Set(['simulator']), systemClock);
  const reply = await upstream.send(CALLS.simulator, signal);
  expect(reply.status).toBe(200);
});

const logged: string[] = [];
const say = (message: string): void => void logged.push(message);
const ports = { clock: systemClock, log: { debug: say, info: say, warn: say, error: say } };

test('a configuration without keys has none to read; one with a key reads it from Secrets Manager', async () => {
  const none = await openDeployedSecrets({ providers: { demo: { kind: 'simulator' } } }, ports);
  expect(await none.read('env:KEY')).toBeUndefined();
  expect(logged).toEqual([]);
  const some = await openDeployedSecrets({ providers: { openai: { kind: 'openai', apiKey: 'secret:a' } } }, ports);
  expect(await some.read('env:KEY')).toBeUndefined();
  expect(logged).toEqual(['A deployed gateway reads secret:NAME and nothing else']);
});
