/** `premain/jest-globals`: the same as `premain/jest`, typed for `import { expect } from '@jest/globals'`. */
import type {} from 'expect'
import type { PremainMatchers } from './jest'

export * from './jest'

declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends PremainMatchers {}
}
