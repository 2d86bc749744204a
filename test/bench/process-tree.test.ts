import { describe, expect, test } from '@jest/globals';
import { parsePs, parseStat, readSystemUnits, readTree, selectTree } from '../../bench/process-tree.ts';

const units = { tickMs: 10, pageBytes: 4096 };

describe('parseStat', () => {
  test('reads CPU time with that of waited-for children, and resident memory', () => {
    const line =
      '4217 (node) S 4001 4217 4001 0 -1 4194304 900 0 0 0 250 50 7 3 20 0 11 0 99 1000000 2500 18446744073709551615 1 1';
    expect(parseStat(line, units)).toEqual({ pid: 4217, parent: 4001, cpuMs: 3100, residentBytes: 10_240_000 });
  });

  test('is not misled by a command that holds brackets and spaces', () => {
    const line = '7 (a) (b c) S 3 7 3 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 99 1000 1 0 1 1';
    expect(parseStat(line, units)).toMatchObject({ pid: 7, parent: 3, cpuMs: 30 });
  });
});

test.each([
  ['  812   1  2048   0:01.50', { pid: 812, parent: 1, cpuMs: 1500, residentBytes: 2_097_152 }],
  ['9 812 1 61:02.03', { pid: 9, parent: 812, cpuMs: 3_662_030, residentBytes: 1024 }],
  ['9 812 1 2-01:00:00', { pid: 9, parent: 812, cpuMs: 176_400_000, residentBytes: 1024 }],
])('parsePs reads %j', (line, row) => {
  expect(parsePs(line)).toEqual(row);
});

test('a tree is the process and all below it, and nothing else', () => {
  const row = (pid: number, parent: number) => ({ pid, parent, cpuMs: 0, residentBytes: 0 });
  const rows = [row(9, 8), row(1, 0), row(5, 1), row(8, 5), row(6, 1), row(7, 5)];
  expect(selectTree(rows, 5).map(({ pid }) => pid)).toEqual([5, 8, 7, 9]);
});

test('CPU time of this very process grows with work', () => {
  const systemUnits = readSystemUnits();
  const before = readTree(process.pid, systemUnits);
  const until = process.cpuUsage().user + 60_000;
  while (process.cpuUsage().user < until) Math.sqrt(2);
  const after = readTree(process.pid, systemUnits);
  expect(after.cpuMs - before.cpuMs).toBeGreaterThanOrEqual(40);
  expect(after.residentBytes).toBeGreaterThan(10_000_000);
});

test('a process that has ended is an error, not a zero', () => {
  expect(() => readTree(2 ** 30, units)).toThrow('is gone');
});
