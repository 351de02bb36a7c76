import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { allProbes, checkPaths, checkWith, detect, probeFiles } from '../../support/check/check-faults.ts'
import { canMount, mountExt4, mountTmpfs } from '../../support/faults/mounts.ts'
import { until } from '../../support/until.ts'

describe.skipIf(!canMount)('check worker with a failing disk (mounting needs root)', () => {
  it('a file system without free bytes or free inodes is reported as full until space is freed', {
    tags: 'story',
  }, async () => {
    const small = await mountTmpfs(onTestFinished, { megabytes: 1 })
    const few = await mountTmpfs(onTestFinished, { megabytes: 4, inodes: 16 })
    const checker = await checkPaths(small.point, few.point)
    await Promise.all([checker.sees('p0', 'ok'), checker.sees('p1', 'ok')])
    const full = await detect(checker, 'p0', 'full', () => {
      expect(() => writeFileSync(path.join(small.point, 'fill'), Buffer.alloc(2 ** 21))).toThrow('ENOSPC')
    })
    expect(full.overall).toMatchObject({ step: 'write', code: 'ENOSPC', sentence: { key: 'check.full' } })
    let made = 0
    const takeAll = () => {
      expect(() => {
        for (; made < 20; made += 1) writeFileSync(path.join(few.point, `f${made}`), '')
      }).toThrow('ENOSPC')
      // A probe's own file gives its inode back.
      return probeFiles(few.point).length === 0
    }
    const outOfInodes = await detect(checker, 'p1', 'full', () => until('all inodes to be taken', takeAll))
    expect(outOfInodes.overall).toMatchObject({ step: 'create', sentence: { key: 'check.noInodes' } })
    writeFileSync(path.join(small.point, 'fill'), '')
    await checker.sees('p0', 'ok')
    rmSync(path.join(few.point, 'f0'))
    rmSync(path.join(few.point, 'f1'))
    await checker.sees('p1', 'ok')
  })

  it('a full disk is reported for each of its directories, although one of them is written to', async () => {
    const { point } = await mountTmpfs(onTestFinished, { megabytes: 1 })
    const directories = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => path.join(point, name))
    for (const directory of directories) mkdirSync(directory)
    const paths = allProbes(...directories)
    const checker = await checkWith({ paths, intervalSeconds: 2, timeoutSeconds: null })
    // From the second check on they share a write.
    const isSharing = ({ id }: { id: string }) => checker.reports(id).length > 2
    await until('each to be checked', () => paths.every(isSharing))
    expect(() => writeFileSync(path.join(point, 'fill'), Buffer.alloc(2 ** 21))).toThrow('ENOSPC')
    await Promise.all(paths.map(({ id }) => checker.sees(id, 'full')))
    rmSync(path.join(point, 'fill'))
    await Promise.all(paths.map(({ id }) => checker.sees(id, 'ok')))
  })

  it('an unreadable disk is reported as an input/output error, and as ok once it is readable', {
    tags: 'story',
  }, async () => {
    const disk = await mountExt4(onTestFinished)
    const file = path.join(disk.point, 'file')
    writeFileSync(file, Buffer.alloc(8192, 'x'), { flush: true })
    const checker = await checkPaths(file)
    await checker.sees('p0', 'ok')
    // The end of the disk is torn off: what lies there cannot be read any more.
    const image = path.join(path.dirname(disk.point), 'image')
    const failed = await detect(checker, 'p0', 'io-error', () => truncateSync(image, 65_536))
    expect(failed.overall).toMatchObject({ step: 'read', code: 'EIO' })
    expect(failed.delayMs).toBeNull()
    truncateSync(image, 64 * 2 ** 20)
    await checker.sees('p0', 'ok')
  })

  it('an append-only directory is reported with the remove step, and gets only one probe file', async () => {
    const disk = await mountExt4(onTestFinished)
    const directory = path.join(disk.point, 'append-only')
    mkdirSync(directory)
    const checker = await checkPaths(directory)
    await checker.sees('p0', 'ok')
    const failed = await detect(checker, 'p0', 'permission', () => execFileSync('chattr', ['+a', directory]))
    expect(failed.overall).toMatchObject({ step: 'remove', code: 'EPERM' })
    await checker.sees('p0', 'permission')
    await checker.sees('p0', 'permission')
    expect(probeFiles(directory).length).toBe(1)
    execFileSync('chattr', ['-a', directory])
    await checker.sees('p0', 'ok')
    await until('the file to be gone', () => probeFiles(directory).length === 0)
  })
})
