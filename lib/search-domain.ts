import { Annotations, Names, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { ArnPrincipal, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { CfnDomain, EngineVersion, TLSSecurityPolicy } from 'aws-cdk-lib/aws-opensearchservice';
import { Construct } from 'constructs';
import type { VectorDomainConfig } from '../lambdas/contract/cache-config.ts';
import { type SearchRight, searchStatements } from './search-rights.ts';

/** A role that the domain lets in, and what it may ask. */
export interface SearchUser {
  readonly roleArn: string;
  readonly rights: readonly SearchRight[];
}

export interface SearchDomainProps {
  readonly config: VectorDomainConfig;
  readonly users: readonly SearchUser[];
}

/** The version that the adapter is tried with (test/real/opensearch.test.ts). */
const ENGINE = EngineVersion.OPENSEARCH_3_5;
const DEFAULTS = { instanceType: 't3.small.search', instances: 1, volumeGiB: 10 } as const;
/** In us-east-1; where the figures are from: docs/cost.md. A test holds them against each other. */
const DEFAULT_USD_A_MONTH = '$27.50';
/** Domain names end here. */
const MOST_NAME_LENGTH = 28;

/** What cdk-nag finds here, and why it stands. */
const FINDINGS = [
  {
    id: 'AwsSolutions::AwsSolutions-OS1',
    reason:
      "No function stands in a VPC: it would need a NAT gateway by the hour to reach the providers. Requests come over TLS, signed, from the roles that the domain's policy names.",
  },
  {
    id: 'AwsSolutions::AwsSolutions-OS3',
    reason: 'Functions outside of a VPC have no addresses of their own. The policy names roles instead.',
  },
  {
    id: 'AwsSolutions::AwsSolutions-OS4',
    reason: 'Dedicated master nodes cost more than all the rest, for one small index that can be made again.',
  },
  {
    id: 'AwsSolutions::AwsSolutions-OS7',
    reason: 'A cache in one zone: without it every question is a miss. `instances: 2` or 3 spreads it over zones.',
  },
  ...['SEARCH_SLOW_LOGS', 'INDEX_SLOW_LOGS'].map((log) => ({
    id: `AwsSolutions::AwsSolutions-OS9[LogExport::${log}]`,
    reason:
      "Slow logs quote searches and documents, which are users' questions: they belong into no log, where no purge would reach them.",
  })),
];

/**
 * A small OpenSearch domain for the vectors of questions. It is paid by the hour, and deleted with the stack or with its lines
 * in the configuration: what it holds can be had again, and nobody is to pay for, or keep, what nobody asks any more.
 */
export class SearchDomain extends Construct {
  readonly domain: CfnDomain;
  readonly arn: string;
  /** `https://…` */
  readonly endpoint: string;

  constructor(scope: Construct, id: string, { config, users }: SearchDomainProps) {
    super(scope, id);
    const { instanceType, instances, volumeGiB } = { ...DEFAULTS, ...config };
    // By a name known beforehand: the policy names the paths of the domain that it is part of.
    const domainName = Names.uniqueResourceName(this, { maxLength: MOST_NAME_LENGTH, separator: '-' }).toLowerCase();
    this.arn = Stack.of(this).formatArn({ service: 'es', resource: 'domain', resourceName: domainName });
    this.domain = new CfnDomain(this, 'Domain', {
      domainName,
      engineVersion: ENGINE.version,
      clusterConfig: {
        instanceType,
        instanceCount: instances,
        dedicatedMasterEnabled: false,
        zoneAwarenessEnabled: instances > 1,
        ...(instances > 1 && { zoneAwarenessConfig: { availabilityZoneCount: instances } }),
      },
      ebsOptions: { ebsEnabled: true, volumeType: 'gp3', volumeSize: volumeGiB },
      encryptionAtRestOptions: { enabled: true },
      nodeToNodeEncryptionOptions: { enabled: true },
      domainEndpointOptions: { enforceHttps: true, tlsSecurityPolicy: TLSSecurityPolicy.TLS_1_2_PFS },
      // Rights are given by paths, which a request of several indices would leave for its body.
      advancedOptions: { 'rest.action.multi.allow_explicit_index': 'false' },
      // AWS cuts domains off that leave out required updates for two months.
      softwareUpdateOptions: { autoSoftwareUpdateEnabled: true },
      accessPolicies: new PolicyDocument({
        statements: users.flatMap(({ roleArn, rights }) =>
          searchStatements(this.arn, rights).map(
            (statement) => new PolicyStatement({ ...statement, principals: [new ArnPrincipal(roleArn)] }),
          ),
        ),
      }),
    });
    this.domain.applyRemovalPolicy(RemovalPolicy.DESTROY);
    // Without it another version were another domain, by a name that is taken.
    this.domain.cfnOptions.updatePolicy = { enableVersionUpgrade: true };
    this.endpoint = `https://${this.domain.attrDomainEndpoint}`;
    Validations.of(this).acknowledge(...FINDINGS);
    const isDefault = instanceType === DEFAULTS.instanceType && instances === 1 && volumeGiB === DEFAULTS.volumeGiB;
    Annotations.of(this).addInfoV2(
      'tollgate:search-domain',
      `The semantic cache's index is an OpenSearch domain (${instances} × ${instanceType}, ${volumeGiB} GiB), which is paid by the hour, asked or not${isDefault ? `: about ${DEFAULT_USD_A_MONTH} a month in us-east-1` : ''} (docs/cost.md).`,
    );
  }
}
