// @module-tag story
import { writeFileSync } from 'node:fs'
import { utimes } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { probeOnce } from '../../../core/check/probe-once.ts'
import { probeName } from '../../../core/check/probes/file-probes.ts'
import { canMount, mountTmpfs } from '../../support/faults/mounts.ts'

describe.skipIf(!canMount)('single probe of a directory (needs root)', () => {
  test('the removal of 20,000 old probe files does not count as a hang', async () => {
    const { point } = await mountTmpfs(onTestFinished, { megabytes: 64 })
    for (let index = 0; index < 20_000; index += 1) {
      const file = path.join(point, probeName())
      writeFileSync(file, '')
      await utimes(file, 1_000, 1_000)
    }
    const { failedSteps } = await probeOnce(point, 250)
    expect(failedSteps).toEqual([])
  })
})
