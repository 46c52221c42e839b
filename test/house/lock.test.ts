/** `npm ci` refuses a lock that lacks what a package in it asks for, optional binaries for other platforms included. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Entry {
  version?: string
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

const root = join(__dirname, '..', '..')

test.each(['package-lock.json', 'test/fixtures/corpus/package-lock.json'])('%s is complete (npm run lock)', (file) => {
  const { packages } = JSON.parse(readFileSync(join(root, file), 'utf8')) as { packages: Record<string, Entry> }
  const missing = Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
      .filter((name) => !placesOf(path, name).some((place) => packages[place]))
      .map((name) => `${name}, wanted by ${path}`),
  )
  expect(Object.keys(packages).length).toBeGreaterThan(10)
  expect(missing).toEqual([])
})

test('the lock is that of package.json', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  expect({ dependencies, devDependencies }).toEqual({
    dependencies: packages[''].dependencies,
    devDependencies: packages[''].devDependencies,
  })
})

/** Where Node looks for a dependency of the package at `path`: beside it, then in the folders above. */
function placesOf(path: string, name: string): string[] {
  const folders = [path]
  while (folders.at(-1) !== '') {
    const last = folders.at(-1)!
    folders.push(last.slice(0, Math.max(0, last.lastIndexOf('node_modules/') - 1)))
  }
  return folders.map((folder) => `${folder === '' ? '' : `${folder}/`}node_modules/${name}`)
}
