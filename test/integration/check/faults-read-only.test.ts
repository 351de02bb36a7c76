import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { allProbes, checkPaths, checkWith, detect } from '../../support/check/check-faults.ts'
import { canMount, mountBind, mountExt4, mountTmpfs } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

describe.skipIf(!canMount)('check worker with a read-only file system (mounting needs root)', () => {
  it('ext4 after an aborted remount is reported as read-only although reads still succeed', async () => {
    const disk = await mountExt4(onTestFinished)
    const checker = await checkPaths(disk.point)
    const well = await checker.sees('p0', 'ok')
    expect(well).toMatchObject({ mount: { point: disk.point, type: 'ext4' }, readOnlyByIntent: false })
    expect(well.delayMs).toBeGreaterThan(0)
    const failed = await detect(checker, 'p0', 'read-only', () => disk.remountAbort())
    expect(failed.overall).toMatchObject({ step: 'create', code: 'EROFS' })
    expect(failed.probes).toMatchObject({ mount: { kind: 'read-only' }, read: { kind: 'ok' } })
    expect(failed.readOnlyByIntent).toBe(false)
    await disk.remountFresh()
    await checker.sees('p0', 'ok')
  })

  it('ext4 that is remounted without a repair is ok although its error count stays', async () => {
    const disk = await mountExt4(onTestFinished)
    const checker = await checkPaths(disk.point)
    await checker.sees('p0', 'ok')
    await detect(checker, 'p0', 'read-only', () => disk.remountAbort())
    await disk.unmount()
    await disk.mountAgain()
    await checker.sees('p0', 'ok')
  })

  it('an administrator’s remount,ro of a writable path is reported as read-only, and remount,rw as its recovery', {
    tags: 'story',
  }, async () => {
    const disk = await mountTmpfs(onTestFinished)
    const checker = await checkPaths(disk.point)
    await checker.sees('p0', 'ok')
    const failed = await detect(checker, 'p0', 'read-only', () => disk.remount('ro'))
    expect(failed.probes.mount?.kind).toBe('read-only')
    await disk.remount('rw')
    await checker.sees('p0', 'ok')
  })

  it('a bind mount made read-only is reported as read-only while its original directory stays ok', async () => {
    const original = temporaryDirectory('bound')
    const bind = await mountBind(onTestFinished, original)
    const checker = await checkPaths(bind.point, original)
    await Promise.all([checker.sees('p0', 'ok'), checker.sees('p1', 'ok')])
    await detect(checker, 'p0', 'read-only', () => bind.remount('ro,bind'))
    await checker.sees('p1', 'ok')
    await bind.remount('rw,bind')
    await checker.sees('p0', 'ok')
  })

  it('a file system that was read-only at the first check is ok and is not written to', async () => {
    const disk = await mountExt4(onTestFinished)
    writeFileSync(path.join(disk.point, 'file'), 'content')
    await disk.remount('ro')
    const checker = await checkPaths(disk.point)
    const first = await checker.sees('p0', 'ok')
    expect(first).toMatchObject({
      readOnlyByIntent: true,
      probes: { mount: { kind: 'ok' }, read: { kind: 'ok' } },
    })
    expect(first.probes.write).toBeUndefined()
    expect(first.delayMs).toBeGreaterThan(0)
    const again = await checkWith({
      paths: allProbes(disk.point),
      knownMounts: {
        p0: {
          mount: first.mount ?? expect.fail('no mount'),
          readOnlyByIntent: false,
          soundErrorsCount: null,
        },
      },
    })
    await again.sees('p0', 'read-only')
  })
})
