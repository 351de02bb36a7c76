import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  allProbes,
  checkPaths,
  checkWith,
  detect,
  FAULT_INTERVAL_MS,
  FAULT_TIMEOUT_MS,
  probeFiles,
} from '../../support/check/check-faults.ts'
import { canMount, mountExt4 } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

describe.skipIf(!canMount)('check worker with a frozen file system (mounting needs root)', () => {
  it('the write probe is reported as hung although reads succeed, and other paths are checked on schedule', async () => {
    const disk = await mountExt4(onTestFinished)
    const healthy = temporaryDirectory('healthy')
    const checker = await checkPaths(disk.point, healthy)
    await Promise.all([checker.sees('p0', 'ok'), checker.sees('p1', 'ok')])
    try {
      const failed = await detect(checker, 'p0', 'hung', () => disk.freeze())
      expect(failed.overall.step).toBe('create')
      expect(failed.overall.elapsedMs).toBeLessThan(FAULT_TIMEOUT_MS + FAULT_INTERVAL_MS)
      expect(failed.probes).toMatchObject({ read: { kind: 'ok' }, write: { kind: 'hung' } })
      const later = await until('the elapsed time to grow', () =>
        checker
          .reports('p0')
          .find(({ overall }) => overall.kind === 'hung' && overall.elapsedMs > 2 * FAULT_TIMEOUT_MS),
      )
      expect(later.overall.step).toBe('create')
      const hangs = checker.reports('p0').filter(({ overall }) => overall.kind === 'hung')
      // Once at the deadline, then once an interval.
      expect(hangs.length).toBeLessThanOrEqual(2 + later.overall.elapsedMs / FAULT_INTERVAL_MS)
      const ticks = checker.reports('p1').map(({ at }) => at)
      const gaps = ticks.slice(1).map((at, index) => at - (ticks[index] ?? at))
      expect(Math.max(...gaps)).toBeLessThan(FAULT_INTERVAL_MS + 250)
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
      await Promise.all(Array.from({ length: 20 }, (_, index) => checker.sees(`p${index}`, 'hung', 8_000)))
      expect(blockedThreads(checker.pid)).toBeLessThanOrEqual(4)
      await checker.sees('p20', 'ok')
      expect(blockedThreads(checker.pid)).toBeLessThanOrEqual(4)
    } finally {
      await disk.thaw()
    }
    await Promise.all(Array.from({ length: 20 }, (_, index) => checker.sees(`p${index}`, 'ok', 8_000)))
  })

  it('the worker stops at once although a thread is stuck in the kernel', async () => {
    const disk = await mountExt4(onTestFinished)
    const checker = await checkPaths(disk.point)
    await checker.sees('p0', 'ok')
    try {
      await disk.freeze()
      await checker.sees('p0', 'hung')
      const stopped = checker.stop()
      // Its last thread leaves the kernel at the thaw; all that runs of it ends before.
      await until('the worker to be a corpse', () => parseState(`/proc/${checker.pid}/stat`) === 'Z', 1_000)
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
    (task) => parseState(`/proc/${pid}/task/${task}/stat`) === 'D',
  ).length
}

/** The state of a thread, see proc_pid_stat(5): D is uninterruptible sleep, Z a corpse. */
function parseState(stat: string): string {
  const text = readFileSync(stat, 'utf8')
  return text.charAt(text.lastIndexOf(')') + 2)
}
