/** The local embedder's name and version. */
export const MINILM = 'minilm-l6-v2-q/1';

/**
 * What a score has to reach where an alias names no threshold of its own, by embedder: as `npm run docs:cache` calibrates it
 * (docs/semantic-cache.md). An embedder that is not here has to be calibrated before it is used.
 */
export const CALIBRATED: ReadonlyMap<string, number> = new Map([[MINILM, 0.86]]);
