import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { mountFuse } from '../../support/faults/fuse.ts'
import { canMount } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

test.skipIf(!canMount)(
  '`send --once`: a disk that hangs during the final scan gives exit code 1 (needs root: mounts)',
  async () => {
    const fuse = await mountFuse(onTestFinished)
    await fuse.set({ does: 'answer', listed: true })
    const disk = path.dirname(fuse.file)
    // The checker has nothing to write there.
    // Without a helper: that of FUSE would look for a program that serves it.
    execFileSync('mount', ['-i', '-o', 'remount,ro', disk])
    const data = temporaryDirectory('once-data')
    const settings = openSettings(data)
    const { check, scan, ...others } = settings.get()
    settings.set({
      ...others,
      check: { ...check, intervalSeconds: 1 },
      scan: { ...scan, quietSeconds: 1 },
    })
    const once = startHoldfast(['send', '--once', '--data', data, disk])
    onTestFinished(() => fuse.set({ does: 'answer' }))
    await untilState(data, 'the directory to be known', ({ sources }) => sources.length === 1)
    // All that its own process asks of the disk from now on is its last look; the workers go on.
    await fuse.set({ does: 'withhold', to: once.child.pid ?? 0 })
    await fuse.untilWithheld()
    expect((await untilState(data, 'all to be sent', () => true)).totals.waitingFiles).toBe(0)
    await fuse.set({ does: 'withhold' })
    await until('it says so', () => /Not everything was sent: .* has not responded/.test(once.err()))
    // Here a process that waits for an answer cannot even be killed, other than on a disk that nobody serves.
    await fuse.set({ does: 'answer' })
    expect(await once.ended(), once.err()).toBe(1)
  },
  60_000,
)
