import { symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createSystemDisk } from '../../../core/check/probes/disk.ts'
import { freshMemory, newProgress } from '../../../core/check/probes/findings.ts'
import { createMountTable } from '../../../core/check/probes/mount-table.ts'
import { canMount, mountTmpfs } from '../../support/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const probes = ['mount', 'read'] as const

/** A file on a disk of its own, checked by the name of a link elsewhere; `isReadEnough` asks of what was found. */
async function checkedLink() {
  const mounted = await mountTmpfs(onTestFinished)
  const file = path.join(mounted.point, 'file')
  writeFileSync(file, 'x')
  const link = path.join(temporaryDirectory(), 'link')
  symlinkSync(file, link)
  const table = createMountTable()
  const disk = createSystemDisk(table)
  const progress = { ...newProgress(probes), leaveFileSystem: () => undefined }
  const { memory } = await disk.check(link, probes, freshMemory, progress)
  return { mounted, table, isReadEnough: () => disk.isReadEnough(probes, memory) }
}

describe.skipIf(!canMount)('whether a read alone is enough (mounting needs root)', () => {
  it('stays so when something is mounted and unmounted elsewhere', async () => {
    const { table, isReadEnough } = await checkedLink()
    expect(isReadEnough()).toBe(true)
    const before = table.generation()
    const other = await mountTmpfs(onTestFinished)
    await until('the other mount to be seen', () => table.generation() > before)
    expect(isReadEnough()).toBe(true)
    await other.unmount()
    await until('its end to be seen', () => table.generation() > before + 1)
    expect(isReadEnough()).toBe(true)
  })

  it('ends when the mount that the link leads to changes', async () => {
    const { mounted, isReadEnough } = await checkedLink()
    expect(isReadEnough()).toBe(true)
    await mounted.remount('ro')
    await until('the change to be seen', () => !isReadEnough())
  })
})
