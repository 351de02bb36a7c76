import { execFileSync } from 'node:child_process'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Checked, VerdictKind } from '../../../core/check/checker-messages.ts'
import { allProbes, checkWith, FAULT_INTERVAL_MS } from '../../support/check/check-faults.ts'
import { mountFuse } from '../../support/faults/fuse.ts'
import {
  canMount,
  hasXfs,
  mountExt4,
  mountTmpfs,
  mountXfs,
  remount,
  triggerExt4Error,
} from '../../support/faults/mounts.ts'
import { until } from '../../support/until.ts'

/** Checks a path that works, makes it fail, and returns the verdict and the keys of its cause. */
async function failing(path: string, kind: VerdictKind, fault: () => unknown, intervalSeconds: number) {
  const checker = await checkWith({ paths: allProbes(path), intervalSeconds })
  const isSeen = (wanted: VerdictKind) => checker.reports('p0').find(({ overall }) => overall.kind === wanted)
  await until(`${path} to be ok`, () => isSeen('ok'))
  await fault()
  const failed: Checked = await until(`${path} to be ${kind}`, () => isSeen(kind))
  const cause = async () => (await checker.askEvidence(failed)).cause.map(({ key }) => key)
  return { checker, cause }
}

const often = FAULT_INTERVAL_MS / 1_000
/** A check that is due in an hour comes only because of the kernel's line, or of a changed mount. */
const rarely = 3_600

describe.skipIf(!canMount)('cause of a failure (needs root: mounts)', () => {
  test('ext4 reports an error: the check follows without its interval', async () => {
    const disk = await mountExt4(onTestFinished)
    const fault = () => triggerExt4Error(disk.point)
    const { cause } = await failing(disk.point, 'read-only', fault, rarely)
    expect(await cause()).toEqual(['cause.ext4Error', 'cause.stoppedWriting'])
  })

  test('a person remounts ext4, which the kernel reports, and a file system in memory, which it does not', async () => {
    const disk = await mountExt4(onTestFinished)
    const ext4 = await failing(disk.point, 'read-only', () => remount(disk.point, 'ro'), rarely)
    expect(await ext4.cause()).toEqual(['cause.remountedReadOnly'])
    const memory = await mountTmpfs(onTestFinished)
    const tmpfs = await failing(memory.point, 'read-only', () => remount(memory.point, 'ro'), rarely)
    expect(await tmpfs.cause()).toEqual(['cause.remountedInSilence'])
  })

  test.skipIf(!hasXfs)('XFS: a person remounts it, or shuts it down', async () => {
    const one = await mountXfs(onTestFinished)
    const remounted = await failing(one.point, 'read-only', () => remount(one.point, 'ro'), rarely)
    expect(await remounted.cause()).toEqual(['cause.remountedInSilence'])
    const other = await mountXfs(onTestFinished)
    const shutDown = () => execFileSync('xfs_io', ['-x', '-c', 'shutdown', other.point])
    const down = await failing(other.point, 'io-error', shutDown, often)
    expect(await down.cause()).toEqual(['cause.shutDownByCommand'])
  })

  test('the program that serves a FUSE file system hangs, or is killed', async () => {
    const hanging = await mountFuse(onTestFinished)
    const hung = await failing(hanging.file, 'hung', () => hanging.set({ does: 'withhold' }), often)
    expect(await hung.cause()).toEqual(['cause.fuseHung'])
    await hanging.set({ does: 'answer' })
    const killed = await mountFuse(onTestFinished)
    const ended = await failing(killed.file, 'stale', () => killed.kill(), often)
    expect(await ended.cause()).toEqual(['cause.fuseEnded'])
  })
})
