// Counts what was skipped, by reason, after jest's own summary. With PREMAIN_FORBID_SKIPS=1 a skip is a failure. With
// PREMAIN_RESULTS=FILE the counts are appended to it, as one line of JSON.
const { appendFileSync } = require('node:fs')

/** The reason that `test/support/skip.ts` writes behind a skipped test's name. */
const REASON = /\[skipped: (.*)\]/

module.exports = class SkipReporter {
  /** @param {import('@jest/reporters').AggregatedResult} results */
  onRunComplete(_contexts, results) {
    const reasons = new Map()
    for (const suite of results.testResults) {
      for (const test of suite.testResults) {
        if (test.status === 'passed' || test.status === 'failed') continue
        const reason = REASON.exec(test.fullName)?.[1] ?? `no reason given (${test.fullName})`
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
      }
    }
    const skipped = [...reasons.values()].reduce((sum, count) => sum + count, 0)
    for (const [reason, count] of reasons) process.stderr.write(`skipped ${count}: ${reason}\n`)
    if (skipped > 0 && process.env.PREMAIN_FORBID_SKIPS === '1') this.error = new Error(`${skipped} skipped tests`)
    if (process.env.PREMAIN_RESULTS) {
      const failed = results.numFailedTests + results.numRuntimeErrorTestSuites
      const line = { name: 'jest', passed: results.numPassedTests, failed, skipped }
      appendFileSync(process.env.PREMAIN_RESULTS, `${JSON.stringify(line)}\n`)
    }
  }

  getLastError() {
    return this.error
  }
}
