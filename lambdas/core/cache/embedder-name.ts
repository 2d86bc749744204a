import type { Target } from '../target.ts';
import { MINILM } from './calibrated-thresholds.ts';

/** Grows with anything that makes other vectors of the same model's: how it is asked, how they are normalised. */
const VERSION = 1;

/**
 * `openai/text-embedding-3-small@1536/1`: vectors of two names are never compared. The model is the one whose vectors they are,
 * whatever a deployment of it is called; its region does not matter.
 */
export const embedderName = (
  embedder: 'minilm' | Pick<Target, 'provider' | 'model' | 'embedding'>,
  dimensions?: number,
): string =>
  embedder === 'minilm'
    ? MINILM
    : `${embedder.provider.name}/${embedder.embedding?.space ?? embedder.model}@${dimensions ?? '?'}/${VERSION}`;
