// After `npm pack`: the copy of the addon goes, so that no old one is ever loaded in place of the one in build/.
import { rmSync } from 'node:fs'
import { at, runMain } from './support/project.mjs'

await runMain(() => rmSync(at('prebuilds'), { recursive: true, force: true }))
