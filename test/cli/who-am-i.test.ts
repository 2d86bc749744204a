import { expect, test } from '@jest/globals';
import { whoAmI } from '../../lambdas/cli/who-am-i.ts';

const nameless = () => {
  throw Object.assign(new Error('uv_os_get_passwd returned ENOENT'), { code: 'ERR_SYSTEM_ERROR' });
};

test.each([
  ['the system’s name', () => ({ username: 'ada' }), { USER: 'bob' }, 'ada'],
  ['that of the environment, where the system has none', nameless, { USER: 'bob' }, 'bob'],
  ['the number, where nobody has named it', nameless, {}, 'uid 4711'],
  ['and an empty name is none', nameless, { USER: '' }, 'uid 4711'],
])('who types is known by %s', (_, read, env, expected) => {
  expect(whoAmI(read, { env, uid: 4711 })).toBe(expected);
});

test('what else goes wrong is not hidden', () => {
  const broken = () => {
    throw new TypeError('broken');
  };
  expect(() => whoAmI(broken, { env: {}, uid: 1 })).toThrow('broken');
});
