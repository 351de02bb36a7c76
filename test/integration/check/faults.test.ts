import { execFileSync, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  allProbes,
  checkPaths,
  checkWith,
  detect,
  FAULT_INTERVAL_MS,
  FAULT_TIMEOUT_MS,
} from '../../support/check-faults.ts'
import { canMount, mountBind, mountExt4, mountTmpfs } from '../../support/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

function probeFiles(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.startsWith('.holdfast-probe-'))
}

describe.skipIf(!canMount)('real faults, through the real worker (mounting needs root)', () => {
  it('ext4 after an error: read-only, though mount options, statvfs and reads still say it is well', async () => {
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
    await until(
      'probe files that came back with the journal to be gone',
      () => probeFiles(disk.point).length === 0,
    )
  })

  it('ext4 mounted anew without a repair is well again, though its count of errors stays', async () => {
    const disk = await mountExt4(onTestFinished)
    const checker = await checkPaths(disk.point)
    await checker.sees('p0', 'ok')
    await detect(checker, 'p0', 'read-only', () => disk.remountAbort())
    await disk.unmount()
    await disk.mountAgain()
    await checker.sees('p0', 'ok')
  })

  it('an administrator’s remount,ro is a fault where the path was writable, and its end is seen', async () => {
    const disk = await mountTmpfs(onTestFinished)
    const checker = await checkPaths(disk.point)
    await checker.sees('p0', 'ok')
    const failed = await detect(checker, 'p0', 'read-only', () => disk.remount('ro'))
    expect(failed.probes.mount?.kind).toBe('read-only')
    await disk.remount('rw')
    await checker.sees('p0', 'ok')
  })

  it('a bind mount made read-only is seen, while the directory itself stays well', async () => {
    const original = temporaryDirectory('bound')
    const bind = await mountBind(onTestFinished, original)
    const checker = await checkPaths(bind.point, original)
    await Promise.all([checker.sees('p0', 'ok'), checker.sees('p1', 'ok')])
    await detect(checker, 'p0', 'read-only', () => bind.remount('ro,bind'))
    await checker.sees('p1', 'ok')
    await bind.remount('rw,bind')
    await checker.sees('p0', 'ok')
  })

  it('a file system that was read-only when it was chosen is no fault, and is never written to', async () => {
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

  it('a frozen file system: writing hangs though reading succeeds; other paths keep their timetable', async () => {
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

  it('twenty sources on one dead disk cost a few threads, and all of them are told as hung', async () => {
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

  it('stops at once with a thread stuck in the kernel', async () => {
    const disk = await mountExt4(onTestFinished)
    const checker = await checkPaths(disk.point)
    await checker.sees('p0', 'ok')
    try {
      await disk.freeze()
      await checker.sees('p0', 'hung')
      const stopped = checker.stop()
      // Its last thread leaves the kernel at the thaw; all that runs of it ends before.
      await until('the worker to be a corpse', () => stateOf(`/proc/${checker.pid}/stat`) === 'Z', 1_000)
      await disk.thaw()
      await stopped
    } finally {
      await disk.thaw().catch(() => undefined)
    }
  })

  it('a full file system, of bytes and of inodes', async () => {
    const small = await mountTmpfs(onTestFinished, { megabytes: 1 })
    const few = await mountTmpfs(onTestFinished, { megabytes: 4, inodes: 16 })
    const checker = await checkPaths(small.point, few.point)
    await Promise.all([checker.sees('p0', 'ok'), checker.sees('p1', 'ok')])
    const full = await detect(checker, 'p0', 'full', () => {
      expect(() => writeFileSync(path.join(small.point, 'fill'), Buffer.alloc(2 ** 21))).toThrow('ENOSPC')
    })
    expect(full.overall).toMatchObject({ step: 'write', code: 'ENOSPC', sentence: { key: 'check.full' } })
    const outOfInodes = await detect(checker, 'p1', 'full', () => {
      expect(() => {
        for (let made = 0; made < 20; made += 1) writeFileSync(path.join(few.point, `f${made}`), '')
      }).toThrow('ENOSPC')
    })
    expect(outOfInodes.overall).toMatchObject({ step: 'create', sentence: { key: 'check.noInodes' } })
    writeFileSync(path.join(small.point, 'fill'), '')
    await checker.sees('p0', 'ok')
    rmSync(path.join(few.point, 'f0'))
    rmSync(path.join(few.point, 'f1'))
    await checker.sees('p1', 'ok')
  })

  it('a disk that cannot be read: an input/output error, and well again when it can', async () => {
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

  it('a directory that gives no file back: named, and not filled up', async () => {
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

  it('an unmounted disk is missing, also over a restart, and nothing is written underneath', async () => {
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

  it('a directory on an unmounted disk is missing because of the disk', async () => {
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

describe('faults that need no mount, through the real worker', () => {
  it('a FIFO without a writer hangs in open, and is well when somebody writes', async () => {
    const fifo = path.join(temporaryDirectory('fifo'), 'fifo')
    writeFileSync(fifo, 'a file at first')
    const checker = await checkPaths(fifo)
    await checker.sees('p0', 'ok')
    const failed = await detect(checker, 'p0', 'hung', () => {
      rmSync(fifo)
      execFileSync('mkfifo', [fifo])
    })
    expect(failed.overall.step).toBe('open')
    const script = 'exec 3<>"$0"; while :; do printf x >&3; sleep 0.1; done'
    const writer = spawn('sh', ['-c', script, fifo], { stdio: 'ignore' })
    onTestFinished(() => void writer.kill('SIGKILL'))
    await checker.sees('p0', 'ok')
  })

  it("a FIFO in a file's place is known within the interval and a second with the usual patience, too", async () => {
    const fifo = path.join(temporaryDirectory('fifo'), 'fifo')
    writeFileSync(fifo, 'a file at first')
    const checker = await checkWith({ paths: allProbes(fifo), intervalSeconds: 4, timeoutSeconds: null })
    await checker.sees('p0', 'ok')
    const makeFifo = () => {
      rmSync(fifo)
      execFileSync('mkfifo', [fifo])
    }
    const failed = await detect(checker, 'p0', 'hung', makeFifo, 4_000)
    expect(failed.overall.step).toBe('open')
  })

  it('a file that is removed is missing, and well when it is back', async () => {
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

/** Threads of a process that are in uninterruptible sleep. */
function blockedThreads(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).filter((task) => stateOf(`/proc/${pid}/task/${task}/stat`) === 'D')
    .length
}

/** The state of a thread, see proc_pid_stat(5): D is uninterruptible sleep, Z a corpse. */
function stateOf(stat: string): string {
  const text = readFileSync(stat, 'utf8')
  return text.charAt(text.lastIndexOf(')') + 2)
}
