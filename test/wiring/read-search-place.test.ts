import { expect, test } from '@jest/globals';
import { environmentCredentials } from '../../lambdas/adapters/environment/aws-credentials.ts';
import { SEARCH_OUTPUTS } from '../../lambdas/contract/stack-outputs.ts';
import { readSearchPlace } from '../../lambdas/wiring/read-search-place.ts';

const ENV = {
  TOLLGATE_SEARCH_ENDPOINT: 'https://search.example.com',
  TOLLGATE_SEARCH_REGION: 'eu-central-1',
  TOLLGATE_SEARCH_PREFIX: 'tollgate',
};
const PLACE = { endpoint: 'https://search.example.com', region: 'eu-central-1', prefix: 'tollgate' };

test('the index’s place is read from an environment, or from a stack’s outputs', () => {
  expect(readSearchPlace(ENV)).toEqual(PLACE);
  const outputs = { SearchEndpoint: PLACE.endpoint, SearchRegion: PLACE.region, SearchPrefix: PLACE.prefix };
  expect(readSearchPlace(outputs, SEARCH_OUTPUTS)).toEqual(PLACE);
});

test('where nothing is said there is none; half of a place is a mistake that is named', () => {
  expect(readSearchPlace({})).toBeUndefined();
  expect(readSearchPlace({ TOLLGATE_SEARCH_ENDPOINT: '', TOLLGATE_SEARCH_REGION: '' })).toBeUndefined();
  expect(() => readSearchPlace({ ...ENV, TOLLGATE_SEARCH_REGION: '' })).toThrow(/TOLLGATE_SEARCH_REGION missing/);
  expect(() => readSearchPlace({ TOLLGATE_SEARCH_REGION: 'eu-central-1' })).toThrow(
    /TOLLGATE_SEARCH_ENDPOINT, TOLLGATE_SEARCH_PREFIX missing/,
  );
});

test('a function’s credentials are read as they are now, and without them nothing is signed', async () => {
  const env: Record<string, string> = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'one' };
  const credentials = environmentCredentials(env);
  expect(await credentials()).toEqual({ accessKeyId: 'AKID', secretAccessKey: 'one' });
  env['AWS_SECRET_ACCESS_KEY'] = 'two';
  env['AWS_SESSION_TOKEN'] = 'a session';
  expect(await credentials()).toEqual({ accessKeyId: 'AKID', secretAccessKey: 'two', sessionToken: 'a session' });
  await expect(environmentCredentials({ AWS_ACCESS_KEY_ID: 'AKID' })()).rejects.toThrow(/no AWS credentials/);
});
