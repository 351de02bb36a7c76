// @module-tag story
import { describe, expect, it, onTestFinished } from 'vitest'
import { probeKinds } from '../../../core/check/checker-messages.ts'
import { freshMemory, newProgress } from '../../../core/check/probes/findings.ts'
import { createSystemDisk } from '../../../core/check/probes/probe-runner.ts'
import { makeAutomount } from '../../support/faults/automount.ts'
import { canMount } from '../../support/faults/mounts.ts'

describe.skipIf(!canMount)('check of an automount point (mounting needs root)', () => {
  it('a check mounts the point at first and again each time the mount has expired', async () => {
    const { point, expire } = await makeAutomount(onTestFinished)
    const disk = createSystemDisk()
    let memory = freshMemory
    for (let round = 0; round < 3; round += 1) {
      const progress = newProgress(probeKinds)
      const found = await disk.check({ path: point, probes: [...probeKinds] }, memory, progress)
      for (const probe of probeKinds) expect(found.probes[probe]?.failures).toEqual([])
      expect(found.memory.known?.mount).toMatchObject({ point, type: 'tmpfs' })
      memory = found.memory
      await expire()
    }
  })
})
