// `npm run lock`: completes package-lock.json. A registry that does not serve a package's binaries for other platforms
// makes npm leave them out of the lock, and `npm ci` then refuses that lock everywhere. Their versions are pinned by the
// package that wants them, and their platform is in their name: that is all the lock needs to pass over them.
import { readFileSync, writeFileSync } from 'node:fs'
import { at, Failure, runMain, say } from './support/project.mjs'

const FILE = 'package-lock.json'
const PLATFORM =
  /-(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-([a-z0-9]+?)(?:-?(gnu|musl|msvc|eabi)[a-z]*)?$/

await runMain(() => {
  const lock = JSON.parse(readFileSync(at(FILE), 'utf8'))
  const added = []
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isLocked(lock.packages, path, name)) continue
      lock.packages[`node_modules/${name}`] = platformEntry(name, version, entry)
      added.push(name)
    }
  }
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en'))
  lock.packages = Object.fromEntries(sorted)
  if (added.length > 0) writeFileSync(at(FILE), `${JSON.stringify(lock, null, 2)}\n`)
  say(`${FILE}: ${added.length} entries added`)
})

/** Is a dependency of the package at `path` found as Node would find it: beside it or in a folder above? */
function isLocked(packages, path, name) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    if (packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`] !== undefined) return true
    if (folder === '') return false
  }
}

function platformEntry(name, version, { dev }) {
  const [, os, cpu, abi] = PLATFORM.exec(name) ?? []
  if (!os || !/^\d+\.\d+\.\d+$/.test(version)) throw new Failure(`${FILE}: cannot tell what ${name}@${version} is for`)
  const libc = os === 'linux' && { gnu: 'glibc', musl: 'musl' }[abi]
  return { version, cpu: [cpu], ...(dev && { dev }), ...(libc && { libc: [libc] }), optional: true, os: [os] }
}
