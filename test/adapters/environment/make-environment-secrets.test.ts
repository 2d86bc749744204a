import { describe, expect, test } from '@jest/globals';
import { makeEnvironmentSecrets } from '../../../lambdas/adapters/environment/make-environment-secrets.ts';

const secretsOf = (env: Record<string, string | undefined>) => {
  const warnings: string[] = [];
  const log = {
    warn: (message: string, fields?: Record<string, unknown>) => void warnings.push(JSON.stringify([message, fields])),
  };
  return { secrets: makeEnvironmentSecrets(env, log), warnings };
};

describe('secrets from the environment', () => {
  test('env:NAME is the value, without white space around it, as it is now', async () => {
    const env: Record<string, string> = { KEY: ' sk-one\n' };
    const { secrets, warnings } = secretsOf(env);
    expect(await secrets.read('env:KEY')).toBe('sk-one');
    env.KEY = 'sk-two';
    expect(await secrets.read('env:KEY', { refresh: true })).toBe('sk-two');
    expect(warnings).toEqual([]);
  });

  test.each([[{}], [{ KEY: '' }], [{ KEY: '  ' }]])('%j has no KEY, and says so once', async (env) => {
    const { secrets, warnings } = secretsOf(env);
    expect(await secrets.read('env:KEY')).toBeUndefined();
    expect(await secrets.read('env:KEY')).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('KEY is not set')]);
  });

  test('nothing comes from what every object has', async () => {
    expect(await secretsOf({}).secrets.read('env:constructor')).toBeUndefined();
  });

  test('secret:NAME is not here, which is told once for each', async () => {
    const { secrets, warnings } = secretsOf({ 'tollgate/openai': 'no' });
    for (const reference of ['secret:tollgate/openai', 'secret:tollgate/openai', 'secret:other'])
      expect(await secrets.read(reference)).toBeUndefined();
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain('tollgate/openai');
  });

  test('a key in the place of its name is not logged', async () => {
    const { secrets, warnings } = secretsOf({});
    expect(await secrets.read('sk-oops')).toBeUndefined();
    expect(warnings).toHaveLength(1);
    expect(warnings.join()).not.toContain('sk-oops');
  });
});
