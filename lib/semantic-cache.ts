import { Annotations, Arn, ArnFormat, Duration, Names, Stack, Validations } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { InvocationType, Trigger } from 'aws-cdk-lib/triggers';
import { Construct } from 'constructs';
import type { VectorIndexConfig } from '../lambdas/contract/cache-config.ts';
import { DIMENSIONS_VARIABLE, SEARCH_VARIABLES, type SearchPlace } from '../lambdas/contract/search-index.ts';
import { makeFailureQueue } from './failure-queue.ts';
import { makeLambdaFunction } from './lambda-function.ts';
import { SearchDomain } from './search-domain.ts';
import { gatewayRights, keeperRights, type SearchRight, searchStatements } from './search-rights.ts';

export interface SemanticCacheProps {
  readonly index: VectorIndexConfig;
  /** Numbers in a vector of the embedder's. */
  readonly dimensions: number;
  /** The function that finds and puts questions; it is told where. */
  readonly gateway: Lambda;
}

/** Of a domain that has nothing else on it. */
const OWN_PREFIX = 'tollgate';
/** Index names are far from their bound with it. */
const MOST_PREFIX_LENGTH = 60;

/**
 * The index of the semantic cache: a domain, or rights on one that is there, and the function that makes and sweeps the
 * indices on it. Its first run comes with the deployment, which does not wait for it: without an index every question is a
 * miss, and that is no reason to roll a gateway back.
 */
export class SemanticCache extends Construct {
  readonly place: SearchPlace;
  readonly domainArn: string;
  /** undefined where the index is on a domain that the stack did not make. */
  readonly searchDomain: SearchDomain | undefined;
  readonly keeper: Lambda;
  /** Runs that failed for good. */
  readonly failures: Queue;

  constructor(scope: Construct, id: string, { index, dimensions, gateway }: SemanticCacheProps) {
    super(scope, id);
    this.failures = makeFailureQueue(this, 'Failures');
    this.keeper = makeLambdaFunction(this, 'Keeper', {
      folder: 'cache-keeper',
      description: "Tollgate: makes and sweeps the semantic cache's index",
      memoryMb: 256,
      // It takes out thousands at a time; what is left when the time is up is the next run's.
      timeout: Duration.minutes(5),
      environment: { [DIMENSIONS_VARIABLE]: String(dimensions) },
    });
    const prefix = 'domain' in index ? OWN_PREFIX : this.ownName();
    const users = [
      { function: gateway, rights: gatewayRights(prefix, dimensions) },
      { function: this.keeper, rights: keeperRights(prefix, dimensions) },
    ];
    if ('domain' in index) {
      this.searchDomain = new SearchDomain(this, 'Search', {
        config: index.domain,
        users: users.map((user) => ({ roleArn: roleOf(user.function).roleArn, rights: user.rights })),
      });
      this.domainArn = this.searchDomain.arn;
      this.place = { endpoint: this.searchDomain.endpoint, region: Stack.of(this).region, prefix };
    } else {
      this.searchDomain = undefined;
      this.domainArn = index.arn;
      this.place = { endpoint: index.endpoint.replace(/\/$/, ''), region: regionOf(index.arn), prefix };
    }
    for (const { function: user, rights } of users) {
      for (const statement of searchStatements(this.domainArn, rights))
        user.addToRolePolicy(new PolicyStatement(statement));
      for (const [part, name] of Object.entries(SEARCH_VARIABLES) as [keyof SearchPlace, string][])
        user.addEnvironment(name, this.place[part]);
    }
    this.acknowledgeDocuments(roleOf(gateway), gatewayRights(prefix, dimensions));
    this.runKeeper();
  }

  private runKeeper(): void {
    this.keeper.configureAsyncInvoke({
      retryAttempts: 2,
      maxEventAge: Duration.hours(1),
      onFailure: new SqsDestination(this.failures),
    });
    new Rule(this, 'EveryHour', {
      schedule: Schedule.rate(Duration.hours(1)),
      targets: [
        new LambdaFunction(this.keeper, {
          retryAttempts: 2,
          maxEventAge: Duration.hours(1),
          deadLetterQueue: this.failures,
        }),
      ],
    });
    // Asynchronous: a domain that does not answer holds up no deployment, rollback or removal.
    new Trigger(this, 'AtDeployment', { handler: this.keeper, invocationType: InvocationType.EVENT });
    // The rule calls the function itself, the trigger its version by a right on all of them.
    Annotations.of(this.keeper).acknowledgeWarning('@aws-cdk/aws-lambda:addPermissionsToVersionOrAlias');
  }

  /** A document's id is in its path. */
  private acknowledgeDocuments(role: IRole, rights: readonly SearchRight[]): void {
    for (const path of new Set(rights.map(([, path]) => path).filter((path) => path.endsWith('*'))))
      Validations.of(role).acknowledge({
        id: `AwsSolutions::AwsSolutions-IAM5[Resource::${this.domainArnAsNagSaysIt()}/${path}]`,
        reason: 'Every question is a document of its own in the one index of the cache.',
      });
  }

  /** References in angle brackets: `arn:<AWS::Partition>:es:…`. */
  private domainArnAsNagSaysIt(): string {
    const resolved: unknown = Stack.of(this).resolve(this.domainArn);
    const parts = (resolved as { 'Fn::Join'?: [string, (string | { Ref: string })[]] })['Fn::Join']?.[1];
    return parts?.map((part) => (typeof part === 'string' ? part : `<${part.Ref}>`)).join('') ?? this.domainArn;
  }

  private ownName(): string {
    return Names.uniqueResourceName(this, { maxLength: MOST_PREFIX_LENGTH, separator: '-' }).toLowerCase();
  }
}

const regionOf = (arn: string): string => {
  const { region } = Arn.split(arn, ArnFormat.SLASH_RESOURCE_NAME);
  if (!region) throw new Error(`${arn} names no region`);
  return region;
};

const roleOf = ({ role }: Lambda): IRole => {
  if (role === undefined) throw new Error('a function without a role');
  return role;
};
