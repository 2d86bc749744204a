import { describe, expect, test } from '@jest/globals';
import { Match } from 'aws-cdk-lib/assertions';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { HostedZone } from 'aws-cdk-lib/aws-route53';
import { ofType, synthGateway } from '../support/synth-gateway.ts';

const gateway = synthGateway();
const { template, outputs } = gateway;

describe('the front door', () => {
  test('streams: transfer mode STREAM and the URI for streamed invocations, for 15 minutes', () => {
    const [method] = ofType(gateway, 'AWS::ApiGateway::Method');
    const integration = method?.[1].Properties['Integration'] as Record<string, unknown>;
    expect(integration).toMatchObject({ ResponseTransferMode: 'STREAM', TimeoutInMillis: 900_000, Type: 'AWS_PROXY' });
    const uri = JSON.stringify(integration['Uri']);
    expect(uri).toContain(':lambda:path/2021-11-15/functions/');
    expect(uri).toContain('/response-streaming-invocations');
  });

  test('is regional: an edge-optimised one would cut streams that are silent for 30 s', () => {
    template.hasResourceProperties('AWS::ApiGateway::RestApi', { EndpointConfiguration: { Types: ['REGIONAL'] } });
  });

  test('passes every path and method to one function', () => {
    expect(ofType(gateway, 'AWS::ApiGateway::Method')).toHaveLength(1);
    template.hasResourceProperties('AWS::ApiGateway::Method', { HttpMethod: 'ANY', AuthorizationType: 'NONE' });
    template.hasResourceProperties('AWS::ApiGateway::Resource', { PathPart: '{proxy+}' });
  });

  test('is throttled, and logs no header, query or body', () => {
    const [stage] = ofType(gateway, 'AWS::ApiGateway::Stage');
    const { MethodSettings: settings, AccessLogSetting: log } = stage?.[1].Properties ?? {};
    expect(settings).toEqual([
      expect.objectContaining({
        HttpMethod: '*',
        ResourcePath: '/*',
        ThrottlingRateLimit: 500,
        ThrottlingBurstLimit: 1_000,
        DataTraceEnabled: false,
        LoggingLevel: 'OFF',
      }),
    ]);
    const { Format: format } = log as { Format: string };
    const variables = [...format.matchAll(/\$context\.[\w.]+/g)].map(([variable]) => variable);
    expect(variables).toEqual([
      '$context.requestId',
      '$context.requestTimeEpoch',
      '$context.identity.sourceIp',
      '$context.httpMethod',
      '$context.path',
      '$context.status',
      '$context.responseLength',
      '$context.responseLatency',
      '$context.error.responseType',
      '$context.integrationErrorMessage',
    ]);
  });

  test("shapes API Gateway's own errors so that both SDKs read them", () => {
    const responses = ofType(gateway, 'AWS::ApiGateway::GatewayResponse').map(([, { Properties }]) => Properties);
    expect(responses.map(({ ResponseType }) => ResponseType).sort()).toEqual([
      'DEFAULT_4XX',
      'DEFAULT_5XX',
      'INTEGRATION_FAILURE',
      'INTEGRATION_TIMEOUT',
      'MISSING_AUTHENTICATION_TOKEN',
      'REQUEST_TOO_LARGE',
      'THROTTLED',
      'WAF_FILTERED',
    ]);
    for (const { ResponseTemplates: templates, ResponseParameters: parameters } of responses) {
      const text = (templates as Record<string, string>)['application/json'] ?? '';
      const body = JSON.parse(text.replace('$context.error.messageString', '"a message"'));
      expect(body).toEqual({
        type: 'error',
        error: {
          type: expect.any(String),
          message: expect.any(String),
          param: null,
          code: expect.any(String),
          tollgate: { code: body.error.code },
        },
        request_id: '$context.requestId',
      });
      expect(parameters).toMatchObject({ 'gatewayresponse.header.x-request-id': 'context.requestId' });
    }
  });

  test('tells when to come again where it has no room, and not to where that is no use', () => {
    template.hasResourceProperties('AWS::ApiGateway::GatewayResponse', {
      ResponseType: 'THROTTLED',
      ResponseParameters: Match.objectLike({ 'gatewayresponse.header.retry-after': "'1'" }),
    });
    template.hasResourceProperties('AWS::ApiGateway::GatewayResponse', {
      ResponseType: 'REQUEST_TOO_LARGE',
      ResponseParameters: Match.objectLike({ 'gatewayresponse.header.x-should-retry': "'false'" }),
    });
  });

  test('prints the base URLs as SDKs take them', () => {
    expect(JSON.stringify(outputs['GatewayBaseUrl']?.Value)).toMatch(/\.execute-api\..*\/api"\]\]\}$/);
    expect(JSON.stringify(outputs['GatewayOpenAiBaseUrl']?.Value)).toMatch(/\/api\/v1"\]\]\}$/);
  });

  test('has no firewall unless asked, and then one of rate rules only', () => {
    template.resourceCountIs('AWS::WAFv2::WebACL', 0);
    const guarded = synthGateway({ firewall: { requestsPer5Minutes: 2_000 } });
    const [acl] = ofType(guarded, 'AWS::WAFv2::WebACL');
    expect(acl?.[1].Properties['Rules']).toEqual([
      expect.objectContaining({
        Statement: { RateBasedStatement: { AggregateKeyType: 'IP', EvaluationWindowSec: 300, Limit: 2_000 } },
        Action: { Block: { CustomResponse: expect.objectContaining({ ResponseCode: 429 }) } },
      }),
    ]);
    guarded.template.resourceCountIs('AWS::WAFv2::WebACLAssociation', 1);
  });

  test('under a name of its own is reached by no other', () => {
    const named = synthGateway((stack) => ({
      domain: {
        name: 'ai.example.com',
        certificate: Certificate.fromCertificateArn(
          stack,
          'Certificate',
          'arn:aws:acm:us-east-1:111122223333:certificate/c',
        ),
        zone: HostedZone.fromHostedZoneAttributes(stack, 'Zone', { hostedZoneId: 'Z1', zoneName: 'example.com' }),
      },
    }));
    expect(named.outputs['GatewayBaseUrl']?.Value).toBe('https://ai.example.com');
    expect(named.outputs['GatewayOpenAiBaseUrl']?.Value).toBe('https://ai.example.com/v1');
    named.template.hasResourceProperties('AWS::ApiGateway::RestApi', { DisableExecuteApiEndpoint: true });
    named.template.hasResourceProperties('AWS::ApiGateway::DomainName', {
      DomainName: 'ai.example.com',
      SecurityPolicy: 'TLS_1_2',
      EndpointConfiguration: { Types: ['REGIONAL'] },
    });
    named.template.hasResourceProperties('AWS::Route53::RecordSet', { Name: 'ai.example.com.', Type: 'A' });
  });
});

describe('the buffered variant, for emulators that can not stream', () => {
  test('differs in its integration and in nothing else', () => {
    const buffered = synthGateway({ responseTransfer: 'buffered' });
    const rest = ({ template: of }: typeof gateway): object => {
      // The id of a deployment is a hash of the API's methods.
      const text = JSON.stringify(of.toJSON()).replace(
        /(GatewayApiRestDeployment)[0-9a-f]{40}|(GatewayApiRestDeployment)[0-9A-F]{8}[0-9a-f]{32}/g,
        '$1$2',
      );
      const json = JSON.parse(text);
      for (const resource of Object.values<{ Type: string; Properties: Record<string, unknown> }>(json.Resources))
        if (resource.Type === 'AWS::ApiGateway::Method') delete resource.Properties['Integration'];
      return json;
    };
    expect(rest(buffered)).toEqual(rest(gateway));
    const [method] = ofType(buffered, 'AWS::ApiGateway::Method');
    const integration = method?.[1].Properties['Integration'] as Record<string, unknown>;
    expect(integration).toMatchObject({ TimeoutInMillis: 29_000, Type: 'AWS_PROXY', IntegrationHttpMethod: 'POST' });
    expect(integration['ResponseTransferMode'] ?? 'BUFFERED').toBe('BUFFERED');
    expect(JSON.stringify(integration['Uri'])).toContain('/invocations"');
  });
});
