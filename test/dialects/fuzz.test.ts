/**
 * Damaged bodies and streams through every codec: no crash, no hang, always an answer or a typed failure, and memory that
 * does not grow. A short run here; `npm run fuzz` makes a million, and `FUZZ_SEED` repeats one.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Dialect, Surface } from '../../lambdas/core/dialect.ts';
import type { Target } from '../../lambdas/core/target.ts';
import { makeTarget } from '../core/call/call-fixture.ts';
import { ALL_CODECS } from '../support/all-codecs.ts';
import { type Corpus, corpusOf, sseBytes } from './fuzz/corpus.ts';
import { exerciseAnswer, exerciseError, exerciseRequest, exerciseStream, readPieces } from './fuzz/exercise.ts';
import { cutAnywhere, type Draw, drawsOf, mutateBytes, mutateJson, pick } from './fuzz/mutate.ts';

const CASES = Number(process.env['FUZZ_CASES'] ?? 6_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
/** What may stay in memory when all is done, bytes: codecs keep nothing of what they read. */
const KEPT_BYTES = 16 * 1024 * 1024;

const EMBEDDER = { space: 'one', otherDimensions: { least: 1 }, maxInputs: 1_000 };

const dialects = Object.values(ALL_CODECS.dialects);
const makesVectors = ({ name }: Dialect): boolean => name.endsWith('-embeddings');
const surfaces = dialects.filter((dialect): dialect is Surface => 'relayRequest' in dialect);
/** Those that clients can hear such an answer in: words, or vectors. */
const surfacesFor = (dialect: Dialect): Surface[] =>
  surfaces.filter((surface) => makesVectors(surface) === makesVectors(dialect));
const providers = Object.values(ALL_CODECS.providers);
const corpora = new Map<string, Corpus>(dialects.map((dialect) => [dialect.name, corpusOf(dialect, SEED)]));
const speaking = dialects.map((dialect) => ({ dialect, target: targetOf(dialect) }));

function targetOf({ name }: Dialect): Target {
  return makeTarget(name, {
    dialect: name,
    capabilities: new Set(['tools', 'vision', 'documents', 'json-schema', 'reasoning', 'streaming', 'embeddings']),
    ...(name.endsWith('-embeddings') && { embedding: { ...EMBEDDER, takesTokens: name.startsWith('openai') } }),
    contextTokens: 10_000_000,
    maxOutputTokens: 10_000_000,
  });
}

const corpusFor = ({ name }: Dialect): Corpus => {
  const corpus = corpora.get(name);
  if (corpus === undefined) throw new Error(`nothing to damage in ${name}`);
  return corpus;
};
const having = (what: keyof Corpus): Dialect[] => dialects.filter((dialect) => corpusFor(dialect)[what].length > 0);
/** Rarely as bytes: most damage to those is none that JSON can spell, and ends at its reader. */
const damagedText = (value: object, other: object, draw: Draw): Buffer =>
  draw(5) > 0
    ? Buffer.from(JSON.stringify(mutateJson(value as never, other as never, draw)))
    : mutateBytes(Buffer.from(JSON.stringify(value)), Buffer.from(JSON.stringify(other)), draw);

const KINDS: Record<string, (draw: Draw) => unknown> = {
  requests: (draw) => {
    const surface = pick(surfaces, draw);
    const { requests } = corpusFor(draw(8) === 0 ? pick(having('requests'), draw) : surface);
    return exerciseRequest(
      damagedText(pick(requests, draw), pick(requests, draw), draw),
      surface,
      pick(speaking, draw),
    );
  },
  answers: (draw) => {
    const dialect = pick(having('answers'), draw);
    const { answers } = corpusFor(dialect);
    return exerciseAnswer(
      mutateJson(pick(answers, draw), pick(answers, draw), draw),
      dialect,
      pick(surfacesFor(dialect), draw),
    );
  },
  streams: async (draw) => {
    const dialect = pick(having('streams'), draw);
    const { streams } = corpusFor(dialect);
    const [stream, other] = [pick(streams, draw), pick(streams, draw)];
    const isFramed = stream.some(({ data }) => typeof data !== 'string');
    const events =
      isFramed || draw(2) === 0
        ? (mutateJson(stream as never, other as never, draw) as never)
        : await readPieces(cutAnywhere(mutateBytes(sseBytes(stream), sseBytes(other), draw), draw));
    const readable = (Array.isArray(events) ? events : []).flatMap((event) => wireEventOf(event));
    return exerciseStream(readable, dialect, pick(surfacesFor(dialect), draw));
  },
  errors: (draw) => {
    const provider = pick(providers, draw);
    const dialect = ALL_CODECS.dialects[provider.dialect];
    if (dialect === undefined) throw new Error(`${provider.kind} speaks nothing`);
    const bodies = corpusFor(dialect).answers;
    const error = { error: { message: 'no', type: 'x', code: 1, details: [pick(bodies, draw)] }, message: 'no' };
    const status = pick([400, 401, 403, 404, 408, 413, 418, 429, 500, 503, 529, 600, 0], draw);
    return exerciseError(status, damagedText(error, pick(bodies, draw), draw).toString('utf8'), dialect, provider);
  },
};

/** Damage to a list of events leaves things that no reader of the wire would give. */
function wireEventOf(event: unknown): { type: string; data: string | never }[] {
  if (typeof event !== 'object' || event === null || !('data' in event)) return [];
  const type = 'type' in event && typeof event.type === 'string' ? event.type : '';
  const { data } = event;
  return typeof data === 'string' || (typeof data === 'object' && data !== null && !Array.isArray(data))
    ? [{ type, data: data as never }]
    : [];
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes, without what nobody refers to any more. */
const heapUsed = (): number => {
  collectGarbage();
  return process.memoryUsage().heapUsed;
};

describe(`damaged input, seed ${SEED}`, () => {
  let before = 0;
  beforeAll(() => {
    before = heapUsed();
  });
  afterAll(() => {
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  test.each(Object.keys(KINDS))(
    `%s: ${CASES / 4} of them`,
    async (kind) => {
      const run = KINDS[kind];
      const outcomes: Record<string, number> = {};
      let slowestMs = 0;
      let mostBytes = 0;
      for (let number = 0; number < CASES / 4; number++) {
        const seed = (SEED * 1_000_003 + number) >>> 0;
        const begun = performance.now();
        try {
          const outcome = String(await run?.(drawsOf(seed)));
          outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        } catch (error) {
          throw new Error(`${kind}, case ${number}: ${error instanceof Error ? error.message : String(error)}`, {
            cause: error,
          });
        }
        slowestMs = Math.max(slowestMs, performance.now() - begun);
        if (number % 1_000 === 0) mostBytes = Math.max(mostBytes, process.memoryUsage().heapUsed);
      }
      if (CASES > 100_000)
        process.stderr.write(
          `${kind}: ${JSON.stringify(outcomes)}, slowest ${Math.ceil(slowestMs)} ms, heap ${mostBytes >> 20} MiB at most\n`,
        );
      // Damage that always breaks, or never does, would test nothing.
      expect(Object.keys(outcomes).length).toBeGreaterThan(1);
    },
    Math.max(60_000, CASES * 10),
  );

  test('nothing of it stays in memory', () => {
    expect(heapUsed() - before).toBeLessThan(KEPT_BYTES);
  });
});
