import { Duration, Names, RemovalPolicy, Validations } from 'aws-cdk-lib';
import {
  AccessLogField,
  AccessLogFormat,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  MethodLoggingLevel,
  ResponseTransferMode,
  RestApi,
  SecurityPolicy,
} from 'aws-cdk-lib/aws-apigateway';
import type { ICertificate } from 'aws-cdk-lib/aws-certificatemanager';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { ARecord, type IHostedZone, RecordTarget } from 'aws-cdk-lib/aws-route53';
import { ApiGatewayDomain } from 'aws-cdk-lib/aws-route53-targets';
import { Construct } from 'constructs';
import { Firewall } from './firewall.ts';
import { shapeGatewayResponses } from './gateway-responses.ts';
import { LOG_RETENTION } from './lambda-function.ts';

export interface GatewayDomain {
  /** `ai.example.com` */
  readonly name: string;
  /** Of the stack's own region. */
  readonly certificate: ICertificate;
  /** Where to put the name; without one, point it at the output `DomainTarget` yourself. */
  readonly zone?: IHostedZone;
}

export interface Throttle {
  readonly requestsPerSecond: number;
  /** Requests that may come at once above that rate. */
  readonly burst: number;
}

export interface GatewayApiProps {
  readonly handler: IFunction;
  /** `buffered` is for emulators that can't stream: everything else stays as it is. */
  readonly responseTransfer: 'stream' | 'buffered';
  readonly throttle: Throttle;
  readonly domain?: GatewayDomain;
  readonly firewall?: { readonly requestsPer5Minutes: number };
}

/** As long as API Gateway streams; a buffered answer it waits for 29 s. */
const INTEGRATIONS = {
  stream: { responseTransferMode: ResponseTransferMode.STREAM, timeout: Duration.minutes(15) },
  buffered: { responseTransferMode: ResponseTransferMode.BUFFERED, timeout: Duration.seconds(29) },
};

const STAGE = 'api';

/** Who asked for what and how it ended; never a header, a query or a body. */
const ACCESS_LOG = AccessLogFormat.custom(
  JSON.stringify({
    request_id: AccessLogField.contextRequestId(),
    time: AccessLogField.contextRequestTimeEpoch(),
    ip: AccessLogField.contextIdentitySourceIp(),
    method: AccessLogField.contextHttpMethod(),
    path: AccessLogField.contextPath(),
    status: AccessLogField.contextStatus(),
    response_bytes: AccessLogField.contextResponseLength(),
    latency_ms: AccessLogField.contextResponseLatency(),
    error: AccessLogField.contextErrorResponseType(),
    integration_error: AccessLogField.contextIntegrationErrorMessage(),
  }),
);

/** What cdk-nag finds here, and why it stands. */
const FINDINGS = [
  {
    id: 'AwsSolutions::AwsSolutions-APIG2',
    reason:
      'The function checks each body by its dialect and answers in that dialect; a schema here could only refuse in another shape.',
  },
  {
    id: 'AwsSolutions::AwsSolutions-APIG3',
    reason:
      'A web ACL costs by the month: the prop `firewall` adds one. Requests without a valid key end at its checksum.',
  },
  {
    id: 'AwsSolutions::AwsSolutions-APIG4',
    reason:
      "Callers are OpenAI and Anthropic SDKs, which send a key as bearer or x-api-key. The function checks it, since an authorizer's refusal would not be in the SDK's shape and its cache would delay revocation.",
  },
  {
    id: 'AwsSolutions::AwsSolutions-APIG6',
    reason:
      'Execution logs quote requests and have no retention. The access log and the lines of the function say what happened.',
  },
  {
    id: 'AwsSolutions::AwsSolutions-COG4',
    reason: 'Callers are programs with keys, not people of a user pool.',
  },
  {
    id: 'AwsSolutions::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
    reason: 'The policy that AWS has for exactly this: API Gateway writing its logs, for the whole account.',
  },
];

/**
 * The front door: a regional REST API that passes every path to one function and its answer back as it is written. A
 * regional one, since an edge-optimised one cuts connections that are idle for 30 s.
 */
export class GatewayApi extends Construct {
  readonly api: RestApi;
  /** What Anthropic's SDKs take as base URL; OpenAI's take it with `/v1`. */
  readonly baseUrl: string;
  /** Where to point the domain's name, where there is a domain. */
  readonly domainTarget: string | undefined;

  constructor(scope: Construct, id: string, props: GatewayApiProps) {
    super(scope, id);
    const { handler, responseTransfer, throttle, domain, firewall } = props;
    const accessLog = new LogGroup(this, 'AccessLog', {
      retention: LOG_RETENTION,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.api = new RestApi(this, 'Rest', {
      // Its metrics go by this name.
      restApiName: Names.uniqueResourceName(this, { separator: '-' }),
      description: 'Tollgate, an AI gateway',
      endpointTypes: [EndpointType.REGIONAL],
      // The account's right to write access logs; API Gateway has one for all its APIs, so it stays when the stack goes.
      cloudWatchRole: true,
      cloudWatchRoleRemovalPolicy: RemovalPolicy.RETAIN,
      disableExecuteApiEndpoint: domain !== undefined,
      deployOptions: {
        stageName: STAGE,
        throttlingRateLimit: throttle.requestsPerSecond,
        throttlingBurstLimit: throttle.burst,
        accessLogDestination: new LogGroupLogDestination(accessLog),
        accessLogFormat: ACCESS_LOG,
        // Execution logs quote requests and have no retention of their own.
        loggingLevel: MethodLoggingLevel.OFF,
        dataTraceEnabled: false,
        metricsEnabled: false,
      },
      ...(domain !== undefined && {
        domainName: {
          domainName: domain.name,
          certificate: domain.certificate,
          endpointType: EndpointType.REGIONAL,
          securityPolicy: SecurityPolicy.TLS_1_2,
        },
      }),
    });
    // Its own output would be a second address beside the base URL that SDKs take.
    this.api.node.tryRemoveChild('Endpoint');
    this.api.root
      .addResource('{proxy+}')
      .addMethod('ANY', new LambdaIntegration(handler, { ...INTEGRATIONS[responseTransfer], allowTestInvoke: false }));
    shapeGatewayResponses(this.api);
    Validations.of(this).acknowledge(...FINDINGS);
    if (firewall !== undefined)
      new Firewall(this, 'Firewall', { ...firewall, stageArn: this.api.deploymentStage.stageArn });
    this.baseUrl =
      domain === undefined
        ? `https://${this.api.restApiId}.execute-api.${this.api.env.region}.${this.api.stack.urlSuffix}/${STAGE}`
        : `https://${domain.name}`;
    this.domainTarget = this.api.domainName?.domainNameAliasDomainName;
    if (domain?.zone !== undefined)
      new ARecord(this, 'Name', {
        zone: domain.zone,
        recordName: `${domain.name}.`,
        target: RecordTarget.fromAlias(new ApiGatewayDomain(nameOf(this.api))),
      });
  }
}

const nameOf = ({ domainName }: RestApi): NonNullable<RestApi['domainName']> => {
  if (domainName === undefined) throw new Error('the API was made without a domain name');
  return domainName;
};
