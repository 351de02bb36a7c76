import { constants } from 'node:os'
import { describe, expect, it, onTestFinished } from 'vitest'
import { checkPaths, detect } from '../../support/check/check-faults.ts'
import { mountFuse } from '../../support/faults/fuse.ts'
import { canMount } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

describe.skipIf(!canMount)('a FUSE file system in trouble (mounting needs root)', () => {
  it('one that does not answer: hung, while other paths stay well; its late answer is not the recovery', async () => {
    const fuse = await mountFuse(onTestFinished)
    const checker = await checkPaths(fuse.file, temporaryDirectory('healthy'))
    await Promise.all([checker.sees('p0', 'ok'), checker.sees('p1', 'ok')])
    const failed = await detect(checker, 'p0', 'hung', () => fuse.set({ does: 'withhold' }))
    expect(failed.delayMs).toBeNull()
    await checker.sees('p0', 'hung')
    await checker.sees('p1', 'ok')
    await fuse.set({ does: 'answer' })
    const recovered = await checker.sees('p0', 'ok')
    expect(recovered.at).toBeGreaterThan(failed.at)
    expect(recovered.mount?.type).toBe('fuse')
  })

  it('one that answers with EIO: an input/output error, naming the step', async () => {
    const fuse = await mountFuse(onTestFinished)
    const checker = await checkPaths(fuse.file)
    await checker.sees('p0', 'ok')
    const failed = await detect(checker, 'p0', 'io-error', () =>
      fuse.set({ does: 'fail', at: 'read', errno: constants.errno.EIO }),
    )
    expect(failed.overall).toMatchObject({ step: 'read', code: 'EIO', sentence: { key: 'check.ioError' } })
    await fuse.set({ does: 'answer' })
    await checker.sees('p0', 'ok')
  })

  it('one whose server forgot the file: a stale handle', async () => {
    const fuse = await mountFuse(onTestFinished)
    const checker = await checkPaths(fuse.file)
    await checker.sees('p0', 'ok')
    const failed = await detect(checker, 'p0', 'stale', () =>
      fuse.set({ does: 'fail', at: 'lookup', errno: constants.errno.ESTALE }),
    )
    expect(failed.overall).toMatchObject({ step: 'open', code: 'ESTALE', sentence: { key: 'check.stale' } })
    await fuse.set({ does: 'answer' })
    await checker.sees('p0', 'ok')
  })

  it('one whose daemon died: to be mounted again, and well when it is', async () => {
    const fuse = await mountFuse(onTestFinished)
    const checker = await checkPaths(fuse.file)
    await checker.sees('p0', 'ok')
    const failed = await detect(checker, 'p0', 'stale', () => fuse.kill())
    expect(failed.overall.code).toBe('ENOTCONN')
    await fuse.mountAgain()
    await checker.sees('p0', 'ok')
  })

  it('stops at once while it waits for one that does not answer', async () => {
    const fuse = await mountFuse(onTestFinished)
    const checker = await checkPaths(fuse.file)
    await checker.sees('p0', 'ok')
    await detect(checker, 'p0', 'hung', () => fuse.set({ does: 'withhold' }))
    const stopped = checker.stop()
    // A call that waits for an answer cannot be killed; it ends with the daemon.
    await fuse.kill()
    expect(await stopped).toBeLessThan(2_000)
  })
})
