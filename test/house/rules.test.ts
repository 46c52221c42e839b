/** The rules of the tree that a compiler does not check; `docs/architecture.md` gives their reasons. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'

const root = join(__dirname, '..', '..')

/** The stages in the order of the work: none imports a later one; those in one row do not import each other. */
const STAGES = [
  ['image'],
  ['plan'],
  ['session'],
  ['trace'],
  ['measure', 'doctor'],
  ['export', 'report'],
  ['index'],
  ['testing'],
  ['cli'],
]

const MOST_LINES = 400

const sources = [
  ...files('lib', /\.ts$/),
  ...files('native', /\.(cc|h)$/),
  ...files('scripts', /\.mjs$/),
  ...files('test', /\.(ts|cjs|cc|h|go)$/),
].filter((file) => !/node_modules|\.cache/.test(file))

test('the lists of files below are not empty', () => {
  for (const folder of ['lib', 'native', 'scripts', 'test']) expect(inFolder(folder).length).toBeGreaterThan(3)
})

test('a file is at most 400 lines long', () => {
  expect(sources.filter((file) => text(file).split('\n').length > MOST_LINES + 1)).toEqual([])
})

test('native/sources.txt lists exactly the sources that are there', () => {
  expect(text('native/sources.txt').trim().split('\n')).toEqual(files('native', /\.cc$/))
})

test('only native/ptrace calls ptrace, waits for processes and makes them', () => {
  const call =
    /\b(ptrace|waitpid|waitid|wait4|fork|vfork|clone|clone3)\s*\(|\b(SYS|__NR)_(ptrace|wait4|waitid|clone3?|v?fork)\b/
  const elsewhere = inFolder('native').filter((file) => !file.startsWith('native/ptrace/'))
  expect(elsewhere.filter((file) => call.test(code(file)))).toEqual([])
  expect(inFolder('native/ptrace').some((file) => call.test(code(file)))).toBe(true)
})

test('only native/addon includes Node-API', () => {
  const users = inFolder('native').filter((file) => /#include\s*<(napi|node_api|node|v8|uv)\.h>/.test(text(file)))
  expect(users).not.toEqual([])
  expect(users.filter((file) => !file.startsWith('native/addon/'))).toEqual([])
})

test('native/ptrace and native/arch know nothing of sessions', () => {
  const lower = [...inFolder('native/ptrace'), ...inFolder('native/arch')]
  expect(lower.filter((file) => /#include\s*".*(session|addon)\//.test(text(file)))).toEqual([])
})

test('only lib/session/binding.ts loads the addon', () => {
  const loaders = inFolder('lib').filter((file) => /node-gyp-build['"]|\.node['"]/.test(code(file)))
  expect(loaders.filter((file) => !file.endsWith('.d.ts'))).toEqual(['lib/session/binding.ts'])
})

test('no stage imports a later one', () => {
  const order = new Map(STAGES.flatMap((row, rank) => row.map((stage) => [stage, rank] as const)))
  const wrong = inFolder('lib').flatMap((file) =>
    imports(file)
      .filter((target) => {
        const [from, to] = [stageOf(file), stageOf(target)]
        const [below, above] = [order.get(from), order.get(to)]
        return from !== to && below !== undefined && above !== undefined && above >= below
      })
      .map((target) => `${file} imports ${target}`),
  )
  expect(wrong).toEqual([])
})

test('lib/testing uses the public API alone', () => {
  const targets = inFolder('lib/testing').flatMap((file) => imports(file).filter((to) => stageOf(to) !== 'testing'))
  expect(targets.filter((target) => target !== 'lib/index' && target !== 'lib')).toEqual([])
})

test('nothing in lib uses import(): Jest without flags fails on it', () => {
  // The type form, import('…').Name, is gone after the compilation.
  expect(inFolder('lib').filter((file) => /\bawait import\(|[^.\w]import\([^)]*\)\.then/.test(code(file)))).toEqual([])
})

test('errors and public objects are made in lib, not in the addon', () => {
  const throwing = /Napi::(Type|Range)?Error::New|ThrowAsJavaScriptException|napi_throw/
  expect(inFolder('native').filter((file) => throwing.test(code(file)))).toEqual([])
})

test('tests wait on events or on states, never on a bare sleep', () => {
  const sleep = /await (delay|sleep|setTimeout)\(|new Promise\(\s*\(?\w+\)?\s*=>\s*setTimeout\(/
  const users = inFolder('test').filter((file) => /\.ts$/.test(file) && sleep.test(code(file)))
  expect(users.filter((file) => !file.startsWith('test/support/'))).toEqual([])
})

function inFolder(folder: string): string[] {
  return sources.filter((file) => file.startsWith(`${folder}/`))
}

function files(folder: string, name: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort()
}

function text(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

/** The text without line and block comments: a rule is about what runs, not about what is said. */
function code(file: string): string {
  return text(file).replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '$1')
}

/** What a file of lib imports or exports from within lib, as paths without an extension. */
function imports(file: string): string[] {
  const relatives = [...code(file).matchAll(/(?:from|require\(|import\()\s*['"](\.[^'"]*)['"]/g)]
  return relatives.map((match) => normalize(join(dirname(file), match[1]!))).filter((path) => /^lib(\/|$)/.test(path))
}

/** The folder or file directly below lib: `session` of `lib/session/wire`, `index` of `lib/index` and of `lib`. */
function stageOf(path: string): string {
  return path.split('/')[1]?.replace(/\.ts$/, '') ?? 'index'
}
