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
  it('says at once which mount point the kernel stopped writing to, and nothing of what is old', async () => {
    const old = await mountExt4(onTestFinished)
    await old.remountAbort()
    const disk = await mountExt4(onTestFinished)
    const told: string[] = []
    onTestFinished(watchKernelLog((points) => told.push(...points)))
    await disk.remountAbort()
    await until('the mount point to be told', () => told.includes(disk.point))
    expect(new Set(told)).toEqual(new Set([disk.point]))
  })

  it('has a path checked at once, long before its time, though the mount table says nothing', async () => {
    const disk = await mountExt4(onTestFinished, { errors: 'continue' })
    const checker = await checkWith({
      intervalSeconds: 600,
      paths: [{ id: 'p0', path: disk.point, probes: ['mount', 'read', 'write'] }],
    })
    await until('the first check', () => checker.reports('p0').length > 0)
    const began = Date.now()
    await disk.complain()
    await until('the second check', () => checker.reports('p0').length > 1)
    console.log(`checked ${Date.now() - began} ms after the kernel spoke, with an interval of 10 minutes`)
  })
})
