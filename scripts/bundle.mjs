// The library and the command as one file each, in the place of what the compiler made of their entry points: Node takes
// ten times as long to find, read and compile the same text in hundreds of modules. It reads every function of a file,
// called or not: what the command seldom needs is in further files. So is the library's disassembler, which may fail to load
// where descriptors or memory are short: Node's loader tries anew the next time. A command has no next time.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { disassemblerFiles, disassemblerPlugin } from './support/disassembler.mjs'
import { at, Failure, isEntry, projectRequire, runMain } from './support/project.mjs'
import { buildSplit } from './support/split.mjs'

/** Entry points, and the way from the bundle's folder to dist/. */
const BUNDLES = [
  { entry: 'lib/index.ts', outfile: 'dist/index.js', up: '.', disassembler: './disassembler.js' },
  { entry: 'lib/cli/bin.ts', outfile: 'dist/cli/bin.js', up: '..' },
  { entry: 'lib/cli/start.ts', outfile: 'dist/cli/bin-main.js', up: '..', laterIn },
  { entry: 'lib/trace/decoder.ts', outfile: 'dist/disassembler.js', up: '.' },
]

/** What a trace as JSON does without, in files beside bin-main.js: reading it took a fifteenth of that trace's time. */
function laterIn({ name, importer }) {
  if (importer === 'lib/cli/commands.ts' && name !== 'lib/cli/trace.ts') return 'bin-commands.js'
  return importer === 'lib/export/index.ts' && name !== 'lib/export/json.ts' ? 'bin-formats.js' : null
}

const LICENSES = 'dist/licenses.txt'

/** Writes the bundles, what they read, and the licenses of what they hold. */
export async function writeBundles() {
  const { build } = projectRequire('esbuild')
  const inputs = new Set()
  for (const { laterIn, ...bundle } of BUNDLES) {
    const options = optionsFor(bundle)
    const metafiles = laterIn ? await buildSplit(build, options, laterIn) : [(await build(options)).metafile]
    for (const input of metafiles.flatMap((metafile) => Object.keys(metafile.inputs))) inputs.add(input)
  }
  for (const { name, contents } of disassemblerFiles()) writeFileSync(at('dist', name), contents)
  writeFileSync(at(LICENSES), licensesOf([...inputs]))
}

function optionsFor({ entry, outfile, up, disassembler }) {
  return {
    absWorkingDir: at('.'),
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    // Node shows the line of an error that nobody catches.
    lineLimit: 160,
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    plugins: [disassemblerPlugin(disassembler), commanderPlugin],
    // All of lib takes its own place to be a folder of dist/.
    define: { __dirname: 'dist' },
    banner: { js: `const dist = require('node:path').join(__dirname, '${up}');` },
  }
}

/** Commander loads node:child_process, which takes milliseconds, for subcommands in files of their own: there are none. */
const commanderPlugin = {
  name: 'commander',
  setup({ onLoad }) {
    onLoad({ filter: /\/commander\/lib\/command\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      const contents = text
        .replace(/^const childProcess = (require\('node:child_process'\));$/m, 'const childProcess = () => $1')
        .replace(/\bchildProcess\.spawn\(/g, 'childProcess().spawn(')
      if (!contents.includes('childProcess = ()')) throw new Failure('commander is not as it was.')
      return { contents }
    })
  },
}

/** The license of each package that gave a file. */
function licensesOf(inputs) {
  const packages = new Set(inputs.flatMap((input) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? []))
  const texts = [...packages].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(at(folder, 'package.json'), 'utf8'))
    return `${name} ${version} (${license})\n\n${licenseText(folder)}\n`
  })
  return `The files of this folder hold parts of these packages.\n\n${texts.join('\n')}`
}

function licenseText(folder) {
  const file = readdirSync(at(folder)).find((name) => /^licen[cs]e/i.test(name))
  return file === undefined ? '' : readFileSync(at(folder, file), 'utf8').trim()
}

if (isEntry(import.meta.url)) await runMain(writeBundles)
