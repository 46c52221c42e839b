/**
 * Calls that the compiler replaced by the called function's code, read off a function's tree of them. Source: go
 * runtime/symtabinl.go, before 1.21 runtime/traceback.go; the layout of funcdata, runtime/symtab.go funcdata.
 */
import type { Memory } from '../memory'
import type { FileAddress } from '../types'
import type { InlineLayout } from './layouts'
import type { PclntabHeader } from './pclntab'
import { pcValue } from './pcvalue'

/** Deeper than compilers go. */
const MOST_CALLS = 64
/** funcdata that is absent, from 1.18 on. */
const ABSENT = 0xffffffff

/** A function that was inlined. */
export interface InlinedCall {
  name: string
  /** An instruction of the function that it was inlined into, at the call's source position. */
  calledAt: FileAddress
}

/** A function that others may have been inlined into, as the function table has it. */
export interface Host {
  /** Where its _func record lies. */
  record: number
  entry: number
  end: number
}

/** The trees of one program. A tree that does not fit the file ends where it leaves it: lines are only shown. */
export class InlineTrees {
  constructor(
    private readonly memory: Memory,
    private readonly header: PclntabHeader,
    private readonly layout: InlineLayout,
    /** What funcdata count from; null where they are pointers. */
    private readonly gofunc: number | null,
  ) {}

  /** The calls that were inlined where `pc` is, innermost first. */
  at(pc: number, host: Host): InlinedCall[] {
    const calls: InlinedCall[] = []
    const tree = this.treeOf(host)
    for (let at = pc; tree !== null && calls.length < MOST_CALLS; ) {
      const call = this.callAt(at, tree, host)
      if (call === null) break
      calls.push(call)
      at = call.calledAt
    }
    return calls
  }

  private callAt(pc: number, tree: number, host: Host): InlinedCall | null {
    const { size, name, parentPc } = this.layout
    const index = this.indexAt(pc, host)
    if (index === null || index < 0) return null
    const at = tree + index * size
    const [nameOffset, parent] = [this.u32(at + name), this.u32(at + parentPc)]
    if (nameOffset === null || parent === null || parent >= host.end - host.entry) return null
    const { names, namesSize } = this.header
    const called = nameOffset < namesSize ? this.memory.cstring(names + nameOffset, namesSize - nameOffset) : null
    return called === null ? null : { name: called, calledAt: (host.entry + parent) as FileAddress }
  }

  private indexAt(pc: number, { record, entry }: Host): number | null {
    const { func } = this.header.layout
    const tables = this.u32(record + func.npcdata)
    if (tables === null || tables <= this.layout.pcdata) return null
    const offset = this.u32(record + func.size + 4 * this.layout.pcdata)
    if (!offset) return null
    const { pcs, quantum } = this.header
    return pcValue(this.memory, { table: pcs + offset, entry, pc, quantum })
  }

  private treeOf({ record }: Host): number | null {
    const { func } = this.header.layout
    const [tables, counts] = [this.u32(record + func.npcdata), this.u32(record + func.size - 4)]
    if (tables === null || counts === null || counts >>> 24 <= this.layout.funcdata) return null
    const first = record + func.size + 4 * tables
    if (this.gofunc !== null) {
      const offset = this.u32(first + 4 * this.layout.funcdata)
      return offset === null || offset === ABSENT ? null : this.gofunc + offset
    }
    // Pointers are aligned where they come to lie; the load bias is a multiple of pages.
    return this.memory.pointer(first + (first % 8) + 8 * this.layout.funcdata) || null
  }

  private u32(address: number): number | null {
    return this.memory.available(address) >= 4 ? this.memory.u32(address, 'inlined calls') : null
  }
}
