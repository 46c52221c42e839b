// Damage to a program file: where a parser reads counts, offsets and sizes.
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'

/** Values that numbers in a file are turned into: edges of every width. */
const EDGES = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fffffffn,
  0xffffffffn,
  0x7fffffffffffffffn,
  0xffffffffffffffffn,
]

/** Sections whose first bytes, or all of them, are tables of numbers. */
const TABLES =
  /^\.(gopclntab|go\.buildinfo|go\.module|symtab|strtab|dynsym|dynstr|dynamic|rela|note|shstrtab|data|noptrdata)/

/** Stretches worth damaging, `[offset, length]`: headers and the beginnings of tables. Reads the undamaged file. */
export function hotStretches(fd, { text = false } = {}) {
  const header = bytesAt(fd, 0, 64)
  const [shoff, shentsize, shnum, shstrndx] = [
    Number(header.readBigUInt64LE(40)),
    header.readUInt16LE(58),
    header.readUInt16LE(60),
    header.readUInt16LE(62),
  ]
  const headers = bytesAt(fd, shoff, shentsize * shnum)
  const field = (i, at) => Number(headers.readBigUInt64LE(i * shentsize + at))
  const names = bytesAt(fd, field(shstrndx, 24), field(shstrndx, 32))
  const stretches = [
    [0, 64],
    [64, 56 * header.readUInt16LE(56)],
    [shoff, shentsize * shnum],
  ]
  for (let i = 1; i < shnum; i++) {
    const name = names.toString('latin1', headers.readUInt32LE(i * shentsize)).split('\0', 1)[0]
    const [offset, size] = [field(i, 24), field(i, 32)]
    if (size === 0 || headers.readUInt32LE(i * shentsize + 4) === 8) continue
    if (TABLES.test(name)) stretches.push([offset, Math.min(size, 256)], [offset, size])
    if (text && name === '.text') stretches.push([offset, size])
  }
  return stretches
}

function bytesAt(fd, offset, length) {
  const bytes = Buffer.alloc(length)
  readSync(fd, bytes, 0, length, offset)
  return bytes
}

/** One damage, as data: what was written where, or where the file was cut. */
export function randomDamage(stretches, size) {
  const pick = (list) => list[Math.floor(Math.random() * list.length)]
  if (Math.random() < 0.02) return { cut: Math.floor(Math.random() * size), writes: [] }
  const writes = Array.from({ length: 1 + Math.floor(Math.random() ** 3 * 8) }, () => {
    const [offset, length] = pick(stretches)
    const width = pick([1, 2, 4, 8])
    const at = offset + Math.floor((Math.random() * length) / width) * width
    const bytes = Buffer.alloc(8)
    if (Math.random() < 0.5) bytes.writeBigUInt64LE(pick(EDGES))
    else bytes.writeBigUInt64LE(BigInt(Math.floor(Math.random() * 2 ** 53)))
    return { at: Math.min(at, size - width), bytes: [...bytes.subarray(0, width)] }
  })
  return { cut: null, writes }
}

/** Does the damage and returns the function that undoes it. */
export function damage(file, { cut, writes }) {
  const fd = openSync(file, 'r+')
  const { size } = fstatSync(fd)
  const undo = []
  for (const { at, bytes } of writes) {
    undo.unshift([at, bytesAt(fd, at, bytes.length)])
    writeSync(fd, Buffer.from(bytes), 0, bytes.length, at)
  }
  let tail = null
  if (cut !== null) {
    tail = bytesAt(fd, cut, size - cut)
    ftruncateSync(fd, cut)
  }
  closeSync(fd)
  return () => {
    const again = openSync(file, 'r+')
    if (tail !== null) writeSync(again, tail, 0, tail.length, cut)
    for (const [at, bytes] of undo) writeSync(again, bytes, 0, bytes.length, at)
    closeSync(again)
  }
}
