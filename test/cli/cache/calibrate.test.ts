import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type CalibrateOptions, calibrateCache } from '../../../lambdas/cli/cache/calibrate-cache.ts';
import { readPairs } from '../../../lambdas/cli/cache/read-pairs.ts';
import { CommandFailed, UsageError } from '../../../lambdas/cli/output.ts';
import { type Embedder, EmbedderUnavailable } from '../../../lambdas/core/cache/embedder.ts';
import { digestOf } from '../../../lambdas/core/digest.ts';
import { runCli } from '../../support/run-cli.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-calibrate-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const fileOf = (name: string, text: string): string => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};

/** Texts of the same first word mean the same, to a guardless eye: their vectors lie as far apart as their second words say. */
const angles: Embedder = {
  name: 'angles/1',
  dimensions: 2,
  async embed(text) {
    const degrees = Number(/\d+/.exec(digestOf(text, 4))?.[0] ?? 0) % 5;
    return {
      kind: 'vector',
      vector: Float32Array.from([Math.cos(degrees / 57), Math.sin(degrees / 57)]),
      inputTokens: 7,
    };
  },
};
const clock = { sleep: async () => undefined };
const options = (more: Partial<CalibrateOptions> = {}): CalibrateOptions => ({
  pairs: Array.from({ length: 200 }, (_, i) => ({
    a: `Where is the ${WORDS[i % WORDS.length]} ${String.fromCharCode(97 + (i % 26))}?`,
    b: `where is the ${WORDS[i % WORDS.length]} ${String.fromCharCode(97 + (i % 26))}`,
    same: true,
    kind: 'paraphrase',
  })),
  source: 'a test',
  maxWrongShare: 0.01,
  thresholdNow: undefined,
  alias: undefined,
  isAgreed: false,
  say: () => undefined,
  ...more,
});
const WORDS = ['station', 'library', 'museum', 'harbour', 'garden', 'market', 'theatre'];

describe('cache calibrate', () => {
  test('prints threshold, both halves with their intervals, and the line for the configuration', async () => {
    const { text, data } = await calibrateCache(angles, clock, options({ alias: 'assistant', thresholdNow: 0.8 }));
    expect(data).toMatchObject({
      embedder: 'angles/1',
      pairs: 200,
      threshold: expect.any(Number),
      threshold_now: 0.8,
      tune: { wrong: 0, wrong_share_low: 0 },
      test: { wrong: 0 },
      cost_usd: '0',
    });
    expect(text).toMatch(
      /HALF +PAIRS +SAME +HITS +WRONG +WRONG SHARE \(95 %\) +RECALL\ntune +\d+ .* 0\.0 % \(0\.0 % to \d/,
    );
    expect(text).toMatch(/Threshold: 0\.\d+ \(now 0\.8\)/);
    expect(text).toMatch(/models: \{ "assistant": \{ cache: \{ semantic: \{ threshold: 0\.\d+/);
  });

  test('fails where no threshold keeps the bound, with all that it found', async () => {
    const pairs = options().pairs.map((pair) => ({ ...pair, same: false }));
    const failed = calibrateCache(angles, clock, options({ pairs }));
    await expect(failed).rejects.toThrow(/At no threshold are at most 1\.0 % of angles\/1's hits wrong/);
    await expect(failed).rejects.toMatchObject({ output: { data: { threshold: null, test: null } } });
  });

  test('warns of few pairs', async () => {
    const { warnings } = await calibrateCache(angles, clock, options({ pairs: options().pairs.slice(0, 60) }));
    expect(warnings).toEqual([expect.stringContaining('label some hundred')]);
  });

  test('asks an embedder that does not answer again, and gives up after three times', async () => {
    let asked = 0;
    const shaky: Embedder = {
      ...angles,
      async embed(text) {
        asked += 1;
        if (asked % 3 !== 0) throw new EmbedderUnavailable('Not now.', { inputTokens: 7 });
        return angles.embed(text);
      },
    };
    const { data } = await calibrateCache(shaky, clock, options());
    // What failed may be billed too.
    expect((data as { input_tokens: number }).input_tokens).toBe(asked * 7);
    const down: Embedder = { ...angles, embed: async () => Promise.reject(new EmbedderUnavailable('Down.')) };
    await expect(calibrateCache(down, clock, options())).rejects.toThrow(CommandFailed);
  });
});

describe('pairs', () => {
  test('those that come with Tollgate are read, and several hundred', async () => {
    expect((await readPairs(undefined)).pairs.length).toBeGreaterThan(500);
  });

  test.each([
    ['{"a":"x","b":"y"}', /line 1: same is true or false/],
    ['', /it has no pairs/],
    ['{"a":"x","b":"y","same":true,"differs":"colour"}', /knows no "colour": expected tenant/],
    ['{"a":"x","b":"y","same":true,"differs":"constructor"}', /knows no "constructor"/],
  ])('%s is refused', async (text, why) => {
    await expect(readPairs(fileOf('bad.jsonl', text))).rejects.toThrow(why);
  });

  test('a file that is not there is told', async () => {
    await expect(readPairs(join(folder, 'none.jsonl'))).rejects.toThrow(UsageError);
  });
});

describe('through the configured embedder', () => {
  const config = (price: object): string =>
    fileOf(
      'config.json',
      JSON.stringify({
        providers: { demo: { kind: 'simulator' } },
        models: { assistant: { targets: [{ provider: 'demo', model: 'echo' }] } },
        semanticCache: { embedder: { provider: 'demo', model: 'embed-8', ...price } },
      }),
    );
  const pairs = (): string =>
    fileOf(
      'pairs.jsonl',
      options()
        .pairs.slice(0, 5)
        .map((pair) => JSON.stringify(pair))
        .join('\n'),
    );
  const calibrate = (...words: string[]) => runCli(['cache', 'calibrate', '--pairs', pairs(), ...words], { env: {} });

  test('one that is paid is asked only after --yes, which is told what it can cost', async () => {
    const file = config({ price: { inputPerMTok: 2, outputPerMTok: 0 } });
    const refused = await calibrate('--config', file);
    expect(refused).toMatchObject({ status: 2, stdout: '' });
    expect(refused.stderr).toMatch(/^This makes 10 calls of demo\/embed-8, \$0\.\d+ at most.*Say --yes/);
    const done = await calibrate('--config', file, '--yes', '--json');
    // Five pairs prove nothing: it fails, and says what it has cost.
    expect(done.status).toBe(1);
    const { input_tokens: tokens, cost_usd: cost, threshold } = JSON.parse(done.stdout);
    expect(threshold).toBeNull();
    expect(tokens).toBeGreaterThan(10);
    expect(Number(cost)).toBeCloseTo((tokens * 2) / 1e6, 12);
    const most = Number(/\$(0\.\d+) at most/.exec(refused.stderr)?.[1]);
    expect(Number(cost)).toBeLessThanOrEqual(most);
  });

  test('one that costs nothing is asked at once', async () => {
    const { stderr } = await calibrate('--config', config({ price: { inputPerMTok: 0, outputPerMTok: 0 } }));
    expect(stderr).toMatch(/^Making 10 calls of demo\/embed-8, \$0 at most/);
  });

  test.each([
    [['--alias', 'asistant'], 1, /no alias "asistant"\. Did you mean "assistant"\?/],
    [['--max-wrong', '2'], 2, /share from 0 to 1/],
  ])('%j is refused', async (words, status, why) => {
    const file = config({ price: { inputPerMTok: 0, outputPerMTok: 0 } });
    expect(await calibrate('--config', file, ...words)).toMatchObject({ status, stderr: expect.stringMatching(why) });
  });

  test('one whose key only a deployed stack reads is told with the way out, before anything is asked', async () => {
    const embedder = { provider: 'openai', model: 'text-embedding-3-small' };
    const deployed = {
      providers: { openai: { kind: 'openai', apiKey: 'secret:tollgate/openai' } },
      models: { assistant: { targets: [{ provider: 'openai', model: 'gpt-5.4-mini-2026-03-17' }] } },
      semanticCache: { embedder },
    };
    expect(await calibrate('--config', fileOf('deployed.json', JSON.stringify(deployed)), '--yes')).toEqual({
      status: 1,
      stdout: '',
      stderr:
        'There is no embedder: its key is "secret:tollgate/openai", which only a deployed stack reads. Calibrate with a copy of the configuration in which it is "env:NAME".\n',
    });
  });

  test('one that nobody can ask is told', async () => {
    const file = fileOf('none.json', JSON.stringify({ providers: {}, models: {} }));
    expect((await calibrate('--config', file)).status).toBe(1);
  });
});
