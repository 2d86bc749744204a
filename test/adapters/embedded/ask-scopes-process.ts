import { queryObjects } from 'node:v8';
import { openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemClock } from '../../../lambdas/adapters/system/clock.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';

/** A process of its own that asks in so many scopes in which nothing lies, and says what is left of that in its memory: `COUNT`. */

const [, , count = '0'] = process.argv;
const { vectors, close } = openEmbeddedStores({ file: ':memory:', clock: systemClock, random: systemRandom });
const now = systemClock.now();
const vector = Float32Array.of(1, 0);
const asked = { tenant: 't', embedder: 'test/1', vector };
const find = (scope: string) => vectors.find({ ...asked, scope, count: 5 }, now);
// `count` makes a number of it, whatever its type says.
const maps = (): number => Number(queryObjects(Map, { format: 'count' }));

const names = { team: 'search', user: 'ada', alias: 'assistant' };
const times = { createdAt: now, expiresAt: now + 60_000 };
await vectors.put({ ...asked, ...names, ...times, id: 'kept', scope: 'scope-1', question: 'q', answerKey: 'a' }, now);
await find('scope-1');
const before = maps();
for (let i = 0; i < Number(count); i++) await find(`empty-${i}`);
const left = maps() - before;
const found = (await find('scope-1')).map(({ id }) => id);
close();
process.stdout.write(JSON.stringify({ left, found }));
