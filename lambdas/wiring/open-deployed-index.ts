import type { AwsCredentials } from '../adapters/environment/aws-credentials.ts';
import type { IndexAdministration } from '../adapters/opensearch/administer-index.ts';
import type { IndexKeeper } from '../adapters/opensearch/keep-index.ts';
import type { OpenSearch } from '../adapters/opensearch/open-search.ts';
import type { SearchPlace } from '../contract/search-index.ts';
import type { VectorIndex } from '../core/cache/vector-index.ts';
import { readSearchPlace } from './read-search-place.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Credentials = () => Promise<AwsCredentials>;

/** What ends the connections. */
export interface Closable {
  close(): void;
}

/**
 * The semantic cache's index as a deployed gateway asks it, with the function's own credentials. The adapter is loaded here and
 * now: a gateway without such an index never reads it.
 *
 * @param dimensions of the embedder
 * @param findTimeoutMs of one find; 150 unless given
 * @returns undefined where the environment names none
 * @throws {Error} where it names half of one
 */
export const openDeployedIndex = async (
  env: Environment,
  { dimensions, findTimeoutMs }: { dimensions: number; findTimeoutMs?: number },
): Promise<VectorIndex | undefined> => {
  const place = readSearchPlace(env);
  if (place === undefined) return undefined;
  const [openSearch, { makeOpenSearchIndex }] = await Promise.all([
    openPlace(place, await ownCredentials(env)),
    import('../adapters/opensearch/vector-index.ts'),
  ]);
  const { prefix } = place;
  return makeOpenSearchIndex({ openSearch, prefix, dimensions, ...(findTimeoutMs !== undefined && { findTimeoutMs }) });
};

/** The index as it is made and swept, with the function's own credentials. */
export const openIndexKeeper = async (
  env: Environment,
  place: SearchPlace,
  dimensions: number,
): Promise<IndexKeeper & Closable> => {
  const [openSearch, { makeIndexKeeper }] = await Promise.all([
    openPlace(place, await ownCredentials(env)),
    import('../adapters/opensearch/keep-index.ts'),
  ]);
  return { ...makeIndexKeeper({ openSearch, prefix: place.prefix, dimensions }), close: openSearch.close };
};

/** Gateways' clocks and a person's: requests that come so soon after a purge are not kept. */
const MOST_APART_MS = 60_000;

/** The index as people purge and count it, with their credentials. @param place as the stack's outputs name it (`readSearchPlace`) */
export const openIndexAdministration = async (
  place: SearchPlace,
  credentials: Credentials,
): Promise<IndexAdministration & Closable> => {
  const [openSearch, { administerIndex }] = await Promise.all([
    openPlace(place, credentials),
    import('../adapters/opensearch/administer-index.ts'),
  ]);
  return {
    ...administerIndex({ openSearch, prefix: place.prefix, clocksApartMs: MOST_APART_MS }),
    close: openSearch.close,
  };
};

const openPlace = async ({ endpoint, region }: SearchPlace, credentials: Credentials): Promise<OpenSearch> => {
  const { openOpenSearch } = await import('../adapters/opensearch/open-search.ts');
  return openOpenSearch({ endpoint, signing: { region, credentials } });
};

const ownCredentials = async (env: Environment): Promise<Credentials> => {
  const { environmentCredentials } = await import('../adapters/environment/aws-credentials.ts');
  return environmentCredentials(env);
};
