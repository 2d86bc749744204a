import { CfnWebACL, CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';
import { bodyOf } from './gateway-responses.ts';

export interface FirewallProps {
  /** What it stands before. */
  readonly stageArn: string;
  readonly requestsPer5Minutes: number;
}

/**
 * A web ACL of rate rules only: AWS's common rule set blocks bodies above 8 KB, which is most conversations. Costs $5 a
 * month and $1 a rule, so it is not there unless asked for.
 */
export class Firewall extends Construct {
  constructor(scope: Construct, id: string, { stageArn, requestsPer5Minutes }: FirewallProps) {
    super(scope, id);
    const visibility = (metricName: string) => ({
      metricName,
      cloudWatchMetricsEnabled: true,
      sampledRequestsEnabled: false,
    });
    const acl = new CfnWebACL(this, 'Acl', {
      scope: 'REGIONAL',
      defaultAction: { allow: {} },
      visibilityConfig: visibility('Tollgate'),
      customResponseBodies: {
        TooMany: {
          contentType: 'APPLICATION_JSON',
          content: bodyOf(
            {
              errorType: 'rate_limit_error',
              code: 'rate_limit_exceeded',
              message: 'This address sent too many requests within five minutes. Try again later.',
            },
            'none',
          ),
        },
      },
      rules: [
        {
          name: 'TooManyFromOneAddress',
          priority: 0,
          statement: {
            rateBasedStatement: { aggregateKeyType: 'IP', limit: requestsPer5Minutes, evaluationWindowSec: 300 },
          },
          action: {
            block: {
              customResponse: {
                responseCode: 429,
                customResponseBodyKey: 'TooMany',
                responseHeaders: [{ name: 'retry-after', value: '60' }],
              },
            },
          },
          visibilityConfig: visibility('TollgateTooManyFromOneAddress'),
        },
      ],
    });
    new CfnWebACLAssociation(this, 'Association', { resourceArn: stageArn, webAclArn: acl.attrArn });
  }
}
