import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { allProbes, checkPaths, checkWith, detect } from '../../support/check/check-faults.ts'
import { canMount, mountExt4, mountTmpfs } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

describe.skipIf(!canMount)('check worker with an unmounted disk (mounting needs root)', () => {
  it('an unmounted disk is reported as missing, also after a restart, and its mount point is not written to', {
    tags: 'story',
  }, async () => {
    const disk = await mountExt4(onTestFinished)
    const checker = await checkPaths(disk.point)
    const { mount } = await checker.sees('p0', 'ok')
    const failed = await detect(checker, 'p0', 'missing', () => disk.unmount())
    expect(failed.overall.sentence.key).toBe('check.unmounted')
    expect(failed.probes.write).toBeUndefined()
    expect(failed.mount).toEqual(mount)
    await checker.stop()
    const remembered = { readOnlyByIntent: false, soundErrorsCount: null }
    const knownMounts = { p0: { mount: mount ?? expect.fail('no mount'), ...remembered } }
    const again = await checkWith({ paths: allProbes(disk.point), knownMounts })
    const { overall } = await again.sees('p0', 'missing')
    expect(overall.sentence.key).toBe('check.unmounted')
    await again.sees('p0', 'missing')
    expect(readdirSync(disk.point)).toEqual([])
    await disk.mountAgain()
    await again.sees('p0', 'ok')
  })

  it('a directory on an unmounted disk is reported as missing, with the mount point as the reason', {
    tags: 'story',
  }, async () => {
    const disk = await mountTmpfs(onTestFinished)
    const inside = path.join(disk.point, 'data')
    mkdirSync(inside)
    const checker = await checkPaths(inside)
    await checker.sees('p0', 'ok')
    const failed = await detect(checker, 'p0', 'missing', () => disk.unmount())
    expect(failed.overall.sentence).toMatchObject({ key: 'check.unmounted', params: { point: disk.point } })
    expect(existsSync(inside)).toBe(false)
    await disk.mountAgain()
    // An empty file system came back: the disk is there again, and the directory itself is what is missing now.
    const empty = await until('the disk to be back', () =>
      checker.reports('p0').findLast(({ overall }) => overall.sentence.key === 'check.missing'),
    )
    expect(empty.overall).toMatchObject({ kind: 'missing', step: 'open', code: 'ENOENT' })
    mkdirSync(inside)
    await checker.sees('p0', 'ok')
  })
})

describe('check worker with a missing file', () => {
  it('a removed file is reported as missing, and as ok after it is written again', async () => {
    const file = path.join(temporaryDirectory('removed'), 'file')
    writeFileSync(file, 'content')
    const checker = await checkPaths(file)
    await checker.sees('p0', 'ok')
    const failed = await detect(checker, 'p0', 'missing', () => rmSync(file))
    expect(failed.overall).toMatchObject({ step: 'open', code: 'ENOENT', sentence: { key: 'check.missing' } })
    writeFileSync(file, 'content')
    await checker.sees('p0', 'ok')
  })
})
