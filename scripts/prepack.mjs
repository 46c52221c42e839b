// Before `npm pack`: everything built, and the addon where node-gyp-build looks for one that came with the package.
import { cpSync } from 'node:fs'
import { setup } from './setup.mjs'
import { at, runMain } from './support/project.mjs'

await runMain(() => {
  setup()
  // Node-API needs one binary for all versions of Node; glibc's is not for musl.
  cpSync(at('build/Release/premain.node'), at(`prebuilds/linux-${process.arch}/node.napi.glibc.node`))
})
