import { describe, expect, test } from '@jest/globals';
import type { RunLimits } from '../../lambdas/core/admit/run-store.ts';
import { inWorld, type MakeStores } from './store-world.ts';

const of = (...runs: (string | RunLimits)[]) => ({
  team: 'search',
  runs: runs.map((run) => (typeof run === 'string' ? { id: run } : run)),
});
const MINUTE_MS = 60_000;

export const describeRunsSuite = (name: string, makeStores: MakeStores): void => {
  describe(`runs: ${name}`, () => {
    test(
      'a run begins with its first call, and counts every one',
      inWorld(makeStores, async ({ clock, stores: { runs } }) => {
        expect(await runs.read('search', ['job'])).toEqual([]);
        expect(await runs.enter(of('job'))).toEqual({ kind: 'entered', endsAt: null });
        await clock.advance(5_000);
        await runs.enter(of('job'));
        const [record] = await runs.read('search', ['job', 'other']);
        expect(record).toMatchObject({ team: 'search', id: 'job', parent: null, calls: 2, killed: null });
        expect(Math.abs((record?.startedAt ?? 0) - (clock.now() - 5_000))).toBeLessThanOrEqual(1_000);
      }),
    );

    test(
      '64 at once from two processes: as many enter as may, and those refused leave no trace in any run',
      inWorld(makeStores, async ({ world, stores }) => {
        const other = await world.open();
        const entry = of({ id: 'plan', calls: 20 }, { id: 'job', calls: 12 }, 'root');
        const outcomes = await Promise.all(
          Array.from({ length: 64 }, (_, i) => (i % 2 ? other : stores).runs.enter(entry)),
        );
        const entered = outcomes.filter(({ kind }) => kind === 'entered');
        // Under contention two calls may each hold the other's last place: refused too early, never too late.
        expect(entered.length).toBeLessThanOrEqual(12);
        while (entered.length < 12) {
          expect((await stores.runs.enter(entry)).kind).toBe('entered');
          entered.push({ kind: 'entered', endsAt: null });
        }
        const refused = await stores.runs.enter(entry);
        expect(refused).toMatchObject({ kind: 'refused', because: 'calls', by: { id: 'job' }, record: { calls: 12 } });
        const records = await stores.runs.read('search', ['plan', 'job', 'root']);
        expect(records.map(({ calls, parent }) => [calls, parent])).toEqual([
          [12, 'job'],
          [12, 'root'],
          [12, null],
        ]);
      }),
    );

    test(
      'a call that is given back makes room again, and never more than there was',
      inWorld(makeStores, async ({ stores: { runs } }) => {
        const entry = of({ id: 'plan', calls: 1 }, { id: 'job', calls: 1 });
        await runs.enter(entry);
        expect((await runs.enter(entry)).kind).toBe('refused');
        await runs.leave(entry);
        expect((await runs.enter(entry)).kind).toBe('entered');
        await runs.leave(entry);
        await runs.leave(entry).catch(() => {});
        expect((await runs.read('search', ['plan', 'job'])).map(({ calls }) => calls)).toEqual([0, 0]);
      }),
    );

    test(
      'a run lasts as long as it may from its first call, to the second, and so do those it started',
      inWorld(makeStores, async ({ clock, stores: { runs } }) => {
        const job: RunLimits = { id: 'job', lastsMs: 10 * MINUTE_MS };
        const begun = clock.now();
        expect(await runs.enter(of(job))).toMatchObject({ kind: 'entered' });
        await clock.advance(9 * MINUTE_MS);
        const entered = await runs.enter(of({ id: 'plan', lastsMs: 10 * MINUTE_MS }, job));
        expect(
          entered.kind === 'entered' && Math.abs((entered.endsAt ?? 0) - begun - 10 * MINUTE_MS),
        ).toBeLessThanOrEqual(1_000);
        await clock.advance(MINUTE_MS - 1_500);
        expect((await runs.enter(of('plan', job))).kind).toBe('entered');
        await clock.advance(3_000);
        expect(await runs.enter(of('plan', job))).toMatchObject({
          kind: 'refused',
          because: 'time',
          by: { id: 'job' },
        });
        expect((await runs.read('search', ['plan']))[0]?.calls).toBe(2);
      }),
    );

    test(
      'who started a run is set by its first call, and never again',
      inWorld(makeStores, async ({ world, stores: { runs } }) => {
        await runs.enter(of('plan', 'job'));
        const other = await world.open();
        expect(await other.runs.enter(of('plan'))).toEqual({ kind: 'other-parent', run: 'plan', parent: 'job' });
        expect(await other.runs.enter(of('plan', 'else'))).toEqual({
          kind: 'other-parent',
          run: 'plan',
          parent: 'job',
        });
        expect(await other.runs.enter(of('job', 'root'))).toEqual({ kind: 'other-parent', run: 'job', parent: null });
        expect((await other.runs.read('search', ['plan', 'job'])).map(({ calls }) => calls)).toEqual([1, 1]);
        expect((await other.runs.enter(of('plan', 'job'))).kind).toBe('entered');
      }),
    );

    test(
      'a run of another team is another run',
      inWorld(makeStores, async ({ stores: { runs } }) => {
        await runs.enter(of({ id: 'job', calls: 1 }));
        expect((await runs.enter({ ...of({ id: 'job', calls: 1 }), team: 'ads' })).kind).toBe('entered');
        expect((await runs.enter({ ...of('b/c'), team: 'a' })).kind).toBe('entered');
        await runs.kill('ads', 'job', 'enough');
        expect((await runs.read('search', ['job']))[0]).toMatchObject({ calls: 1, killed: null });
        for (const team of ['search/', 'search#', 'sea', 'search%2f'])
          expect(await runs.read(team, ['job', '/job', 'rch/job'])).toEqual([]);
      }),
    );

    test(
      'a killed run is closed to everybody at once, and so is what it started',
      inWorld(makeStores, async ({ world, stores }) => {
        const other = await world.open();
        await stores.runs.enter(of('plan', 'job'));
        const killed = await other.runs.kill('search', 'job', 'runs away');
        expect(killed).toMatchObject({ id: 'job', calls: 1, killed: { reason: 'runs away' } });
        for (const entry of [of('job'), of('plan', 'job'), of('new', 'job')])
          expect(await stores.runs.enter(entry)).toMatchObject({
            kind: 'refused',
            because: 'killed',
            by: { id: 'job' },
            record: { killed: { reason: 'runs away' } },
          });
        // The first reason stands.
        expect((await stores.runs.kill('search', 'job', 'again')).killed).toEqual(killed.killed);
        expect((await stores.runs.read('search', ['plan']))[0]).toMatchObject({ calls: 1, killed: null });
      }),
    );

    test(
      'one that is killed before its first call never begins',
      inWorld(makeStores, async ({ stores: { runs } }) => {
        expect(await runs.kill('search', 'job', 'not today')).toMatchObject({ startedAt: null, calls: 0 });
        expect(await runs.enter(of('job'))).toMatchObject({ kind: 'refused', because: 'killed' });
        expect(await runs.enter(of('job', 'root'))).toMatchObject({ kind: 'refused', because: 'killed' });
        expect((await runs.read('search', ['job']))[0]).toMatchObject({ startedAt: null, calls: 0 });
      }),
    );

    test(
      'a kill among 32 calls at once: none enters after its answer',
      inWorld(makeStores, async ({ stores: { runs } }) => {
        let isKilled = false;
        const late: string[] = [];
        const calls = Array.from({ length: 32 }, async () => {
          const wasKilled = isKilled;
          const { kind } = await runs.enter(of('plan', 'job'));
          if (wasKilled && kind === 'entered') late.push(kind);
          return kind;
        });
        await runs.kill('search', 'job', 'stop');
        isKilled = true;
        const after = await Promise.all(Array.from({ length: 8 }, () => runs.enter(of('plan', 'job'))));
        const entered = (await Promise.all(calls)).filter((kind) => kind === 'entered').length;
        expect(after.every(({ kind }) => kind === 'refused')).toBe(true);
        expect(late).toEqual([]);
        expect((await runs.read('search', ['job', 'plan'])).map(({ calls: count }) => count)).toEqual([
          entered,
          entered,
        ]);
      }),
    );
  });
};
