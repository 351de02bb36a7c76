import { readdirSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { probeKinds } from '../../../core/check/checker-messages.ts'
import { freshMemory, newProgress } from '../../../core/check/probes/findings.ts'
import { createSystemDisk } from '../../../core/check/probes/probe-runner.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('check: a directory’s modification time is put back only where the check is told to', async () => {
  const directory = temporaryDirectory('probe-time')
  const check = async (keepsTime?: boolean) => {
    const target = {
      path: directory,
      probes: [...probeKinds],
      ...(keepsTime === undefined ? {} : { keepsTime }),
    }
    const { probes } = await createSystemDisk().check(target, freshMemory, newProgress(probeKinds))
    expect(probes.write).toMatchObject({ failures: [] })
    expect(readdirSync(directory)).toEqual([])
    return statSync(directory, { bigint: true }).mtimeNs
  }
  const before = statSync(directory, { bigint: true }).mtimeNs
  expect(await check(true)).toBe(before)
  expect(await check()).toBeGreaterThan(before)
})
