import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { PutItemCommand, UpdateItemCommand, type UpdateItemCommandInput } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { CachedAnswer, ResponseCache } from '../../lambdas/core/cache/cache-stores.ts';
import { type Clock, type Log, StoreUnavailable } from '../../lambdas/core/ports.ts';
import { GATEWAY_GRANTS } from '../../lib/gateway-function.ts';
import { seededRandom } from '../adapters/embedded/embedded-worlds.ts';
import { answerOf, cachedOf } from '../port-suites/cached-answers.ts';
import { makeWorldClock, type WorldClock } from '../port-suites/store-world.ts';
import { type DynamoWorld, withDynamoDb } from './support/dynamo-world.ts';
import type { Fault } from './support/table-proxy.ts';

const makeWorld = withDynamoDb({ beforeAll, afterAll });

const inWorld =
  (run: (world: DynamoWorld, clock: WorldClock, responses: ResponseCache) => Promise<void>) =>
  async (): Promise<void> => {
    const clock = makeWorldClock();
    const world = await makeWorld(clock);
    try {
      await run(world, clock, (await world.open()).responses);
    } finally {
      await world.end();
    }
  };

const idsOf = (entries: CachedAnswer[]) => entries.map(({ key }) => key).sort();
const isFound = async (responses: ResponseCache, { tenant, key }: CachedAnswer, nowMs: number): Promise<boolean> =>
  (await responses.find(tenant, key, nowMs)) !== undefined;
/** Everything in the table, as text. */
const textOfTable = async (world: DynamoWorld): Promise<string> => JSON.stringify(await world.itemsOf('responses'));

const FAULTS: Fault[] = ['lose-request', 'lose-answer', 'arrive-late', 'throttle', 'fail-after'];

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'whatever is lost, late or repeated, nothing of a purged user is found after the purge’s answer, and nobody else’s is missing (seed %i)',
  (seed) =>
    inWorld(async (world, clock) => {
      const random = seededRandom(seed);
      const now = clock.now();
      const gateways = [world, world, world].map(() => world.openRaw({ answerTimeoutMs: 5_000 }).responses);
      const operator = world.openRaw({ answerTimeoutMs: 5_000 }).responses;
      const pick = <T>(of: readonly T[]): T => of[Math.floor(random.fraction() * of.length)] as T;
      // Who looks must see: only what is kept and purged is disturbed.
      const isLook = (name: string, body: Record<string, unknown>) =>
        name === 'GetItem' && !JSON.stringify(body['Key']).includes('cache-purges');
      world.proxy.faults = ({ name, body }) =>
        !isLook(name, body) && random.fraction() < 0.12 ? pick(FAULTS) : 'none';
      // Few keys, so that users meet at one.
      const entries = Array.from({ length: 60 }, (_, i) =>
        cachedOf(`k${i % 40}`, now - Math.floor(random.fraction() * 20), {
          user: random.fraction() < 0.6 ? 'ada' : 'bob',
          requestId: `req_${i}`,
        }),
      );
      // Five sends may all be disturbed: then the operator hears that the store is away, and purges again.
      const purge = async (): Promise<number> => {
        for (let tries = 1; ; tries++)
          try {
            return await operator.purge({ user: 'ada' }, now);
          } catch (error) {
            if (!(error instanceof StoreUnavailable) || tries === 20) throw error;
          }
      };
      let purged: Promise<number> | undefined;
      const begin = Math.floor(random.fraction() * entries.length);
      const keeps = entries.map(async (entry, i) => {
        await new Promise((resolve) => setTimeout(resolve, random.fraction() * 150));
        if (i === begin) purged = purge();
        return gateways[i % 3]?.keep(entry, now).catch((error: unknown) => {
          expect(error).toBeInstanceOf(StoreUnavailable);
          return 'unavailable' as const;
        });
      });
      while (purged === undefined) await new Promise((resolve) => setTimeout(resolve, 2));
      await purged;
      const lookUp = async () => {
        const found = await Promise.all(entries.map(({ tenant, key }) => pick(gateways).find(tenant, key, now)));
        return found.filter((one) => one !== undefined);
      };
      // While the last ones are being kept …
      expect((await lookUp()).filter(({ user }) => user === 'ada')).toEqual([]);
      const outcomes = await Promise.all(keeps);
      expect((await lookUp()).filter(({ user }) => user === 'ada')).toEqual([]);
      // … and when what was late has arrived.
      await world.proxy.whenIdle();
      world.proxy.faults = () => 'none';
      const found = await lookUp();
      expect(found.filter(({ user }) => user === 'ada')).toEqual([]);
      expect(await textOfTable(world)).not.toContain('"bytes":{"N":"0"}');
      // An answer of bob's that was kept is there, unless its key had one of a later request or of ada's.
      const hadOthers = (entry: CachedAnswer) => entries.some((one) => one.key === entry.key && one !== entry);
      const kept = entries.filter((entry, i) => entry.user === 'bob' && outcomes[i] === 'kept' && !hadOthers(entry));
      const foundIds = new Set(found.map(({ requestId }) => requestId));
      expect(kept.filter(({ requestId }) => !foundIds.has(requestId))).toEqual([]);
      expect(idsOf(kept).length).toBeGreaterThan(0);
    })(),
  60_000,
);

test(
  'writes of a kept answer that arrive once more after its purge change nothing',
  inWorld(async (world, clock, responses) => {
    const entry = cachedOf('a', clock.now());
    world.proxy.forget();
    expect(await responses.keep(entry, clock.now())).toBe('kept');
    const writes = world.proxy.operations.filter(({ name }) => name === 'UpdateItem').map(({ body }) => body);
    expect(writes).toHaveLength(2);
    expect(await responses.purge({ user: 'ada' }, clock.now())).toBe(1);
    const again = [...writes, ...writes].map(
      (body) => ({ ...body, ...bodyAsBytes(body) }) as unknown as UpdateItemCommandInput,
    );
    for (const write of again)
      await expect(world.direct.send(new UpdateItemCommand(write))).rejects.toThrow('conditional request failed');
    expect(await isFound(responses, entry, clock.now())).toBe(false);
    expect(await textOfTable(world)).not.toContain('ada');
  }),
);

/** As the SDK takes it: the proxy has seen base64. */
const bodyAsBytes = (operation: Record<string, unknown>): object => {
  const values = operation['ExpressionAttributeValues'] as Record<string, { B?: string }>;
  const body = values[':body']?.B;
  return body === undefined
    ? {}
    : { ExpressionAttributeValues: { ...values, ':body': { B: Buffer.from(body, 'base64') } } };
};

test(
  'of a purged user, and of what was asked and answered, no text is left in the table',
  inWorld(async (world, clock, responses) => {
    const now = clock.now();
    const user = 'ada.lovelace@example.com';
    const tenant = `["user","acme","search",${JSON.stringify(user)}]`;
    const text = `secret ${randomBytes(64).toString('hex')}`;
    for (const key of ['a', 'b'])
      await responses.keep(cachedOf(key, now, { tenant, user, answer: answerOf(text) }), now);
    expect(await responses.purge({ user }, now)).toBe(2);
    expect(await responses.keep(cachedOf('late', now, { tenant, user, answer: answerOf(text) }), now)).toBe('purged');
    const left = await world.itemsOf('responses');
    expect(left.filter((item) => item['body'] !== undefined || item['user'] !== undefined)).toEqual([]);
    const words = JSON.stringify(left);
    for (const word of [user, 'lovelace', 'search', text]) expect(words).not.toContain(word);
  }),
);

test(
  'a process that dies before it has written the answer leaves nothing that is found, and no name for longer than minutes',
  inWorld(async (world, clock, responses) => {
    const now = clock.now();
    const entry = cachedOf('a', now);
    world.proxy.faults = ({ body }) => (String(body['UpdateExpression']).includes(':body') ? 'lose-request' : 'none');
    await expect(responses.keep(entry, now)).rejects.toBeInstanceOf(StoreUnavailable);
    world.proxy.faults = () => 'none';
    expect(await isFound(responses, entry, now)).toBe(false);
    expect(await responses.stats(now)).toEqual([]);
    const [claimed] = await world.itemsOf('responses');
    expect(Number(claimed?.['expires']?.N)).toBeLessThanOrEqual(now / 1_000 + 300);
    // A purge takes the names at once; the next request keeps its answer as if nothing had been.
    expect(await responses.purge({ user: 'ada' }, now)).toBe(0);
    expect(await textOfTable(world)).not.toContain('ada');
    await clock.advance(10_000);
    const next = cachedOf('a', clock.now());
    expect(await responses.keep(next, clock.now())).toBe('kept');
    expect(await responses.find(entry.tenant, 'a', clock.now())).toEqual(next);
  }),
);

test(
  'an item of another version, a torn one, one that swells and another tenant’s under this key are misses, and the log hears of it',
  inWorld(async (world, clock, responses) => {
    const warnings: unknown[] = [];
    const log: Log = { debug() {}, info() {}, warn: (...told) => void warnings.push(told), error() {} };
    const now = clock.now();
    const itemOf = async (entry: CachedAnswer) => {
      await responses.keep(entry, now);
      const [item] = (await world.itemsOf('responses')).filter((one) => !seen.has(one['pk']?.S));
      seen.add(item?.['pk']?.S);
      return { item, body: item?.['body']?.B ?? new Uint8Array() };
    };
    const seen = new Set<string | undefined>();
    const entry = cachedOf('a', now);
    const { item, body } = await itemOf(entry);
    const other = await itemOf(cachedOf('a', now, { tenant: 'other' }));
    const spoiled = [
      { version: { N: '2' } },
      { body: { B: body.subarray(0, -5) } },
      { body: { B: Buffer.concat([Buffer.of(2), gzipSync(Buffer.alloc(200 * 1024 * 1024))]) } },
      { body: { B: Buffer.of(9, 9, 9) } },
      { body: { B: Buffer.from('\u0001{"tenant":') } },
      { body: { B: new Uint8Array() } },
      { body: { B: other.body } },
    ];
    for (const [i, more] of spoiled.entries()) {
      await world.direct.send(new PutItemCommand({ TableName: world.tables.responses, Item: { ...item, ...more } }));
      const fresh = world.openRaw({ answerTimeoutMs: 10_000, log }).responses;
      expect(await fresh.find(entry.tenant, 'a', now)).toBeUndefined();
      expect(warnings).toHaveLength(i + 1);
    }
    expect(JSON.stringify(warnings)).not.toContain('answer to');
    // It keeps nobody from the key.
    const next = cachedOf('a', now + 1);
    expect(await responses.keep(next, now + 1)).toBe('kept');
    expect(await responses.find(entry.tenant, 'a', now + 1)).toEqual(next);
  }),
);

test(
  'a gateway whose clock is wrong neither keeps what was purged while under way, nor hides it from a purge',
  inWorld(async (world, clock, operator) => {
    for (const wrongMs of [-20 * 60_000, 20 * 60_000]) {
      const wrong: Clock = { ...clock, now: () => clock.now() + wrongMs };
      const { responses } = world.openRaw({ clock: wrong, answerTimeoutMs: 10_000 });
      const early = cachedOf(`early${wrongMs}`, wrong.now());
      const late = cachedOf(`late${wrongMs}`, wrong.now());
      expect(await responses.keep(early, wrong.now())).toBe('kept');
      await clock.advance(2_000);
      expect(await operator.purge({ user: 'ada' }, clock.now())).toBe(1);
      await clock.advance(20_000);
      expect(await responses.keep(late, wrong.now())).toBe('purged');
      expect(await responses.keep(cachedOf(`next${wrongMs}`, wrong.now()), wrong.now())).toBe('kept');
      for (const entry of [early, late]) expect(await isFound(operator, entry, clock.now())).toBe(false);
      await operator.purge({}, clock.now());
      await clock.advance(20_000);
    }
  }),
);

test(
  'a keep that takes long is no younger for it',
  inWorld(async (world, clock, responses) => {
    const entry = cachedOf('a', clock.now());
    await clock.advance(1_000);
    await responses.purge({ user: 'ada' }, clock.now());
    world.proxy.faults = ({ name }) => {
      if (name === 'UpdateItem') clock.jump(10_000);
      return 'none';
    };
    expect(await responses.keep(entry, clock.now())).toBe('purged');
  }),
);

test(
  'a purge goes through a table of many pages although it is throttled, and stops at nothing of others',
  inWorld(async (world, clock, responses) => {
    const now = clock.now();
    const text = randomBytes(160 * 1024).toString('base64');
    for (let i = 0; i < 24; i++)
      await responses.keep(
        cachedOf(`k${i}`, now, { user: i % 2 ? 'ada' : 'bob', answer: answerOf(`${i} ${text}`) }),
        now,
      );
    let scans = 0;
    world.proxy.faults = ({ name }) => {
      scans += name === 'Scan' ? 1 : 0;
      return name === 'Scan' && scans % 3 === 1 ? 'throttle' : 'none';
    };
    expect(await responses.purge({ user: 'ada' }, now)).toBe(12);
    expect(scans).toBeGreaterThan(4);
    const isConsistent = world.proxy.operations.map(({ name, body }) => name !== 'Scan' || body['ConsistentRead']);
    expect(new Set(isConsistent)).toEqual(new Set([true]));
    expect(await responses.stats(now)).toMatchObject([{ entries: 12 }]);
  }),
  60_000,
);

test(
  'an answer of another user’s that takes a key while its former one is being purged stays',
  inWorld(async (world, clock, responses) => {
    const now = clock.now();
    const bobs = cachedOf('a', now, { user: 'bob' });
    await responses.keep(cachedOf('a', now - 5), now);
    let kept: Promise<unknown> | undefined;
    world.proxy.faults = ({ body }) => {
      if (kept !== undefined || !String(body['UpdateExpression']).includes(':buriedUntil')) return 'none';
      kept = responses.keep(bobs, now);
      return 'throttle';
    };
    const hold = async () => {
      while (kept === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
      expect(await kept).toBe('kept');
    };
    const [count] = await Promise.all([responses.purge({ user: 'ada' }, now), hold()]);
    expect(count).toBe(0);
    expect(await responses.find(bobs.tenant, 'a', now)).toEqual(bobs);
  }),
);

test(
  'a purge that a fault has stopped is finished by another',
  inWorld(async (world, clock, responses) => {
    const now = clock.now();
    const entries = Array.from({ length: 30 }, (_, i) => cachedOf(`k${i}`, now));
    for (const entry of entries) await responses.keep(entry, now);
    let buried = 0;
    world.proxy.faults = ({ body }) => {
      if (!String(body['UpdateExpression']).includes(':buriedUntil')) return 'none';
      buried += 1;
      return buried > 10 ? 'throttle' : 'none';
    };
    await expect(responses.purge({ user: 'ada' }, now)).rejects.toBeInstanceOf(StoreUnavailable);
    // The mark stands from the beginning.
    world.proxy.faults = () => 'none';
    expect(await responses.keep(cachedOf('late', now), now)).toBe('purged');
    expect(await responses.purge({ user: 'ada' }, now)).toBe(20);
    world.proxy.faults = () => 'none';
    for (const entry of entries) expect(await isFound(responses, entry, now)).toBe(false);
  }),
  180_000,
);

test(
  'a find is one consistent read of one item; finds and keeps ask for no right that the gateway does not have',
  inWorld(async (world, clock, responses) => {
    const now = clock.now();
    world.proxy.forget();
    const report: string[] = [];
    const words = (count: number) => Array.from({ length: count }, (_, i) => `${i * 7919}`.slice(-5)).join(' ');
    for (const [what, text] of [
      ['a short answer', words(50)],
      ['a page', words(600)],
      ['ten pages', words(6_000)],
    ] as const) {
      const entry = cachedOf(what, now, { answer: answerOf(text) });
      world.proxy.forget();
      await responses.keep(entry, now);
      const kept = world.proxy.operations;
      world.proxy.forget();
      expect(await responses.find(entry.tenant, what, now)).toEqual(entry);
      const found = world.proxy.operations;
      // The answer is written when the marks have been looked at, and those as they are now.
      expect(kept.map(({ name, body }) => [name, body['ConsistentRead']])).toEqual([
        ['UpdateItem', undefined],
        ['GetItem', true],
        ['UpdateItem', undefined],
      ]);
      expect(found.map(({ name, body }) => [name, body['ConsistentRead']])).toEqual([['GetItem', true]]);
      for (const { name } of [...kept, ...found]) expect(GATEWAY_GRANTS.responses).toContain(`dynamodb:${name}`);
      const bytes = (await responses.stats(now)).reduce((sum, count) => sum + count.bytes, 0);
      const units = (name: string, of = kept) =>
        of.filter((one) => one.name === name).reduce((sum, one) => sum + one.units, 0);
      report.push(
        `${what}: ${text.length} characters, ${bytes} bytes kept in all; keep ${units('UpdateItem')} WCU + ${units('GetItem')} RCU, find ${units('GetItem', found)} RCU`,
      );
    }
    process.stderr.write(`${report.join('\n')}\n`);
  }),
);
