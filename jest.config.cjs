// The command keeps nothing in the user's cache, and no test's outcome rests on what an earlier one kept there. Tests of what is
// kept name a folder of their own. Set here, as tests have a copy of the environment that their children do not get.
process.env.NODE_DISABLE_COMPILE_CACHE ??= '1'

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/build', 'test/fixtures/corpus/node_modules/', '/\\.cache/'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
    ],
  },
  reporters: ['default', '<rootDir>/test/support/reporter.cjs'],
  testTimeout: 30_000,
  // Two sessions and their tracer threads at once are enough: more processes than cores would only time each other.
  maxWorkers: 2,
}
