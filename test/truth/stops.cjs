// Run under `setarch -R`: launches the program `runs` times, and traces it once, and writes down what premain shows at the
// entry point and at each of the symbols. Prints one line of JSON.
const { launch, trace } = require('../../dist')

const { file, env, runs, symbols, length } = JSON.parse(process.argv[2])
const options = { env, inits: false }
const hex = (value) => `0x${value.toString(16)}`

/** The entry point's stop is the first one behind the exec. */
function isWanted(stop, seen) {
  return stop.kind === 'breakpoint' && (seen.length === 0 || symbols.includes(stop.name))
}

async function launched() {
  const seen = []
  for await (const stop of launch(file, [], options)) {
    if (!isWanted(stop, seen)) continue
    const registers = Object.fromEntries(Object.entries(stop.registers).map(([name, value]) => [name, hex(value)]))
    const [maps, code] = [await stop.maps(), await stop.readMemory(stop.address, length)]
    seen.push({ name: stop.name, address: hex(stop.address), registers, maps, code: code.toString('hex') })
  }
  return seen
}

async function traced() {
  const seen = []
  for (const stop of (await trace(file, [], options)).stops) if (isWanted(stop, seen)) seen.push(stop)
  return seen
}

async function main() {
  const all = []
  for (let run = 0; run < runs; run++) all.push(await launched())
  console.log(JSON.stringify({ launched: all, traced: await traced() }))
}

main()
