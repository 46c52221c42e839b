// The disassembler for a bundle: iced-x86 as it is after its first instruction, so that starting it costs nothing of what
// building its tables costs (20 ms and more). Its WebAssembly module is written anew with the memory that it has then,
// and with the exports alone that lib/trace/decoder.ts uses; its JavaScript becomes an ES module, for tree shaking.
import { readFileSync } from 'node:fs'
import { at, Failure, projectRequire } from './project.mjs'

const USER = 'lib/trace/decoder.ts'
const WASM = 'disassembler.wasm'

const PAGE = 65536
const SECTION = { custom: 0, memory: 5, exports: 7, start: 8, data: 11 }

/**
 * An esbuild plugin that puts this in the place of iced-x86, and leaves USER to the bundle `outside`. The bundle's
 * `__dirname` must be where the module is.
 */
export function disassemblerPlugin(outside) {
  return {
    name: 'disassembler',
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^\.\/decoder$/ }, () => ({ path: outside, external: true }))
      onLoad({ filter: /\/iced_x86\.js$/ }, ({ path }) => ({ contents: asModule(readFileSync(path, 'utf8')) }))
    },
  }
}

/** The file that the bundle reads: its name and contents. */
export function disassemblerModule() {
  const path = projectRequire.resolve('iced-x86').replace(/\.js$/, '_bg.wasm')
  return { name: WASM, contents: rewrite(readFileSync(path), warmState().memory) }
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

/** wasm-bindgen's CommonJS, with `export` for `module.exports`. */
function asModule(text) {
  const made = text
    .replace("imports['__wbindgen_placeholder__'] = module.exports", "imports['__wbindgen_placeholder__'] = {}")
    .replace(/^module\.exports\.__wasm = .*$/m, '')
    .replace(/^module\.exports\.(__wb\w+) = /gm, 'imports.__wbindgen_placeholder__.$1 = ')
    .replace(/^module\.exports\.(\w+) = \1;/gm, 'export { $1 }')
    .replace(/^module\.exports\.(\w+) = Object\.freeze/gm, 'export const $1 = /* @__PURE__ */ Object.freeze')
    .replace(/^module\.exports\.(\w+) = /gm, 'export const $1 = ')
    .replace('iced_x86_bg.wasm', WASM)
    .replace(FORMATTER, (head) => `${head}\n${takesWarmFormatter()}`)
    .replace(METHOD, (method, name) => (isUsed(name) ? method : ''))
  if (/module\.exports/.test(made) || !made.includes(WASM) || !made.includes(takesWarmFormatter()))
    throw new Failure('iced-x86 is not as it was.')
  return made
}

let warm = null

/**
 * The memory once every table has been built and all that was asked for it has been given back, but for one formatter,
 * whose making takes milliseconds; and where that lies.
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
  return { memory: Buffer.from(iced.__wasm.memory.buffer), formatter: { pointer, syntax: iced.FormatterSyntax.Intel } }
}

function rewrite(module, memory) {
  const made = {
    [SECTION.memory]: () => Buffer.from([1, 0, ...unsigned(memory.length / PAGE)]),
    [SECTION.exports]: usedExports,
    [SECTION.data]: () => dataOf(memory),
  }
  const out = [module.subarray(0, 8)]
  for (const { id, body } of sections(module)) {
    if (id === SECTION.start) throw new Failure('iced-x86 starts by itself: its memory cannot be written beforehand.')
    if (id === SECTION.custom) continue
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

/** Zeros in a row that are worth a segment's header. */
const GAP = 64

/** Active data segments for what is not zero. */
function dataOf(memory) {
  const segments = []
  const gap = Buffer.alloc(GAP)
  for (let from = nonZero(memory, 0); from < memory.length; ) {
    const found = memory.indexOf(gap, from)
    const end = found < 0 ? memory.length : found
    // Segment of memory 0 at i32.const from: the opcodes are 0x41 and, for the end, 0x0b.
    const head = [0, 0x41, ...signed(from), 0x0b, ...unsigned(end - from)]
    segments.push(Buffer.from(head), memory.subarray(from, end))
    from = nonZero(memory, end)
  }
  return Buffer.concat([Buffer.from(unsigned(segments.length / 2)), ...segments])
}

function nonZero(memory, from) {
  let next = from
  while (next < memory.length && memory[next] === 0) next++
  return next
}

/** LEB128. */
function unsigned(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)]
}

function signed(value) {
  return value < 64 ? [value] : [(value & 127) | 128, ...signed(value >> 7)]
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
