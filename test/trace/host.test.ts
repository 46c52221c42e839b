import { availableParallelism, cpus, release } from 'node:os'
import { describeHost } from '../../lib/trace/host'

test('the host is what Node says it is, and described once', () => {
  const host = describeHost()
  expect(host).toMatchObject({ kernel: release(), node: process.version, cpus: cpus().length })
  expect(host.cpus).toBeGreaterThanOrEqual(availableParallelism())
  expect(host.libc).toMatch(/^(glibc|musl)$/)
  expect(describeHost()).toEqual(host)
  host.cpu = 'changed'
  expect(describeHost().cpu).not.toBe('changed')
})
