// The disassembler for a bundle: iced-x86 as it is after its first instruction, so that starting it costs nothing of what
// building its tables costs (20 ms and more). The memory that it has then is in a file of its own and is read into its
// place: as data of the WebAssembly module it would be read, looked through and copied there. The module is written anew
// with the exports alone that lib/trace/decoder.ts uses; its JavaScript becomes an ES module, for tree shaking.
import { readFileSync } from 'node:fs'
import { at, Failure, projectRequire } from './project.mjs'

const USER = 'lib/trace/decoder.ts'
const WASM = 'disassembler.wasm'
const MEMORY = 'disassembler.memory'

const PAGE = 65536
const SECTION = { custom: 0, memory: 5, exports: 7, start: 8, data: 11 }

/**
 * An esbuild plugin that puts this in the place of iced-x86, and leaves USER to the bundle `outside`, if there is one. The
 * bundle's `__dirname` must be where the module is.
 */
export function disassemblerPlugin(outside) {
  return {
    name: 'disassembler',
    setup({ onLoad, onResolve }) {
      if (outside) onResolve({ filter: /^\.\/decoder$/ }, () => ({ path: outside, external: true }))
      onLoad({ filter: /\/iced_x86\.js$/ }, ({ path }) => ({ contents: asModule(readFileSync(path, 'utf8')) }))
    },
  }
}

/** The files that the bundle reads: names and contents. */
export function disassemblerFiles() {
  const path = projectRequire.resolve('iced-x86').replace(/\.js$/, '_bg.wasm')
  const { memory, from, end } = warmState()
  return [
    { name: WASM, contents: rewrite(readFileSync(path), memory.length) },
    { name: MEMORY, contents: memory.subarray(from, end) },
  ]
}

/** A method, getter or setter of a class, as wasm-bindgen lays it out, and its name. */
const METHOD = /^ {4}(?:static |get |set )*(\w+)\(.*\) \{\n(?: {8}.*\n|\n)* {4}\}\n/gm

/** A member of iced-x86's classes that USER names, or that all classes need. */
function isUsed(member) {
  return /^(constructor|new|free|__\w+)$/.test(member) || new RegExp(`\\.${member}\\b`).test(userText())
}

let text = null

function userText() {
  text ??= readFileSync(at(USER), 'utf8')
  return text
}

const FORMATTER = /^class Formatter \{\n[\s\S]*?^ {4}constructor\(syntax\) \{$/m

/** The first formatter of its syntax is the one that the memory holds. */
function takesWarmFormatter() {
  const { pointer, syntax } = warmState().formatter
  return `        if (syntax === ${syntax} && !Formatter.taken) {
            Formatter.taken = true;
            this.__wbg_ptr = ${pointer};
            return this;
        }`
}

/** Reads the memory into its place, in the scope of iced-x86's own module. */
function readsMemory() {
  const { from, end } = warmState()
  return `
const { openSync, readSync, closeSync } = require('fs');
const memory = openSync(require('path').join(__dirname, '${MEMORY}'));
try {
    const size = readSync(memory, new Uint8Array(wasm.memory.buffer, ${from}, ${end - from}));
    if (size !== ${end - from}) throw new Error('${MEMORY} is not whole');
} finally {
    closeSync(memory);
}
`
}

/** wasm-bindgen's CommonJS, with `export` for `module.exports`. */
function asModule(text) {
  const made = text
    .replace("imports['__wbindgen_placeholder__'] = module.exports", "imports['__wbindgen_placeholder__'] = {}")
    .replace(/^module\.exports\.__wasm = .*$/m, readsMemory)
    .replace(/^module\.exports\.(__wb\w+) = /gm, 'imports.__wbindgen_placeholder__.$1 = ')
    .replace(/^module\.exports\.(\w+) = \1;/gm, 'export { $1 }')
    .replace(/^module\.exports\.(\w+) = Object\.freeze/gm, 'export const $1 = /* @__PURE__ */ Object.freeze')
    .replace(/^module\.exports\.(\w+) = /gm, 'export const $1 = ')
    .replace('iced_x86_bg.wasm', WASM)
    .replace(FORMATTER, (head) => `${head}\n${takesWarmFormatter()}`)
    .replace(METHOD, (method, name) => (isUsed(name) ? method : ''))
  const needed = [WASM, readsMemory(), takesWarmFormatter()]
  if (/module\.exports/.test(made) || !needed.every((text) => made.includes(text)))
    throw new Failure('iced-x86 is not as it was.')
  return made
}

let warm = null

/**
 * The memory once every table has been built and all that was asked for it has been given back, but for one formatter,
 * whose making takes milliseconds; what of the memory is not zero, and where the formatter lies.
 */
function warmState() {
  warm ??= warmUp()
  return warm
}

function warmUp() {
  const iced = projectRequire('iced-x86')
  const formatter = new iced.Formatter(iced.FormatterSyntax.Intel)
  const decoder = new iced.Decoder(64, Buffer.from([0x90]), iced.DecoderOptions.None)
  const instruction = new iced.Instruction()
  decoder.decodeOut(instruction)
  formatter.format(instruction)
  for (const object of [instruction, decoder]) object.free()
  const { __wbg_ptr: pointer } = formatter
  if (!(pointer > 0)) throw new Failure('iced-x86 is not as it was.')
  const memory = Buffer.from(iced.__wasm.memory.buffer)
  const from = memory.findIndex((byte) => byte !== 0)
  const end = memory.findLastIndex((byte) => byte !== 0) + 1
  return { memory, from, end, formatter: { pointer, syntax: iced.FormatterSyntax.Intel } }
}

function rewrite(module, memorySize) {
  const made = {
    [SECTION.memory]: () => Buffer.from([1, 0, ...unsigned(memorySize / PAGE)]),
    [SECTION.exports]: usedExports,
  }
  const out = [module.subarray(0, 8)]
  for (const { id, body } of sections(module)) {
    if (id === SECTION.start) throw new Failure('iced-x86 starts by itself: its memory cannot be written beforehand.')
    if (id === SECTION.custom || id === SECTION.data) continue
    const now = made[id]?.(body) ?? body
    out.push(Buffer.from([id, ...unsigned(now.length)]), now)
  }
  return Buffer.concat(out)
}

function* sections(module) {
  for (let from = 8; from < module.length; ) {
    const { value: size, end } = readUnsigned(module, from + 1)
    yield { id: module[from], body: module.subarray(end, end + size) }
    from = end + size
  }
}

/** Those that memory and objects need, and those whose member of a class is named in the file that uses them. */
function usedExports(body) {
  const needed = (name) => {
    const member = /^(?:decoder|formatter|instruction)_(?:set_)?(\w+)$/.exec(name)?.[1]
    if (member !== undefined) return isUsed(member)
    return /^(memory|__wbindgen_\w+|__wbg_(decoder|formatter|instruction)_free)$/.test(name)
  }
  const kept = []
  let { value: count, end: from } = readUnsigned(body, 0)
  for (; count > 0; count--) {
    const name = readUnsigned(body, from)
    const kind = name.end + name.value
    const { end } = readUnsigned(body, kind + 1)
    if (needed(body.toString('utf8', name.end, kind))) kept.push(body.subarray(from, end))
    from = end
  }
  return Buffer.concat([Buffer.from(unsigned(kept.length)), ...kept])
}

/** LEB128. */
function unsigned(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)]
}

function readUnsigned(bytes, from) {
  let value = 0
  let end = from
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[end++]
    value |= (byte & 127) << shift
    if (byte < 128) return { value, end }
  }
}
