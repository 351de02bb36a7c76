import { constants } from 'node:os'
import { describe, expect, it, onTestFinished } from 'vitest'
import { checkPaths, detect, readState } from '../../support/check/check-faults.ts'
import { mountFuse } from '../../support/faults/fuse.ts'
import { canMount } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

describe.skipIf(!canMount)('check worker with a failing FUSE file system (mounting needs root)', () => {
  it('a server that does not answer is reported as hung, other paths stay ok, and a later check reports the recovery', async () => {
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

  it('a server that answers with EIO is reported as an input/output error with the failed step', {
    tags: 'story',
  }, async () => {
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

  it('a server that answers with ESTALE is reported as a stale handle', async () => {
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

  it('a daemon that died is reported as stale with ENOTCONN, and the path is ok after a remount', async () => {
    const fuse = await mountFuse(onTestFinished)
    const checker = await checkPaths(fuse.file)
    await checker.sees('p0', 'ok')
    const failed = await detect(checker, 'p0', 'stale', () => fuse.kill())
    expect(failed.overall.code).toBe('ENOTCONN')
    await fuse.mountAgain()
    await checker.sees('p0', 'ok')
  })

  it('the worker stops while it waits for a server that does not answer', async () => {
    const fuse = await mountFuse(onTestFinished)
    const checker = await checkPaths(fuse.file)
    await checker.sees('p0', 'ok')
    await detect(checker, 'p0', 'hung', () => fuse.set({ does: 'withhold' }))
    const stopped = checker.stop()
    // A call that waits for an answer cannot be killed; it ends with the daemon. All that runs of the worker ends before.
    await until('the worker to be a corpse', () => readState(`/proc/${checker.pid}/stat`) === 'Z')
    await fuse.kill()
    await stopped
  })
})
