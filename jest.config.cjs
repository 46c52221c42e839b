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
