import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { freshMemory } from '../../../core/check/probes/findings.ts'
import { createSystemDisk } from '../../../core/check/probes/probe-runner.ts'
import { allProbes, checkPaths } from '../../support/check/check-faults.ts'
import { startCheckerProcess } from '../../support/check/client.ts'
import { makeAutomount } from '../../support/faults/automount.ts'
import { mountFuse } from '../../support/faults/fuse.ts'
import { canMount, mountTmpfs } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const detach = (point: string) => execFileSync('umount', ['--lazy', point])
const mountInMemory = (point: string) =>
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'holdfast-test', point])

describe.skipIf(!canMount)('check worker after a remount of a hung mount (mounting needs root)', () => {
  it('all paths are missing after the unmount and ok after the new mount, twice, while the old mount still hangs', async () => {
    const fuse = await mountFuse(onTestFinished)
    const point = path.dirname(fuse.file)
    const paths = [point, fuse.file, point, fuse.file, point, fuse.file]
    const checker = await checkPaths(...paths, temporaryDirectory('healthy'))
    const all = (kind: 'ok' | 'hung' | 'missing') =>
      Promise.all(paths.map((_, index) => checker.sees(`p${index}`, kind)))
    // A directory is written to, which this file system cannot: its file alone is well.
    await checker.sees('p1', 'ok')
    // Of what was never looked at nobody knows where it belongs.
    await until('a check of each', () => paths.every((_, index) => checker.reports(`p${index}`).length > 0))
    await fuse.set({ does: 'withhold', to: checker.pid })
    await all('hung')
    for (let times = 0; times < 2; times += 1) {
      detach(point)
      await all('missing')
      mountInMemory(point)
      writeFileSync(fuse.file, 'x')
      await all('ok')
    }
    await checker.sees('p6', 'ok')
    for (const { overall } of checker.reports('p6')) expect(overall.kind).toBeOneOf(['ok', 'slow'])
  })

  it('the unmount and the new mount are detected without waiting for an interval of an hour', async () => {
    const fuse = await mountFuse(onTestFinished)
    const point = path.dirname(fuse.file)
    const checker = await startCheckerProcess({ paths: allProbes(fuse.file), timeoutSeconds: 0.8 })
    await checker.sees('p0', 'ok')
    await fuse.set({ does: 'withhold', to: checker.pid })
    await checker.sees('p0', 'hung')
    // A new interval begins with a check at once, and has no other one for an hour.
    checker.configure({ intervalSeconds: 3_600 })
    await checker.sees('p0', 'hung')
    detach(point)
    await until('it to be away', () => checker.reports('p0').at(-1)?.overall.kind === 'missing')
    mountInMemory(point)
    writeFileSync(fuse.file, 'x')
    await until('it to be back', () => checker.reports('p0').at(-1)?.overall.kind === 'ok')
  })
})

describe.skipIf(!canMount)('file system of a path with a known mount (mounting needs root)', () => {
  const createMemory = (point: string, device: string) => {
    const mount = { point, device, type: 'nfs4', source: 'server:/' }
    return { ...freshMemory, known: { mount, readOnlyByIntent: false } }
  }

  it('the path belongs to the current mount at its point, or to the parent file system if there is none', async () => {
    const { point, unmount, mountAgain } = await mountTmpfs(onTestFinished)
    const disk = createSystemDisk()
    const file = path.join(point, 'directory', 'file')
    const now = () => {
      // First: the table may be read again between the two calls.
      const mountedAs = disk.mountedAs(file, createMemory(point, '0:0'))
      return { mountedAs, fileSystem: disk.getFileSystem(file, createMemory(point, '0:0')) }
    }
    const first = now()
    expect(first.fileSystem).toBe(disk.getFileSystem(point, freshMemory))
    await unmount()
    const away = await until('the table to be read again', () => {
      const seen = now()
      return seen.mountedAs !== first.mountedAs && seen
    })
    expect(away.fileSystem).toBe(disk.getFileSystem(path.dirname(point), freshMemory))
    await mountAgain()
    const second = await until('it to be mounted again', () => {
      const seen = now()
      return seen.mountedAs !== away.mountedAs && seen
    })
    expect(second.fileSystem).not.toBe(away.fileSystem)
    // A link that leads there: both count.
    expect(disk.mountedAs('/a/link', createMemory(point, '0:0'))).not.toBe(
      disk.mountedAs('/a/link', freshMemory),
    )
  })

  it('the known file system is kept while an automount point has no mount', async () => {
    const { point } = await makeAutomount(onTestFinished)
    const disk = createSystemDisk()
    expect(disk.getFileSystem(point, createMemory(point, '0:0'))).toBe('0:0')
    expect(disk.getFileSystem(point, freshMemory)).not.toBe(point)
  })
})
