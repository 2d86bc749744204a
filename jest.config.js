/** Node's own ES modules (no CommonJS), TypeScript stripped by swc; see README for the command that sets the flags. */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // Of a test as of a hook. What is to come comes later on a machine that is busy, and what hangs is told a minute later.
  testTimeout: 60_000,
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/real/'],
  setupFiles: ['<rootDir>/test/support/seed-fast-check.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2024', parser: { syntax: 'typescript' }, experimental: { keepImportAttributes: true } },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  // Modules of suites that have ended stay in memory, and a full process is a slow one: it is replaced.
  maxWorkers: 2,
  workerIdleMemoryLimit: '1GB',
  reporters: ['default', '<rootDir>/test/support/closing-line.js'],
};
