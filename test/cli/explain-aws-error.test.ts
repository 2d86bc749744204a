import { describe, expect, test } from '@jest/globals';
import { explainAwsError } from '../../lambdas/cli/explain-aws-error.ts';
import { StoreUnavailable } from '../../lambdas/core/ports.ts';

const named = (name: string, message: string, more: object = {}): Error =>
  Object.assign(new Error(message), { name, ...more });

describe('an error of AWS', () => {
  test.each([
    ['DynamoDB’s', 'AccessDeniedException'],
    ['CloudFormation’s', 'AccessDenied'],
  ])('%s denial says which right is missing, on what, for whom and why', (_, name) => {
    const table = 'arn:aws:dynamodb:eu-west-1:123456789012:table/T-1';
    const message = `User: arn:aws:iam::123456789012:user/ann is not authorized to perform: dynamodb:PutItem on resource: ${table} because no identity-based policy allows the dynamodb:PutItem action`;
    const error = new StoreUnavailable(`${name}: ${message}`, { cause: named(name, message) });
    expect(explainAwsError(error)).toBe(
      `dynamodb:PutItem is not allowed on ${table}: arn:aws:iam::123456789012:user/ann needs that right, because no identity-based policy allows the dynamodb:PutItem action. (docs/operating.md lists what each command needs.)`,
    );
  });

  test('that is a denial in other words is told in those words', () => {
    expect(explainAwsError(named('AccessDenied', 'No.'))).toBe('AWS denies access: No.');
    expect(
      explainAwsError(
        named(
          'AccessDenied',
          'User: u is not authorized to perform: a:B with an explicit deny in an identity-based policy',
        ),
      ),
    ).toMatch(/^a:B is not allowed: u needs that right, with an explicit deny in an identity-based policy\./);
  });

  test.each([
    ['CredentialsProviderError', /^No AWS credentials: .*AWS_PROFILE/],
    ['TokenProviderError', /^No AWS credentials: .*aws sso login/],
    ['ExpiredTokenException', /have expired; log in again/],
    ['UnrecognizedClientException', /does not accept these credentials: Unrecogn/],
    ['InvalidClientTokenId', /does not accept these credentials: InvalidClient/],
    ['TimeoutError', /did not answer in time/],
  ])('%s says what to do', (name, said) => {
    expect(explainAwsError(named(name, 'as it says'))).toMatch(said);
    expect(explainAwsError(new StoreUnavailable('x', { cause: named(name, 'as it says') }))).toMatch(said);
  });

  test('that the network made says that AWS was not reached, also when several addresses were tried', () => {
    expect(explainAwsError(named('Error', 'getaddrinfo', { code: 'ENOTFOUND' }))).toContain('ENOTFOUND: getaddrinfo');
    const tried = Object.assign(new AggregateError([named('Error', 'connect', { code: 'ECONNREFUSED' })]), {
      code: undefined,
    });
    expect(explainAwsError(tried)).toContain('can not be reached (ECONNREFUSED');
  });

  test('of another kind keeps its name and its words', () => {
    expect(explainAwsError(named('ValidationError', 'no such thing', { $metadata: {} }))).toBe(
      'ValidationError: no such thing',
    );
  });

  test('is not read into errors of our own', () => {
    expect(explainAwsError(new TypeError('x is not a function'))).toBeUndefined();
    expect(explainAwsError(new StoreUnavailable('disk', { cause: new Error('disk') }))).toBeUndefined();
    expect(explainAwsError('text')).toBeUndefined();
  });
});
