import { SEARCH_VARIABLES, type SearchPlace } from '../contract/search-index.ts';

const PARTS = Object.keys(SEARCH_VARIABLES) as (keyof SearchPlace)[];

/**
 * Where the semantic cache's index is, as `lib` puts it into a function's environment, or into a stack's outputs.
 *
 * @param names of its parts there
 * @returns undefined where there is none
 * @throws {Error} naming the parts that are missing, where others are there
 */
export const readSearchPlace = (
  values: Readonly<Record<string, string | undefined>>,
  names: Readonly<Record<keyof SearchPlace, string>> = SEARCH_VARIABLES,
): SearchPlace | undefined => {
  const missing = PARTS.filter((part) => !values[names[part]]);
  if (missing.length === PARTS.length) return undefined;
  if (missing.length > 0)
    throw new Error(`the semantic cache's index: ${missing.map((part) => names[part]).join(', ')} missing`);
  const partOf = (part: keyof SearchPlace): string => values[names[part]] ?? '';
  return { endpoint: partOf('endpoint'), region: partOf('region'), prefix: partOf('prefix') };
};
