import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Embedded, type Embedder, EmbedderUnavailable } from '../../core/cache/embedder.ts';
import { DIMENSIONS, EMBEDDER_NAME, MODEL, MODELS_FOLDER, readArtefact, TOKENIZER } from './artefacts.ts';
import { parseTokenizer, type WordPiece } from './word-piece.ts';

/** The few of onnxruntime-node's words that are used here. It is installed beside the model and not by `npm ci`. */
export interface Runtime {
  Tensor: new (type: 'int64', data: BigInt64Array, dimensions: readonly number[]) => unknown;
  InferenceSession: {
    create(model: Uint8Array, options: { intraOpNumThreads: number; logSeverityLevel: 3 }): Promise<Session>;
  };
}
export interface Session {
  run(
    feeds: Record<string, unknown>,
  ): Promise<Record<string, { data: Float32Array; dims: readonly number[] } | undefined>>;
}

/** What the model was trained on: what lies beyond would not be in the vector. */
const MOST_TOKENS = 128;

export type LocalEmbedder = { kind: 'ready'; embedder: Embedder } | { kind: 'off'; why: string };

/**
 * MiniLM on this machine's processor: `ready` once `npm run fetch-model` has been run, else `off`, and why. Nothing stands
 * in for it.
 *
 * @throws {Error} where what was fetched is not what is pinned.
 */
export const openMiniLm = async (folder: string = MODELS_FOLDER): Promise<LocalEmbedder> => {
  let runtime: Runtime;
  let model: Buffer;
  let tokenizer: WordPiece;
  try {
    model = readArtefact(folder, MODEL);
    tokenizer = parseTokenizer(readArtefact(folder, TOKENIZER).toString('utf8'));
    runtime = createRequire(join(folder, 'package.json'))('onnxruntime-node') as Runtime;
  } catch (error) {
    if (!isMissing(error)) throw error;
    return { kind: 'off', why: 'the local embedder has not been fetched: npm run fetch-model' };
  }
  const session = await runtime.InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  return { kind: 'ready', embedder: makeMiniLmEmbedder(runtime, session, tokenizer) };
};

const isMissing = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  (error.code === 'ENOENT' || error.code === 'MODULE_NOT_FOUND');

/** @param runtime that made the session */
export const makeMiniLmEmbedder = (runtime: Runtime, session: Session, tokenizer: WordPiece): Embedder => ({
  name: EMBEDDER_NAME,
  dimensions: DIMENSIONS,
  async embed(text, signal) {
    const { ids, unknown, isCut } = tokenizer.encode(text, MOST_TOKENS);
    const why = isCut ? 'too-long' : unknown > 0 ? 'unknown-words' : ids.length <= 2 ? 'empty' : undefined;
    if (why !== undefined) return { kind: 'unreadable', why };
    if (signal?.aborted) throw new EmbedderUnavailable('MiniLM was not waited for.');
    // One text a call: in a batch the 8-bit weights give each text another vector.
    const of = (value: (id: number) => number) =>
      new runtime.Tensor(
        'int64',
        BigInt64Array.from(ids, (id) => BigInt(value(id))),
        [1, ids.length],
      );
    const feeds = { input_ids: of((id) => id), attention_mask: of(() => 1), token_type_ids: of(() => 0) };
    const output = await session.run(feeds).catch((cause: unknown) => {
      throw new EmbedderUnavailable('MiniLM could not be run.', { cause });
    });
    if (signal?.aborted) throw new EmbedderUnavailable('MiniLM did not answer in time.');
    const states = output['last_hidden_state']?.data;
    if (states?.length !== ids.length * DIMENSIONS)
      throw new EmbedderUnavailable('MiniLM answered with another shape.');
    return { kind: 'vector', vector: meanOf(states, ids.length), inputTokens: ids.length } satisfies Embedded;
  },
});

/** The mean of the tokens' states, of length 1. */
const meanOf = (states: Float32Array, tokens: number): Float32Array => {
  const vector = new Float32Array(DIMENSIONS);
  for (let token = 0; token < tokens; token++)
    for (let i = 0; i < DIMENSIONS; i++) vector[i] = (vector[i] ?? 0) + (states[token * DIMENSIONS + i] ?? 0);
  const length = Math.hypot(...vector);
  if (!(length > 0)) throw new EmbedderUnavailable('MiniLM answered with a vector of no length.');
  return vector.map((value) => value / length);
};
