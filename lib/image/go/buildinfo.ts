/** Go's build information: its version and module list. Source: go debug/buildinfo, cmd/link/internal/ld/data.go buildinfo. */
import { PremainError } from '../../errors'
import { PF_W, PF_X, type Section } from '../elf'
import type { Memory } from '../memory'

const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1')
const ALIGN = 16
const HEADER = 32
const INLINE_STRINGS = 2
const BIG_ENDIAN = 1
const MAX_VERSION = 1024
const MAX_MODULES = 4 * 1024 * 1024

/** Candidates that a scan looks at. */
const MAX_CANDIDATES = 256

/** What the build information says. */
export interface BuildInfo {
  version: string
  module: string | null
  main: string | null
  deps: { path: string; version: string }[]
  settings: Record<string, string>
}

/** Reads .go.buildinfo, or finds its magic in the data segments; null where there is none that holds a version. */
export function readBuildInfo(memory: Memory, sections: readonly Section[]): BuildInfo | null {
  let tried = 0
  for (const address of candidates(memory, sections)) {
    const info = parseAt(memory, address)
    if (info !== null) return info
    if (++tried > MAX_CANDIDATES) return null
  }
  return null
}

function* candidates(memory: Memory, sections: readonly Section[]): Generator<number> {
  const section = sections.find(({ name }) => name === '.go.buildinfo')
  if (section !== undefined) yield section.address
  for (const segment of memory.searchOrder) {
    if ((segment.flags & (PF_X | PF_W)) !== PF_W) continue
    for (const hit of memory.search(MAGIC, segment)) if (hit % ALIGN === 0) yield hit
  }
}

function parseAt(memory: Memory, address: number): BuildInfo | null {
  try {
    const header = memory.cursor(address, HEADER, 'build information')
    if (!header.slice(0, MAGIC.length).equals(MAGIC)) return null
    const flags = header.u8(15)
    if (flags & INLINE_STRINGS) return inline(memory, address + HEADER)
    if (flags & BIG_ENDIAN || header.u8(14) !== 8) return null
    const version = goString(memory, memory.pointer(address + 16), MAX_VERSION)
    if (!version?.length) return null
    const modules = goString(memory, memory.pointer(address + 24), MAX_MODULES)
    return build(version.toString('utf8'), modules ?? Buffer.alloc(0))
  } catch (error) {
    if (error instanceof PremainError && error.code === 'MALFORMED_ELF') return null
    throw error
  }
}

/** Go 1.18 on: two strings, each behind its length as a varint. */
function inline(memory: Memory, address: number): BuildInfo | null {
  const version = varintString(memory, address, MAX_VERSION)
  if (version.bytes.length === 0) return null
  return build(version.bytes.toString('utf8'), varintString(memory, version.end, MAX_MODULES).bytes)
}

function varintString(memory: Memory, address: number, max: number): { bytes: Buffer; end: number } {
  let length = 0
  let at = address
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = memory.cursor(at++, 1, 'build information').u8(0)
    length += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  if (length > max) length = 0
  return { bytes: memory.bytes(at, length, 'build information'), end: at + length }
}

/** Go 1.13 to 1.17: a pointer to a string header. */
function goString(memory: Memory, header: number | null, max: number): Buffer | null {
  const data = header === null || header === 0 ? null : memory.pointer(header)
  const length = header === null || header === 0 ? null : memory.word(header + 8)
  if (data === null || length === null || length > max) return null
  // The data pointer of an empty string is 0.
  if (length === 0) return Buffer.alloc(0)
  return memory.bytes(data, length, 'build information')
}

function build(version: string, modules: Buffer): BuildInfo {
  const info: BuildInfo = { version, module: null, main: null, deps: [], settings: {} }
  // The text is framed by 16 bytes on either side (go cmd/go/internal/modload infoStart and infoEnd).
  const framed = modules.length >= 33 && modules[modules.length - 17] === 0x0a
  if (!framed) return info
  for (const line of modules.toString('utf8', 16, modules.length - 16).split('\n')) {
    const [kind, first = '', second = ''] = line.split('\t')
    if (kind === 'path') info.main = first
    else if (kind === 'mod') info.module = first
    else if (kind === 'dep') info.deps.push({ path: first, version: second })
    else if (kind === '=>' && info.deps.length > 0) info.deps[info.deps.length - 1] = { path: first, version: second }
    else if (kind === 'build') setting(info.settings, line.slice('build\t'.length))
  }
  return info
}

/** `key=value`, either of them quoted as Go quotes strings where it needs to be. */
function setting(settings: Record<string, string>, text: string): void {
  const [, key, value] = /^("(?:[^"\\]|\\.)*"|`[^`]*`|[^=]*)=(.*)$/s.exec(text) ?? []
  if (key === undefined || value === undefined) return
  // Not by assignment: a key named __proto__ would change the object instead.
  Object.defineProperty(settings, unquote(key), {
    value: unquote(value),
    enumerable: true,
    writable: true,
    configurable: true,
  })
}

const ESCAPES: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** What strconv.Quote made of a string; a text that is not quoted stays as it is. */
export function unquote(text: string): string {
  if (/^`[^`]*`$/.test(text)) return text.slice(1, -1)
  if (!/^".*"$/s.test(text) || text.length < 2) return text
  const sequence = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gs
  return text.slice(1, -1).replace(sequence, (_, x, u, long, octal, plain) => {
    const hex = x ?? u ?? long
    if (hex !== undefined) return fromCodePoint(Number.parseInt(hex, 16))
    if (octal !== undefined) return fromCodePoint(Number.parseInt(octal, 8))
    return ESCAPES[plain] ?? plain
  })
}

function fromCodePoint(code: number): string {
  return code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code)
}
