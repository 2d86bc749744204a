import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type LifecycleReaderOptions,
  readLifecycles,
} from '../../../lambdas/adapters/bedrock-models/read-lifecycles.ts';
import { whyNot } from '../../../lambdas/adapters/bedrock-models/why-not.ts';
import {
  ACTIVE,
  answering,
  LEGACY,
  listed,
  type ModelsServer,
  refusing,
  startModelsServer,
} from '../../support/bedrock-models.ts';

const CREDENTIALS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };

let server: ModelsServer;
beforeAll(async () => {
  server = await startModelsServer();
});
afterAll(() => server.stop());
beforeEach(() => {
  server.asked = [];
  server.answers = {};
});

const read = (regions: string[], { client, ...more }: LifecycleReaderOptions = {}) =>
  readLifecycles(regions, { client: { endpoint: server.endpoint, credentials: CREDENTIALS, ...client }, ...more });

const because = async (regions: string[], options?: LifecycleReaderOptions) =>
  (await read(regions, options)).map((answer) => (answer.ok ? 'answered' : answer.because));

describe("Bedrock's list of models", () => {
  test('is asked once in each region, signed for it', async () => {
    server.answers = { 'eu-central-1': answering(listed('a.one')), 'us-east-1': answering(listed('a.two')) };
    const answers = await read(['eu-central-1', 'us-east-1']);
    expect(answers.map((answer) => [answer.region, answer.ok && [...answer.models.keys()]])).toEqual([
      ['eu-central-1', ['a.one']],
      ['us-east-1', ['a.two']],
    ]);
    expect(server.asked.toSorted((a, b) => (a.region < b.region ? -1 : 1))).toEqual([
      { region: 'eu-central-1', path: 'GET /foundation-models' },
      { region: 'us-east-1', path: 'GET /foundation-models' },
    ]);
  });

  test('says of each its state and its days, as far as they are told', async () => {
    server.answers['eu-central-1'] = answering(
      listed('a.legacy', LEGACY),
      listed('a.active', ACTIVE),
      listed('a.bare'),
      listed('a.undated', { status: 'LEGACY' }),
      listed('a.later', { status: 'RESTING', endOfLifeTime: '2027-03-01T23:59:59.999Z' }),
      listed('a.offset', { status: 'LEGACY', endOfLifeTime: '2027-03-01T23:00:00-02:00' }),
    );
    const [answer] = await read(['eu-central-1']);
    expect(answer?.ok && Object.fromEntries(answer.models)).toEqual({
      'a.legacy': {
        stated: 'legacy',
        deprecatedOn: '2026-08-14',
        dearerFrom: '2026-11-14',
        retiresOn: '2027-02-14',
      },
      'a.active': { stated: 'active' },
      'a.bare': {},
      'a.undated': { stated: 'legacy' },
      'a.later': { retiresOn: '2027-03-01' },
      'a.offset': { stated: 'legacy', retiresOn: '2027-03-02' },
    });
  });

  test('of no regions is not asked', async () => {
    expect(await read([])).toEqual([]);
    expect(server.asked).toEqual([]);
  });
});

describe('a region that could not be asked says why, and the others are heard', () => {
  test.each([
    [
      'a right that is missing',
      403,
      'AccessDeniedException',
      'ann is not authorized',
      /^bedrock:ListFoundationModels is not allowed \(ann is not authorized\)$/,
    ],
    ['credentials that have expired', 403, 'ExpiredTokenException', 'too old', /^the AWS credentials have expired/],
    [
      'credentials that are nobody’s',
      403,
      'UnrecognizedClientException',
      'invalid',
      /^AWS does not accept the credentials/,
    ],
    ['a request that AWS does not take', 400, 'ValidationException', 'no', /^ValidationException: no$/],
  ])('%s', async (_, status, code, message, why) => {
    server.answers = { 'eu-central-1': refusing(status, code, message), 'us-east-1': answering(listed('a.one')) };
    expect(await because(['eu-central-1', 'us-east-1'])).toEqual([expect.stringMatching(why), 'answered']);
  });

  test('too many requests, after it was tried again', async () => {
    server.answers['eu-central-1'] = refusing(429, 'ThrottlingException', 'slow down');
    expect(await because(['eu-central-1'])).toEqual(['it is asked too often (ThrottlingException)']);
    expect(server.asked).toHaveLength(3);
  });

  test('a region without Bedrock, or no network', () => {
    // As Node says it: whoever answers for names here is not asked.
    const host = 'bedrock.eu-nowhere-1.amazonaws.com';
    const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND', hostname: host });
    expect(whyNot(error)).toBe(
      `${host} is not found (ENOTFOUND): there is no Bedrock in that region, or no network here`,
    );
  });

  test('nobody at the address', async () => {
    const client = { endpoint: 'http://127.0.0.1:9' };
    expect(await because(['eu-central-1'], { client })).toEqual([expect.stringContaining('ECONNREFUSED')]);
  });

  test('an answer that does not come', async () => {
    server.answers = { 'eu-central-1': () => undefined, 'us-east-1': answering(listed('a.one')) };
    expect(await because(['eu-central-1', 'us-east-1'], { deadlineMs: 400 })).toEqual([
      'it did not answer within 0.4 s',
      'answered',
    ]);
  });

  test('credentials that are waited for in vain', async () => {
    const client = { credentials: () => new Promise<never>(() => undefined) };
    expect(await because(['eu-central-1'], { client, deadlineMs: 50 })).toEqual(['it did not answer within 0.05 s']);
    expect(server.asked).toEqual([]);
  });

  test.each<[string, string, RegExp]>([
    ['no JSON', '<html>A proxy</html>', /SyntaxError|JSON/],
    ['no list', '{}', /^its answer has no models$/],
    ['an empty list', '{"modelSummaries":[]}', /^its answer has no models$/],
    ['a list of other things', '{"modelSummaries":[{"modelId":7}]}', /./],
    [
      'a date that is none',
      JSON.stringify({ modelSummaries: [listed('a', { status: 'LEGACY', endOfLifeTime: 'soon' })] }),
      /./,
    ],
    ['half an answer', '{"modelSummaries":[{"modelId":"a.o', /./],
  ])('an answer with %s', async (_, body, why) => {
    server.answers['eu-central-1'] = (response) =>
      void response.setHeader('content-type', 'application/json').end(body);
    expect(await because(['eu-central-1'])).toEqual([expect.stringMatching(why)]);
  });
});
