/** The document of permissions has what the program says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CONTAINER_FIXES } from '../../lib/session/denial'

test('docs/permissions.md knows every surrounding that has a fix', () => {
  const text = readFileSync(join(__dirname, '..', '..', 'docs', 'permissions.md'), 'utf8')
  for (const { where } of CONTAINER_FIXES) expect(text).toContain(where)
  expect(text).toContain('--cap-add=SYS_PTRACE')
  expect(text).toContain('cap_add = ["SYS_PTRACE"]')
})
