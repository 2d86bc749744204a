import { type Embedder, EmbedderUnavailable } from './embedder.ts';

export interface LateEmbedder extends Embedder {
  /** Opens it, unless that has begun. @returns it, or why there is none; never rejects */
  open(): Promise<Embedder | string>;
}

/**
 * An embedder that takes a while to open, which the first text begins if nobody did before. Until it is there, texts wait for
 * it as long as whoever asks does; where it can't be opened every text is told why.
 *
 * @param known what is known of it before
 * @param open rejects, or resolves with why there is none
 */
export const makeLateEmbedder = (
  { name, dimensions }: Pick<Embedder, 'name' | 'dimensions'>,
  open: () => Promise<Embedder | string>,
): LateEmbedder => {
  let opening: Promise<Embedder | string> | undefined;
  const begin = (): Promise<Embedder | string> =>
    open().then(
      (embedder) =>
        typeof embedder === 'string' || (embedder.name === name && embedder.dimensions === dimensions)
          ? embedder
          : `it is ${embedder.name} of ${embedder.dimensions} numbers`,
      (error: unknown) => String(error),
    );
  const openOnce = (): Promise<Embedder | string> => {
    opening ??= begin();
    return opening;
  };
  return {
    name,
    dimensions,
    open: openOnce,
    async embed(text, signal) {
      const embedder = await unlessAborted(openOnce(), signal);
      if (typeof embedder === 'string') throw new EmbedderUnavailable(`${name} could not be opened: ${embedder}.`);
      return embedder.embed(text, signal);
    },
  };
};

/** @throws {EmbedderUnavailable} where the signal aborts first */
const unlessAborted = async <T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
  if (signal === undefined) return work;
  const aborted = Promise.withResolvers<never>();
  const stop = (): void => aborted.reject(new EmbedderUnavailable('The embedder was still being opened.'));
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
};
