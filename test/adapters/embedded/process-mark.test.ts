import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { judgeProcess, markThisProcess } from '../../../lambdas/adapters/embedded/process-mark.ts';

const self = markThisProcess();
/** The number of a process that has ended and been waited for. */
const endedPid = (): number => spawnSync(process.execPath, ['--version']).pid;

describe('whether a process still runs', () => {
  test('this one does', () => {
    expect(judgeProcess(markThisProcess(), self)).toBe('alive');
  });

  test('one that has ended does not', () => {
    expect(judgeProcess({ ...self, pid: endedPid() }, self)).toBe('dead');
  });

  test('one of an earlier boot does not, whoever has its number now', () => {
    const earlier = { ...self, boot: 'another boot' };
    expect(judgeProcess(earlier, { ...self, boot: 'this boot' })).toBe('dead');
  });

  test('one on another machine, in another container, or where boots are not told, nobody can say', () => {
    expect(judgeProcess({ ...self, host: 'elsewhere' }, self)).toBe('unknown');
    expect(judgeProcess({ ...self, namespace: 'pid:[1]' }, { ...self, namespace: 'pid:[2]' })).toBe('unknown');
    expect(judgeProcess({ ...self, boot: null }, { ...self, boot: 'this boot' })).toBe('unknown');
  });

  const onLinux = process.platform === 'linux' ? test : test.skip;

  onLinux('one whose number was given to another does not', () => {
    expect(judgeProcess({ ...self, started: '1' }, self)).toBe('dead');
  });

  onLinux('the mark of this process says all there is', () => {
    expect(self).toEqual({
      host: expect.any(String),
      pid: process.pid,
      boot: expect.stringMatching(/^[0-9a-f-]{36}$/),
      namespace: expect.stringMatching(/^pid:/),
      started: expect.stringMatching(/^\d+$/),
    });
  });
});
