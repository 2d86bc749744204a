import { METRICS_NAMESPACE, type MetricRecord } from '../../lambdas/contract/metrics.ts';
import { ofType, type SynthesisedGateway } from '../support/synth-gateway.ts';

/** A metric as a dashboard or an alarm names it. */
export interface Drawn {
  name: string;
  dimensions: string[];
}

export const keyOf = ({ name, dimensions }: Drawn): string => `${name}{${dimensions.toSorted().join()}}`;

/** A dashboard's body as text, with a word for what only a deployment knows. @param id beginning of its logical id */
export const dashboardText = (gateway: SynthesisedGateway, id: string): string => {
  const [, dashboard] = ofType(gateway, 'AWS::CloudWatch::Dashboard').find(([one]) => one.startsWith(id)) ?? [];
  const body = dashboard?.Properties['DashboardBody'] as { 'Fn::Join': [string, unknown[]] };
  return body['Fn::Join'][1]
    .map((part) => (typeof part === 'string' ? part : 'ref'))
    .join('')
    .replaceAll('\\"', '"');
};

/** The metrics that a dashboard draws, named one by one or searched for. @throws {Error} for a search in another's namespace */
export const drawnBy = (gateway: SynthesisedGateway, id: string): Drawn[] => {
  const text = dashboardText(gateway, id);
  const searched = [...text.matchAll(/SEARCH\('\{([^}]*)\} MetricName="(\w+)"/g)].map(([, schema = '', name = '']) => {
    const [namespace, ...dimensions] = schema.split(',');
    if (namespace !== METRICS_NAMESPACE) throw new Error(`a search in ${namespace}`);
    return { name, dimensions };
  });
  const named = [...text.matchAll(/\["Tollgate","(\w+)"((?:,"[^"]*")*)/g)].map(([, name = '', rest = '']) => ({
    name,
    // Pairs of name and value.
    dimensions: [...rest.matchAll(/"([^"]*)"/g)].flatMap(([, part = ''], i) => (i % 2 === 0 ? [part] : [])),
  }));
  return [...searched, ...named];
};

export const kindsOf = (records: readonly MetricRecord[]): Set<string> =>
  new Set(
    records.flatMap(({ dimensions, values }) =>
      Object.keys(values).map((name) => keyOf({ name, dimensions: Object.keys(dimensions) })),
    ),
  );
