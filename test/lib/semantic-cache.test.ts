import { describe, expect, test } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { PRICES } from '../../bench/pages/prices.ts';
import cdkJson from '../../cdk.json' with { type: 'json' };
import type { VectorIndexConfig } from '../../lambdas/contract/cache-config.ts';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { SEARCH_VARIABLES } from '../../lambdas/contract/search-index.ts';
import { SEARCH_OUTPUTS } from '../../lambdas/contract/stack-outputs.ts';
import { AiGateway } from '../../lib/ai-gateway.ts';
import { cachedDeployable } from '../support/cached-deployable.ts';
import { DEPLOYABLE } from '../support/deployable.ts';
import {
  listOf,
  ofType,
  type Resource,
  type Statement,
  type SynthesisedGateway,
  statementsOf,
  synthGateway,
} from '../support/synth-gateway.ts';

const ARN = 'arn:aws:es:eu-central-1:444455556666:domain/search';
const off = synthGateway();
const made = synthGateway({ config: cachedDeployable() });
const shared = synthGateway({ config: cachedDeployable({ endpoint: 'https://search.example.com/', arn: ARN }) });

const only = (gateway: SynthesisedGateway, type: string, part = ''): Resource => {
  const found = ofType(gateway, type).filter(([id]) => id.includes(part));
  if (found.length !== 1) throw new Error(`expected one ${type} ${part}, got ${found.map(([id]) => id)}`);
  return found[0]?.[1] as Resource;
};

/** `Post tollgate-purges/_search`, of the statements about OpenSearch. @param domain the ARN before its paths, as text */
const searchRights = (statements: readonly Statement[], domain: RegExp): string[] =>
  statements
    .filter(({ Action }) => JSON.stringify(Action).includes('es:'))
    .flatMap(({ Action, Resource }) =>
      listOf(Action).flatMap((action) =>
        listOf(Resource).map((resource) => {
          const [, path] = domain.exec(textOf(resource)) ?? [];
          return `${action.replace('es:ESHttp', '')} ${path ?? `elsewhere: ${textOf(resource)}`}`;
        }),
      ),
    )
    .sort();

/** References in angle brackets. */
const textOf = (value: unknown): string => {
  const parts = (value as { 'Fn::Join'?: [string, unknown[]] })['Fn::Join']?.[1] ?? [value];
  return parts.map((part) => (typeof part === 'string' ? part : `<${(part as { Ref: string }).Ref}>`)).join('');
};

const GATEWAY = (prefix: string) =>
  [
    `Delete ${prefix}-questions-v1-1024/_doc/*`,
    `Post ${prefix}-purges/_search`,
    `Post ${prefix}-questions-v1-1024/_search`,
    `Put ${prefix}-questions-v1-1024/_doc/*`,
  ].sort();
const KEEPER = (prefix: string) =>
  [
    `Post ${prefix}-purges/_delete_by_query`,
    `Post ${prefix}-purges/_refresh`,
    `Post ${prefix}-questions/_delete_by_query`,
    `Post ${prefix}-questions/_refresh`,
    `Put ${prefix}-purges-index`,
    `Put ${prefix}-questions-v1-1024-index`,
  ].sort();

describe('without a semantic cache', () => {
  test('nothing of it is made, told or paid for', () => {
    const text = JSON.stringify(off.template.toJSON());
    expect(text).not.toMatch(/OpenSearch|es:ESHttp|TOLLGATE_SEARCH|Custom::Trigger|SemanticCache|CacheKeeper/);
  });

  test('nor where an index is configured that no model would ask', () => {
    const { models: _, ...config } = cachedDeployable();
    const idle = synthGateway({
      config: { ...config, models: { demo: { targets: [{ provider: 'demo', model: 'echo' }] } } },
    });
    expect(ofType(idle, 'AWS::OpenSearchService::Domain')).toEqual([]);
    expect(ofType(idle, 'Custom::Trigger')).toEqual([]);
  });
});

describe('the domain', () => {
  const domainOf = (domain: object): Resource['Properties'] =>
    only(synthGateway({ config: cachedDeployable({ domain }) }), 'AWS::OpenSearchService::Domain').Properties;

  test('is small, encrypted and reached by TLS alone, of the version that the adapter is tried with', () => {
    const { Properties } = only(made, 'AWS::OpenSearchService::Domain');
    expect(Properties).toEqual({
      DomainName: expect.stringMatching(/^tollgate-[a-z0-9-]{0,10}-[0-9a-f]{8}$/),
      EngineVersion: 'OpenSearch_3.5',
      ClusterConfig: {
        InstanceType: 't3.small.search',
        InstanceCount: 1,
        DedicatedMasterEnabled: false,
        ZoneAwarenessEnabled: false,
      },
      EBSOptions: { EBSEnabled: true, VolumeType: 'gp3', VolumeSize: 10 },
      EncryptionAtRestOptions: { Enabled: true },
      NodeToNodeEncryptionOptions: { Enabled: true },
      DomainEndpointOptions: { EnforceHTTPS: true, TLSSecurityPolicy: 'Policy-Min-TLS-1-2-PFS-2023-10' },
      AdvancedOptions: { 'rest.action.multi.allow_explicit_index': 'false' },
      SoftwareUpdateOptions: { AutoSoftwareUpdateEnabled: true },
      AccessPolicies: expect.anything(),
    });
  });

  test('is upgraded in place: another one would need another name', () => {
    const [id] = ofType(made, 'AWS::OpenSearchService::Domain')[0] ?? [];
    const { Resources } = made.template.toJSON();
    expect(Resources[id ?? ''].UpdatePolicy).toEqual({ EnableVersionUpgrade: true });
  });

  test('is as large as asked for, and several nodes stand in as many zones', () => {
    expect(domainOf({ instances: 2, instanceType: 'm7g.large.search', volumeGiB: 20 })).toMatchObject({
      ClusterConfig: {
        InstanceType: 'm7g.large.search',
        InstanceCount: 2,
        ZoneAwarenessEnabled: true,
        ZoneAwarenessConfig: { AvailabilityZoneCount: 2 },
      },
      EBSOptions: { VolumeSize: 20 },
    });
    expect(domainOf({ instances: 3 })).toMatchObject({
      ClusterConfig: { InstanceCount: 3, ZoneAwarenessConfig: { AvailabilityZoneCount: 3 } },
    });
  });

  test('goes with the stack, also where tables stay: it is paid by the hour and what it holds can be had again', () => {
    expect(only(made, 'AWS::DynamoDB::Table', 'Ledger').DeletionPolicy).toBe('Retain');
    expect(only(made, 'AWS::OpenSearchService::Domain').DeletionPolicy).toBe('Delete');
  });

  test('lets in the gateway and its keeper, each to what it asks, and nobody else', () => {
    const { Properties } = only(made, 'AWS::OpenSearchService::Domain');
    const { Statement: statements } = Properties['AccessPolicies'] as {
      Statement: (Statement & { Effect: string; Principal: { AWS: { 'Fn::GetAtt': [string, string] } } })[];
    };
    const domain = new RegExp(
      `^arn:<AWS::Partition>:es:<AWS::Region>:<AWS::AccountId>:domain/${String(Properties['DomainName'])}/(.+)$`,
    );
    const of = (role: RegExp) =>
      searchRights(
        statements.filter(({ Principal }) => role.test(Principal.AWS['Fn::GetAtt'][0])),
        domain,
      );
    expect(statements.every(({ Effect }) => Effect === 'Allow')).toBe(true);
    expect(of(/^GatewayFunctionRole/)).toEqual(GATEWAY('tollgate'));
    expect(of(/^GatewaySemanticCacheKeeperRole/)).toEqual(KEEPER('tollgate'));
    expect(of(/^(?!GatewayFunctionRole|GatewaySemanticCacheKeeperRole)/)).toEqual([]);
    // The roles' own policies say the same.
    expect(searchRights(statementsOf(made, 'GatewayFunctionRole'), domain)).toEqual(GATEWAY('tollgate'));
    expect(searchRights(statementsOf(made, 'GatewaySemanticCacheKeeperRole'), domain)).toEqual(KEEPER('tollgate'));
  });

  test('a synth says what it costs, as docs/cost.md reckons it', () => {
    const infosOf = (index: VectorIndexConfig): string[] => {
      const app = new App({ context: { ...cdkJson.context, 'aws:cdk:bundling-stacks': [] } });
      const gateway = new AiGateway(new Stack(app, 'Tollgate'), 'Gateway', {
        config: cachedDeployable(index),
        today: '2026-11-23',
      });
      return gateway.node
        .findAll()
        .flatMap(({ node }) => node.metadata)
        .filter(({ type }) => type === 'aws:cdk:info')
        .map(({ data }) => String(data));
    };
    const usd = 730 * PRICES.searchHours.usd + 10 * PRICES.searchStorage.usd;
    expect(infosOf({ domain: {} })).toEqual([
      expect.stringContaining(
        `(1 × t3.small.search, 10 GiB), which is paid by the hour, asked or not: about $${usd.toFixed(2)} a month`,
      ),
    ]);
    expect(infosOf({ domain: { instances: 2 } })).toEqual([expect.stringContaining('asked or not (docs/cost.md)')]);
    expect(infosOf({ endpoint: 'https://search.example.com', arn: ARN })).toEqual([]);
  });
});

describe('a domain that is there already', () => {
  test('is not made; the rights are on it, in its region, on indices that no other gateway has', () => {
    expect(ofType(shared, 'AWS::OpenSearchService::Domain')).toEqual([]);
    const domain = new RegExp(`^${ARN}/(.+)$`);
    const { [SEARCH_VARIABLES.prefix]: prefix = '', ...place } = environmentOf(shared, 'GatewayFunction') as Record<
      string,
      string
    >;
    expect(prefix).toMatch(/^tollgate-gateway-semanticcache-[0-9a-f]{8}$/);
    expect(place).toMatchObject({
      [SEARCH_VARIABLES.endpoint]: 'https://search.example.com',
      [SEARCH_VARIABLES.region]: 'eu-central-1',
    });
    expect(searchRights(statementsOf(shared, 'GatewayFunctionRole'), domain)).toEqual(GATEWAY(prefix));
    expect(searchRights(statementsOf(shared, 'GatewaySemanticCacheKeeperRole'), domain)).toEqual(KEEPER(prefix));
  });
});

const environmentOf = (gateway: SynthesisedGateway, id: string): Record<string, unknown> =>
  (only(gateway, 'AWS::Lambda::Function', id).Properties['Environment'] as { Variables: Record<string, unknown> })
    .Variables;

describe('people who manage the cache', () => {
  const rightsOf = (index?: VectorIndexConfig): string[] => {
    const app = new App({ context: { ...cdkJson.context, 'aws:cdk:bundling-stacks': [] } });
    const stack = new Stack(app, 'Tollgate');
    const gateway = new AiGateway(stack, 'Gateway', {
      config: index === undefined ? DEPLOYABLE : cachedDeployable(index),
      today: '2026-11-23',
    });
    gateway.grantManageCache(new Role(stack, 'People', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') }));
    const { Resources, Outputs } = Template.fromStack(stack).toJSON();
    const made = { template: Template.fromStack(stack), resources: Resources, outputs: Outputs };
    return searchRights(statementsOf(made, 'People'), /:domain\/[^/]+\/(.+)$/);
  };
  const of = (prefix: string): string[] => [
    `Get ${prefix}-questions/_stats/docs`,
    `Post ${prefix}-purges/_doc`,
    ...['_delete_by_query', '_flush', '_forcemerge', '_refresh', '_search'].map(
      (what) => `Post ${prefix}-questions/${what}`,
    ),
  ];

  test('may purge and count what is on its indices, and nothing beside them', () => {
    expect(rightsOf({ domain: {} })).toEqual(of('tollgate'));
    const shared = rightsOf({ endpoint: 'https://search.example.com', arn: ARN });
    expect(shared).toEqual(of(shared[0]?.replace(/^Get |-questions.*$/g, '') ?? ''));
    expect(rightsOf()).toEqual([]);
  });
});

describe('the keeper', () => {
  test('runs at every deployment that changes it, which does not wait for it, and every hour', () => {
    expect(only(made, 'Custom::Trigger').Properties).toMatchObject({
      HandlerArn: { Ref: expect.stringMatching(/^GatewaySemanticCacheKeeperCurrentVersion/) },
      InvocationType: 'Event',
      ExecuteOnHandlerChange: true,
    });
    expect(only(made, 'AWS::Events::Rule', 'EveryHour').Properties).toMatchObject({
      ScheduleExpression: 'rate(1 hour)',
      State: 'ENABLED',
      Targets: [{ Arn: { 'Fn::GetAtt': [expect.stringMatching(/^GatewaySemanticCacheKeeper/), 'Arn'] } }],
    });
  });

  test('another length of vectors is another version of it, so that the new index is made', () => {
    const versionOf = (gateway: SynthesisedGateway) => ofType(gateway, 'AWS::Lambda::Version').map(([id]) => id);
    const config = cachedDeployable();
    const shorter: GatewayConfig = {
      ...config,
      semanticCache: {
        ...config.semanticCache,
        embedder: { provider: 'bedrock', model: 'amazon.titan-embed-text-v2:0', dimensions: 256 },
      },
    };
    const changed = synthGateway({ config: shorter });
    expect(environmentOf(changed, 'SemanticCacheKeeper')).toMatchObject({ TOLLGATE_SEARCH_DIMENSIONS: '256' });
    expect(versionOf(changed)).not.toEqual(versionOf(made));
    expect(versionOf(synthGateway({ config }))).toEqual(versionOf(made));
  });

  test('is tried again, and gives up into a queue that an alarm looks at', () => {
    const queue = { 'Fn::GetAtt': [expect.stringMatching(/^GatewaySemanticCacheFailures/), 'Arn'] };
    expect(only(made, 'AWS::Lambda::EventInvokeConfig', 'SemanticCache').Properties).toMatchObject({
      MaximumRetryAttempts: 2,
      DestinationConfig: { OnFailure: { Destination: queue } },
    });
    expect(only(made, 'AWS::Events::Rule', 'EveryHour').Properties).toMatchObject({
      Targets: [{ DeadLetterConfig: { Arn: queue } }],
    });
    expect(only(made, 'AWS::CloudWatch::Alarm', 'CacheKeeperFailed').Properties).toMatchObject({
      Dimensions: [{ Name: 'QueueName', Value: { 'Fn::GetAtt': [queue['Fn::GetAtt'][0], 'QueueName'] } }],
      Threshold: 0,
    });
  });

  test('it and the gateway are told the place, and the command line by the outputs', () => {
    const place = {
      endpoint: {
        'Fn::Join': [
          '',
          [
            'https://',
            { 'Fn::GetAtt': [expect.stringMatching(/^GatewaySemanticCacheSearchDomain/), 'DomainEndpoint'] },
          ],
        ],
      },
      region: { Ref: 'AWS::Region' },
      prefix: 'tollgate',
    };
    for (const id of ['GatewayFunction', 'SemanticCacheKeeper'])
      for (const part of ['endpoint', 'region', 'prefix'] as const)
        expect(environmentOf(made, id)[SEARCH_VARIABLES[part]]).toEqual(place[part]);
    for (const part of ['endpoint', 'region', 'prefix'] as const)
      expect(made.outputs[`Gateway${SEARCH_OUTPUTS[part]}`]?.Value).toEqual(place[part]);
  });
});
