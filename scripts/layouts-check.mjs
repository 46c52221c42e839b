// The tables of Go's structures against the Go trees at hand: GOROOT, the toolchains in the module cache, and trees
// named as arguments. Each tree's runtime is type-checked; every offset of the tables for its version, and every name
// that a tag `@go …` cites, must be what the tree says.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { at, Failure, findCommand, isEntry, listFiles, readOrNull, runMain, say } from './support/project.mjs'
import { loadTypeScript } from './support/typescript.mjs'

/** Checks every tree; counts of comparisons, or a reason where there is no tree. */
export function checkLayouts(more = []) {
  if (findCommand('go') === null) return 'no go on this machine'
  const trees = newestOfEach([...ownTrees(), ...more])
  if (trees.length === 0) return 'no Go tree with its sources'
  const tool = buildTool()
  let compared = 0
  const wrong = []
  const cited = citations()
  for (const tree of trees) {
    const expected = layoutsOf(tree.minor)
    const names = cited.filter((tag) => tag.tree(trees) === tree).map(({ name }) => name)
    const found = ask(tool, tree, [...new Set([...expected.map(({ name }) => name), ...names])])
    for (const { name, key, value } of expected) {
      compared++
      if (found[name]?.[key] !== value)
        wrong.push(`${name}: ${key} ${found[name]?.[key]} in ${tree.version}, ${value} here`)
    }
    for (const name of names) {
      compared++
      if (found[name] === undefined) wrong.push(`${name} is cited, but ${tree.version} has no such name`)
    }
  }
  if (wrong.length > 0) throw new Failure(`Layouts that are not Go’s:\n  ${wrong.join('\n  ')}`)
  say(`${compared} facts agree with ${trees.map(({ version }) => version).join(', ')}`)
  return { passed: compared, failed: 0, skipped: 0 }
}

function goEnv(name) {
  return spawnSync('go', ['env', name], { encoding: 'utf8', cwd: at('scripts/layouts') }).stdout.trim()
}

function ownTrees() {
  const toolchains = join(goEnv('GOMODCACHE'), 'golang.org')
  let cached = []
  try {
    cached = readdirSync(toolchains).filter((name) => name.startsWith('toolchain@'))
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
  return [goEnv('GOROOT'), ...cached.map((name) => join(toolchains, name))]
}

/** Of each minor version the newest release. */
function newestOfEach(roots) {
  const trees = new Map()
  for (const root of roots) {
    const version = /^go1\.(\d+)(?:\.(\d+))?/.exec(readOrNull(join(root, 'VERSION')) ?? '')
    if (version === null || readOrNull(join(root, 'src/runtime/runtime2.go')) === null) continue
    const [text, minor, patch] = [version[0], Number(version[1]), Number(version[2] ?? 0)]
    if (patch >= (trees.get(minor)?.patch ?? 0)) trees.set(minor, { root, version: text, minor, patch })
  }
  return [...trees.values()].sort((a, b) => a.minor - b.minor)
}

function buildTool() {
  const file = at('node_modules/.cache/premain/layouts')
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '', CGO_ENABLED: '0' }
  const { status, stderr } = spawnSync('go', ['build', '-o', file, '.'], {
    cwd: at('scripts/layouts'),
    env,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Failure(stderr)
  return file
}

function ask(tool, { root }, names) {
  const { status, stdout, stderr } = spawnSync(tool, [root], { input: `${names.join('\n')}\n`, encoding: 'utf8' })
  if (status !== 0) throw new Failure(`${root}: ${stderr}`)
  return JSON.parse(stdout)
}

/** What the tables say of one version: `{ name, key, value }`, key being what of the name is compared. */
function layoutsOf(minor) {
  const plan = loadTypeScript('lib/plan/layout.ts')
  const { INLINE_TREES, layoutOf, MODULEDATAS, PCLNTABS } = loadTypeScript('lib/image/go/layouts.ts')
  const go = { minors: { min: minor, max: minor } }
  const heap = plan.heapLayout(go)
  const sched = plan.schedOffsets(go)
  const vdso = plan.vdsoOffset(go)
  const moduledata = layoutOf(MODULEDATAS, minor)
  const pclntab = layoutOf(PCLNTABS, minor)
  const { header, func } = pclntab
  const inline = layoutOf(INLINE_TREES, minor)
  const offsets = {
    'runtime.g.stack': plan.G_STACK,
    'runtime.g.m': plan.G_M,
    'runtime.m.g0': plan.M_G0,
    'runtime.g.goid': plan.goidOffset(go),
    'runtime.g.sched.sp': sched.sp,
    'runtime.g.sched.pc': sched.pc,
    'runtime.m.vdsoSP': vdso,
    'runtime.m.vdsoPC': vdso && vdso + 8,
    'runtime.schedt.maxmcount': plan.maxmcountOffset(go),
    'runtime.mheap.central': heap.central,
    'runtime.mheap.pagesInUse': heap.pagesInUse,
    'runtime.mheap.arenaHints': heap.arenaHints,
    'runtime.mcentral.spanclass': heap.spanClass,
    'runtime.moduledata.ftab': moduledata.ftab,
    'runtime.moduledata.minpc': moduledata.minpc,
    'runtime.moduledata.text': moduledata.text,
    'runtime.moduledata.gofunc': moduledata.gofunc,
    'runtime.moduledata.inittasks': moduledata.inittasks,
    'runtime.moduledata.next': moduledata.next,
    'runtime.pcHeader.nfunc': header.names && header.count,
    'runtime.pcHeader.funcnameOffset': header.names,
    'runtime.pcHeader.cuOffset': header.compileUnits,
    'runtime.pcHeader.filetabOffset': header.files,
    'runtime.pcHeader.pctabOffset': header.pcs,
    'runtime.pcHeader.pclnOffset': header.funcs,
    'runtime._func.pcsp': func.pcsp,
    'runtime._func.pcfile': func.pcfile,
    'runtime._func.pcln': func.pcln,
    'runtime._func.npcdata': func.npcdata,
    'runtime._func.cuOffset': func.compileUnit,
    'runtime._func.startLine': func.startLine,
    // A byte from 1.12 on, an int32 before.
    'runtime._func.nfuncdata': func.size - (minor < 12 ? 4 : 1),
    ...(inline && {
      [`runtime.inlinedCall.${minor < 20 ? 'func_' : 'nameOff'}`]: inline.name,
      'runtime.inlinedCall.parentPc': inline.parentPc,
    }),
  }
  const fact =
    (key) =>
    ([name, value]) => ({ name, key, value })
  return [
    ...Object.entries(offsets)
      .filter(([, value]) => value !== null)
      .map(fact('offset')),
    fact('size')(['runtime.moduledata', moduledata.size]),
    ...(inline === null ? [] : inlineFacts(minor, inline, fact)),
    fact('length')(['runtime.mheap.central', heap.centralCount]),
    fact('stride')(['runtime.mheap.central', heap.centralStride]),
  ]
}

function inlineFacts(minor, { size, pcdata, funcdata }, fact) {
  return [
    fact('size')(['runtime.inlinedCall', size]),
    fact('value')([minor < 21 ? 'runtime._PCDATA_InlTreeIndex' : 'internal/abi.PCDATA_InlTreeIndex', pcdata]),
    fact('value')([minor < 21 ? 'runtime._FUNCDATA_InlTree' : 'internal/abi.FUNCDATA_InlTree', funcdata]),
  ]
}

/** Names cited by tags in lib/, each with the tree to look it up in: the oldest that is not older than its tag. */
function citations() {
  const tags = listFiles('lib', (file) => file.endsWith('.ts')).flatMap((file) => [
    ...readFileSync(at(file), 'utf8').matchAll(/@go ((?:[^*\n]|\*(?!\/))*)/g),
  ])
  return tags.flatMap(([, text]) =>
    text.split(';').flatMap((part) => {
      if (/^ *renamed/.test(part)) return []
      const since = Number(/\bgo1\.(\d+)/.exec(part)?.[1] ?? 0)
      const until = Number(/renamed in go1\.(\d+)/.exec(text)?.[1] ?? Number.POSITIVE_INFINITY)
      const names = [...part.matchAll(/(?:^|[ ,])((?:internal\/)?runtime(?:\/\w+)?\.[\w]+(?:\.\w+)*)/g)]
      const tree = (trees) => trees.find(({ minor }) => minor >= since && minor < until)
      return names.map(([, name]) => ({ name, tree }))
    }),
  )
}

if (isEntry(import.meta.url)) {
  await runMain(() => {
    const result = checkLayouts(process.argv.slice(2))
    if (typeof result === 'string') say(`skipped: ${result}`)
  })
}
