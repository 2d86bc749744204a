import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CachedAnswer } from '../../../lambdas/core/cache/cache-stores.ts';
import type { VectorEntry } from '../../../lambdas/core/cache/vector-index.ts';
import { type LocalStores, makeLocalStores } from '../../../lambdas/wiring/open-local-stores.ts';
import { entryOf } from '../../port-suites/vectors.ts';
import { type CliRun, runCli } from '../../support/run-cli.ts';

/** A data directory, what a gateway has kept in it, and the command line on it. */
export interface CacheWorld {
  folder: string;
  stores: LocalStores;
  /** What was asked and answered. */
  keep(name: string, more?: Partial<Kept>): Promise<void>;
  tollgate(...words: string[]): Promise<CliRun>;
  /** With `--json`, of a command that is done. */
  // biome-ignore lint/suspicious/noExplicitAny: what a program reads.
  json(...words: string[]): Promise<any>;
  end(): void;
}

interface Kept {
  team: string;
  user: string;
  alias: string;
  createdAt: number;
  question: string;
  answer: string;
}

export const TENANT = '["team","acme","search"]';

export const openCacheWorld = (): CacheWorld => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-cache-'));
  const stores = makeLocalStores(folder);
  const tollgate = (...words: string[]) => runCli(['cache', ...words, '--local', folder], { env: {} });
  return {
    folder,
    stores,
    async keep(name, more = {}) {
      const now = Date.now();
      const of = { team: 'search', user: 'ada', alias: 'assistant', createdAt: now - 1_000, ...more };
      const { question = `question ${name}`, answer = `answer ${name}`, ...owner } = of;
      await stores.responses.keep(answerOf(name, answer, owner), now);
      await stores.vectors.put(questionOf(name, question, owner), now);
    },
    tollgate,
    async json(...words) {
      const { status, stdout, stderr } = await tollgate(...words, '--json');
      if (status !== 0) throw new Error(stderr);
      return JSON.parse(stdout);
    },
    end() {
      stores.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

type Owner = Pick<CachedAnswer, 'team' | 'user' | 'alias' | 'createdAt'>;

const answerOf = (name: string, text: string, owner: Owner): CachedAnswer => ({
  tenant: TENANT,
  key: `key ${name}`,
  answer: { id: name, model: 'm', parts: [{ type: 'text', text }], stop: { reason: 'end', raw: 'stop' } },
  dropped: [],
  target: 'demo/echo',
  requestId: `req_${name}`,
  expiresAt: owner.createdAt + 3_600_000,
  ...owner,
});

const questionOf = (name: string, question: string, owner: Owner): VectorEntry => ({
  ...entryOf(name, owner.createdAt),
  tenant: TENANT,
  question,
  answerKey: `key ${name}`,
  ...owner,
});
