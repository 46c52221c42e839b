/** The structure layouts, held against the DWARF of programs built by the releases at hand. */
import { spawnSync } from 'node:child_process'
import type { GoImage } from '../../lib/image/types'
import { goidOffset, heapLayout, maxmcountOffset, moduledataNext, moduledataText } from '../../lib/plan/layout'
import { buildFixture, missingGo } from '../support/fixtures'
import { missingCommand, testUnless } from '../support/skip'

const go = (min: number, max = min): GoImage => ({ minors: { min, max } }) as GoImage

const FIELDS = {
  goid: "&(('runtime.g' *)0)->goid",
  text: "&(('runtime.moduledata' *)0)->text",
  next: "&(('runtime.moduledata' *)0)->next",
  maxmcount: "&(('runtime.schedt' *)0)->maxmcount",
  central: "&(('runtime.mheap' *)0)->central",
  centralSize: "sizeof((('runtime.mheap' *)0)->central)",
  centralStride: "sizeof((('runtime.mheap' *)0)->central[0])",
  pagesInUse: "&(('runtime.mheap' *)0)->pagesInUse",
  arenaHints: "&(('runtime.mheap' *)0)->arenaHints",
}

function offsets(file: string): Record<string, number> {
  const commands = Object.values(FIELDS).flatMap((expression) => ['-ex', `printf "%ld\\n", (long)(${expression})`])
  const { stdout } = spawnSync('gdb', ['-batch', '-nx', '-ex', 'set language c', ...commands, file], {
    encoding: 'utf8',
  })
  const values = stdout.trim().split('\n').slice(-Object.keys(FIELDS).length).map(Number)
  return Object.fromEntries(Object.keys(FIELDS).map((name, at) => [name, values[at] as number]))
}

for (const release of ['1.21.13', '1.22.12', '1.23.12', '1.24.9', '1.25.4', '1.26.8', '1.27.0']) {
  const minor = Number(release.split('.')[1])
  testUnless(missingCommand('gdb') ?? missingGo(release))(
    `offsets of Go 1.${minor} are those of the debugger`,
    () => {
      const found = offsets(buildFixture('hello', { toolchain: release }) as string)
      const heap = heapLayout(go(minor))
      expect({
        goid: goidOffset(go(minor)),
        text: moduledataText(go(minor)),
        next: moduledataNext(go(minor)),
        maxmcount: maxmcountOffset(go(minor)),
        central: heap?.central,
        centralSize: (heap?.centralStride ?? 0) * (heap?.centralCount ?? 0),
        centralStride: heap?.centralStride,
        pagesInUse: heap?.pagesInUse,
        arenaHints: heap?.arenaHints,
      }).toEqual(found)
    },
    240_000,
  )
}

test('a range of versions has an offset only where all of them agree', () => {
  expect(goidOffset(go(19, 22))).toBe(0x98)
  expect(goidOffset(go(22, 23))).toBeNull()
  expect(heapLayout(go(9))).toBeNull()
  expect(heapLayout(go(20, 21))).toBeNull()
  expect(heapLayout(go(22, 24))).not.toBeNull()
  expect(goidOffset(go(4))).toBeNull()
})
