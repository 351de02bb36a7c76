import { accessSync, constants } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { watchKernelLog } from '../../../core/check/kernel/kernel-log.ts'
import { checkWith } from '../../support/check-faults.ts'
import { canMount, mountExt4 } from '../../support/mounts.ts'
import { until } from '../../support/until.ts'

function isReadable(): boolean {
  try {
    accessSync('/dev/kmsg', constants.R_OK)
    return true
  } catch {
    return false
  }
}

describe.skipIf(!canMount || !isReadable())('the kernel log (needs root and /dev/kmsg)', () => {
  it('says at once which mount point the kernel stopped writing to', async () => {
    const disk = await mountExt4(onTestFinished)
    const told: string[] = []
    onTestFinished(watchKernelLog((points) => told.push(...points)))
    await disk.remountAbort()
    await until('the mount point to be told', () => told.includes(disk.point))
    expect(new Set(told)).toEqual(new Set([disk.point]))
  })

  it('makes a fault known long before the next check', async () => {
    const disk = await mountExt4(onTestFinished)
    const checker = await checkWith({
      intervalSeconds: 60,
      paths: [{ id: 'p0', path: disk.point, probes: ['mount', 'read', 'write'] }],
    })
    await until('the first check', () => checker.reports('p0').length > 0)
    const began = Date.now()
    await disk.remountAbort()
    await until('the fault to be known', () =>
      checker.reports('p0').some(({ overall }) => overall.kind === 'read-only'),
    )
    // The mount table, looked at once a second, would have told it, too: the kernel log is there before.
    expect(Date.now() - began).toBeLessThan(500)
    console.log(`read-only: known ${Date.now() - began} ms after the fault began, with an interval of 60 s`)
  })
})
