import { spawn } from 'node:child_process'
import { readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readState } from '../../support/check/check-faults.ts'
import { probe } from '../../support/check/probe.ts'
import { listChildren } from '../../support/check/stdio.ts'
import { commandScript } from '../../support/cli/command-script.ts'
import { canMount, mountExt4 } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

describe.skipIf(!canMount)('`holdfast check` on a failing disk (mounting needs root)', () => {
  it('ext4 that is read-only after an error fails touch and ls', async () => {
    const disk = await mountExt4(onTestFinished)
    expect((await probe(disk.point)).code).toBe(0)
    await disk.remountAbort()
    const { code, out } = await probe('--json', disk.point)
    expect(code).toBe(1)
    expect(JSON.parse(out).paths[0]).toMatchObject({
      kind: 'read-only',
      step: 'create',
      code: 'EROFS',
      // As rm -f: the file that could not be made need not be removed.
      failedSteps: ['touch', 'ls'],
    })
  })

  it('a link to a file on a read-only disk fails the probe, as it fails touch', async () => {
    const disk = await mountExt4(onTestFinished)
    writeFileSync(path.join(disk.point, 'target'), '')
    const link = path.join(temporaryDirectory('probe'), 'link')
    symlinkSync(path.join(disk.point, 'target'), link)
    expect((await probe(link)).code).toBe(0)
    await disk.remount('ro')
    expect((await probe(link)).code).toBe(1)
  })

  it('a hung disk is reported after the timeout, and the command exits while it hangs', async () => {
    const disk = await mountExt4(onTestFinished)
    const healthy = temporaryDirectory('probe')
    try {
      await disk.freeze()
      const { code, out } = await probe('--timeout', '1', '--project', 'P', disk.point, healthy)
      expect(code).toBe(1)
      expect(out).toBe(`[PROJ_CODE] P, in ${disk.point}\n>>> touch failed\n`)
    } finally {
      await disk.thaw()
    }
  })

  it('Ctrl-C ends the command while a thread is stuck in the kernel', async () => {
    const disk = await mountExt4(onTestFinished)
    try {
      await disk.freeze()
      const child = spawn(process.execPath, [commandScript, 'check', '--timeout', '1h', disk.point], {
        stdio: 'pipe',
      })
      onTestFinished(() => void child.kill('SIGKILL'))
      const isStuck = () =>
        listChildren(child.pid ?? 0).some((pid) =>
          readdirSync(`/proc/${pid}/task`).some(
            (task) => readState(`/proc/${pid}/task/${task}/stat`) === 'D',
          ),
        )
      await until('a thread to be stuck', isStuck)
      child.kill('SIGINT')
      await until('the command to end', () => child.exitCode !== null)
      expect(child.exitCode).toBe(130)
    } finally {
      await disk.thaw()
    }
  })
})
