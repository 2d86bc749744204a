import { indexNames, questionNames } from '../lambdas/contract/search-index.ts';

/** One request that may be made: its method, and its path on the domain. */
export type SearchRight = readonly [method: 'Delete' | 'Get' | 'Post' | 'Put', path: string];

/** What finding and putting questions asks of the domain. test/real compares these with what the adapter was seen to ask. */
export const gatewayRights = (prefix: string, dimensions: number): SearchRight[] => {
  const { questions } = questionNames(prefix, dimensions);
  return [
    ['Post', `${questions}/_search`],
    ['Post', `${indexNames(prefix).purges}/_search`],
    ['Put', `${questions}/_doc/*`],
    // Of what it has just put, where a purge came in between.
    ['Delete', `${questions}/_doc/*`],
  ];
};

/** What making and sweeping the indices asks. */
export const keeperRights = (prefix: string, dimensions: number): SearchRight[] => {
  const { purges, purgesIndex, allQuestions } = indexNames(prefix);
  return [
    ['Put', purgesIndex],
    ['Put', questionNames(prefix, dimensions).questionsIndex],
    ...[allQuestions, purges].flatMap((index): SearchRight[] => [
      ['Post', `${index}/_refresh`],
      ['Post', `${index}/_delete_by_query`],
    ]),
  ];
};

/** What a purge asks, and the rewriting of the files after it. */
export const purgeRights = (prefix: string): SearchRight[] => {
  const { purges, allQuestions } = indexNames(prefix);
  return [
    ['Post', `${purges}/_doc`],
    ['Post', `${allQuestions}/_refresh`],
    ['Post', `${allQuestions}/_delete_by_query`],
    ['Post', `${allQuestions}/_flush`],
    ['Post', `${allQuestions}/_forcemerge`],
    ['Get', `${allQuestions}/_stats/docs`],
  ];
};

/** What counting entries asks. */
export const statsRights = (prefix: string): SearchRight[] => [['Post', `${indexNames(prefix).allQuestions}/_search`]];

/** Those rights on a domain, as statements without whom they are for. @param domainArn of the domain itself */
export const searchStatements = (
  domainArn: string,
  rights: readonly SearchRight[],
): { actions: string[]; resources: string[] }[] =>
  [...Map.groupBy(rights, ([method]) => method)].map(([method, ofMethod]) => ({
    actions: [`es:ESHttp${method}`],
    resources: [...new Set(ofMethod.map(([, path]) => `${domainArn}/${path}`))],
  }));
