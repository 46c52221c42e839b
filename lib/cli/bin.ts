#!/usr/bin/env node
import { processContext } from './context'
import { main } from './main'

main(process.argv.slice(2), processContext()).then((code) => {
  process.exitCode = code
})
