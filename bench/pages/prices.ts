/** A price of AWS in us-east-1, in US dollars, before free tiers and discounts. */
export interface Price {
  usd: number;
  per: string;
  /** Units that the price is for. */
  units: number;
  /** AWS's own page for it. */
  page: string;
  /** Where and of when the figure was read: AWS's price tables are filled in by a script, so stored copies of them are empty. */
  seen: string;
}

const MILLION = 1_000_000;
const CLOUDWATCH = 'https://aws.amazon.com/cloudwatch/pricing/';
const DYNAMODB = 'https://aws.amazon.com/dynamodb/pricing/on-demand/';
const LAMBDA = 'https://aws.amazon.com/lambda/pricing/';

const AIRBYTE = 'airbyte.com/data-engineering-resources/dynamodb-pricing, July 2025';
const FACTUALMINDS = 'factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards, 13 June 2026';
const UNSEEN = 'not seen in a stored copy: look it up';

const OPENSEARCH = 'https://aws.amazon.com/opensearch-service/pricing/';

/** Everything that docs/cost.md reckons with. */
export const PRICES = {
  apiRequests: {
    usd: 3.5,
    units: MILLION,
    per: 'million requests of a REST API, the first 333 million a month',
    page: 'https://aws.amazon.com/api-gateway/pricing/',
    seen: 'awsforengineers.com/blog/aws-api-gateway-pricing-explained, 19 May 2025',
  },
  lambdaRequests: {
    usd: 0.2,
    units: MILLION,
    per: 'million calls of a function',
    page: LAMBDA,
    seen: 'cloudchipr.com/blog/aws-lambda-pricing, 2024',
  },
  lambdaGbSeconds: {
    usd: 0.0000133334,
    units: 1,
    per: 'GB-second on arm64',
    page: LAMBDA,
    seen: 'cloudchipr.com/blog/aws-lambda-pricing, 2024',
  },
  dynamoWrites: { usd: 0.625, units: MILLION, per: 'million write request units', page: DYNAMODB, seen: AIRBYTE },
  dynamoReads: { usd: 0.125, units: MILLION, per: 'million read request units', page: DYNAMODB, seen: AIRBYTE },
  dynamoStorage: { usd: 0.25, units: 1, per: 'GB-month of a table', page: DYNAMODB, seen: UNSEEN },
  dynamoRecovery: { usd: 0.2, units: 1, per: 'GB-month of point-in-time recovery', page: DYNAMODB, seen: UNSEEN },
  logIngestion: { usd: 0.5, units: 1, per: 'GB of log lines taken in', page: CLOUDWATCH, seen: FACTUALMINDS },
  alarmMetrics: {
    usd: 0.1,
    units: 1,
    per: 'metric of an alarm, a month',
    page: CLOUDWATCH,
    seen: UNSEEN,
  },
  dashboards: { usd: 3, units: 1, per: 'dashboard, a month', page: CLOUDWATCH, seen: FACTUALMINDS },
  customMetrics: {
    usd: 0.3,
    units: 1,
    per: 'metric of our own, a month',
    page: CLOUDWATCH,
    seen: 'signoz.io/guides/cloudwatch-pricing, 15 February 2026',
  },
  secrets: {
    usd: 0.4,
    units: 1,
    per: 'secret, a month',
    page: 'https://aws.amazon.com/secrets-manager/pricing/',
    seen: 'hivebook.wiki, AWS Secrets Manager, 2026',
  },
  secretReads: {
    usd: 0.05,
    units: 10_000,
    per: '10,000 calls of Secrets Manager',
    page: 'https://aws.amazon.com/secrets-manager/pricing/',
    seen: 'hivebook.wiki, AWS Secrets Manager, 2026',
  },
  keyRequests: {
    usd: 0.03,
    units: 10_000,
    per: "10,000 requests of the tables' KMS key",
    page: 'https://aws.amazon.com/kms/pricing/',
    seen: 'usage.ai/blogs/aws/reserved-instances/dynamodb/encryption-cost, 21 April 2026',
  },
  dataOut: {
    usd: 0.09,
    units: 1,
    per: 'GB out to the internet, after 100 GB a month of the account',
    page: 'https://aws.amazon.com/ec2/pricing/on-demand/',
    seen: 'apigatewaycost.com/aws, 2026',
  },
  searchHours: {
    usd: 0.036,
    units: 1,
    per: 'hour of a t3.small.search of OpenSearch Service',
    page: OPENSEARCH,
    seen: 'github.com/aegisfleet/tool-survey-report, Amazon OpenSearch Service, 20 October 2026',
  },
  searchStorage: {
    usd: 0.122,
    units: 1,
    per: "GB-month of a domain's gp3 disk",
    page: OPENSEARCH,
    seen: UNSEEN,
  },
  webAcl: { usd: 5, units: 1, per: 'web ACL, a month', page: 'https://aws.amazon.com/waf/pricing/', seen: UNSEEN },
  webAclRules: {
    usd: 1,
    units: 1,
    per: 'rule of a web ACL, a month',
    page: 'https://aws.amazon.com/waf/pricing/',
    seen: UNSEEN,
  },
  fargateCpuHours: {
    usd: 0.04048,
    units: 1,
    per: 'vCPU-hour of Fargate',
    page: 'https://aws.amazon.com/fargate/pricing/',
    seen: 'fortem.dev/blog/aws-fargate-pricing-real-costs, 2026',
  },
  fargateGbHours: {
    usd: 0.004445,
    units: 1,
    per: 'GB-hour of Fargate',
    page: 'https://aws.amazon.com/fargate/pricing/',
    seen: 'fortem.dev/blog/aws-fargate-pricing-real-costs, 2026',
  },
  loadBalancerHours: {
    usd: 0.0225,
    units: 1,
    per: 'hour of an Application Load Balancer',
    page: 'https://aws.amazon.com/elasticloadbalancing/pricing/',
    seen: UNSEEN,
  },
} satisfies Record<string, Price>;

export type PriceName = keyof typeof PRICES;

/** When the figures were looked up. */
export const PRICES_READ_ON = '23 November 2026';
