import config from './jest.config.js';

/** Tests against real servers that `npm test` has no time for; each fetches and starts what it needs. One after another: they share two cores with their servers. */
export default {
  ...config,
  testMatch: ['<rootDir>/test/real/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 120_000,
  maxWorkers: 1,
};
