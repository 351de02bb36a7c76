import { readdirSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  allProbes,
  checkPaths,
  checkWith,
  detect,
  FAULT_INTERVAL_MS,
  FAULT_TIMEOUT_MS,
  probeFiles,
  readState,
} from '../../support/check/check-faults.ts'
import { canMount, mountExt4 } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

describe.skipIf(!canMount)('check worker with a frozen file system (mounting needs root)', () => {
  it('the write probe is reported as hung although reads succeed, and other paths are checked as often', async () => {
    const disk = await mountExt4(onTestFinished)
    const healthy = temporaryDirectory('healthy')
    const checker = await checkPaths(disk.point, healthy)
    await Promise.all([checker.sees('p0', 'ok'), checker.sees('p1', 'ok')])
    try {
      const failed = await detect(checker, 'p0', 'hung', () => disk.freeze())
      const before = checker.reports('p1').length
      expect(failed.overall.step).toBe('create')
      expect(failed.probes).toMatchObject({ read: { kind: 'ok' }, write: { kind: 'hung' } })
      const later = await until('the elapsed time to grow', () =>
        checker
          .reports('p0')
          .find(({ overall }) => overall.kind === 'hung' && overall.elapsedMs > 2 * FAULT_TIMEOUT_MS),
      )
      expect(later.overall.step).toBe('create')
      const hangs = checker.reports('p0').filter(({ overall }) => overall.kind === 'hung')
      // Once at the deadline, then once an interval.
      expect(hangs.length).toBeLessThanOrEqual(2 + (hangs.at(-1)?.overall.elapsedMs ?? 0) / FAULT_INTERVAL_MS)
      await until('as many checks of the other', () => checker.reports('p1').length >= before + hangs.length)
    } finally {
      await disk.thaw()
    }
    await checker.sees('p0', 'ok')
    await until('the late probe to have removed its file', () => probeFiles(disk.point).length === 0)
  })

  it('twenty paths on one frozen disk block at most 4 threads and are all reported as hung', {
    tags: 'story',
  }, async () => {
    const disk = await mountExt4(onTestFinished)
    const healthy = temporaryDirectory('healthy')
    const checker = await checkWith({
      paths: allProbes(...Array.from({ length: 20 }, () => disk.point), healthy),
    })
    await checker.sees('p19', 'ok')
    try {
      await disk.freeze()
      await Promise.all(Array.from({ length: 20 }, (_, index) => checker.sees(`p${index}`, 'hung')))
      expect(blockedThreads(checker.pid)).toBeLessThanOrEqual(4)
      await checker.sees('p20', 'ok')
      expect(blockedThreads(checker.pid)).toBeLessThanOrEqual(4)
    } finally {
      await disk.thaw()
    }
    await Promise.all(Array.from({ length: 20 }, (_, index) => checker.sees(`p${index}`, 'ok')))
  })

  it('the worker stops although a thread is stuck in the kernel', async () => {
    const disk = await mountExt4(onTestFinished)
    const checker = await checkPaths(disk.point)
    await checker.sees('p0', 'ok')
    try {
      await disk.freeze()
      await checker.sees('p0', 'hung')
      const stopped = checker.stop()
      // Its last thread leaves the kernel at the thaw; all that runs of it ends before.
      await until('the worker to be a corpse', () => readState(`/proc/${checker.pid}/stat`) === 'Z')
      await disk.thaw()
      await stopped
    } finally {
      await disk.thaw().catch(() => undefined)
    }
  })
})

/** Threads of a process that are in uninterruptible sleep. */
function blockedThreads(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).filter(
    (task) => readState(`/proc/${pid}/task/${task}/stat`) === 'D',
  ).length
}
