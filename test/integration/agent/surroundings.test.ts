import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { holdfast, type readState, untilState } from '../../support/agent/two-receivers.ts'
import { commandScript } from '../../support/cli/command-script.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { fakeBusctl } from '../../support/faults/fake-busctl.ts'
import { canMount } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

function directories() {
  const [root, data] = [temporaryDirectory('waits'), temporaryDirectory('waits-data')]
  writeFileSync(path.join(root, 'file'), 'content')
  return { root, data }
}
type State = Awaited<ReturnType<typeof readState>>
/** The sender has been there for three seconds, and the file is still here. */
const isPaused = ({ status, totals, workers: { sender } }: State) =>
  status.level === 'paused' &&
  totals.waitingFiles === 1 &&
  sender.condition === 'running' &&
  Date.now() - sender.since > 3_000
const isSent = ({ status, totals }: State) => status.level === 'partial' && totals.sentFiles === 1

describe.skipIf(process.platform !== 'linux')('metered network', () => {
  test('files wait from the start where the pause is set, and are sent once it is off', async () => {
    const { root, data } = directories()
    const { env, says } = fakeBusctl(temporaryDirectory('waits-bus'))
    says(3)
    expect(await holdfast(['settings', 'limit', '--data', data, '--pause-on-metered'])).toBe(
      'none\n  pause on a metered network\n',
    )
    startHoldfast(['agent', '--data', data, root], env)
    const paused = await untilState(data, 'to be paused', isPaused)
    expect(paused.surroundings).toEqual({ battery: 'unasked', metered: 'yes' })
    const status = await holdfast(['status', '--data', data])
    expect(status).toMatch(/^Paused: on a metered network\. 1 file waits\.\n/)
    expect(status).toMatch(/^ {2}pause on a metered network: now$/m)
    expect(JSON.parse(await holdfast(['settings', 'export', '--data', data])).send.pauseOnMetered).toBe(true)

    await holdfast(['settings', 'limit', '--data', data, '--no-pause-on-metered'])
    await untilState(data, 'everything to be sent', isSent)
  })

  test('files are sent where the network state is unknown, and `status` reports that', async () => {
    const { root, data } = directories()
    const { env } = fakeBusctl(temporaryDirectory('waits-bus'))
    await holdfast(['settings', 'limit', '--data', data, '--pause-on-metered'])
    startHoldfast(['agent', '--data', data, root], env)
    await untilState(data, 'everything to be sent', isSent)
    expect(await holdfast(['status', '--data', data])).toContain('NetworkManager does not report')
  })

  test('`send --once` ends with 1 and prints the reason', async () => {
    const { root, data } = directories()
    const { env, says } = fakeBusctl(temporaryDirectory('waits-bus'))
    says(1)
    await holdfast(['settings', 'limit', '--data', data, '--pause-on-metered'])
    const run = startHoldfast(['send', '--once', '--data', data, root], env)
    expect(await run.ended(), run.err()).toBe(1)
    expect(run.err()).toContain('Paused: on a metered network. 1 file waits.')
    says(2)
    const again = startHoldfast(['send', '--once', '--data', data, root], env)
    expect(await again.ended(), again.err()).toBe(0)
  })
})

describe.skipIf(!canMount)('battery power (needs root)', () => {
  test('files wait where the pause is set, and are sent once it is off', async () => {
    const { root, data } = directories()
    const classes = temporaryDirectory('waits-sys')
    const laptop = path.join(classes, 'power_supply/BAT0')
    mkdirSync(laptop, { recursive: true })
    writeFileSync(path.join(laptop, 'type'), 'Battery\n')
    writeFileSync(path.join(laptop, 'status'), 'Discharging\n')
    await holdfast(['settings', 'limit', '--data', data, '--pause-on-battery'])
    // Of this process alone: the agent sees a laptop's /sys.
    const seen = `mount --bind '${classes}' /sys/class && exec "$@"`
    const command = [process.execPath, commandScript, 'agent', '--data', data, root]
    const words = ['--mount', 'sh', '-c', seen, 'sh', ...command]
    const agent = spawn('unshare', words, { stdio: 'ignore' })
    onTestFinished(async () => {
      agent.kill('SIGTERM')
      await once(agent, 'exit')
    })
    const paused = await untilState(data, 'to be paused', isPaused)
    expect(paused.surroundings).toEqual({ battery: 'yes', metered: 'unasked' })
    const status = await holdfast(['status', '--data', data])
    expect(status).toMatch(/^Paused: on battery\. 1 file waits\.\n/) // Not even by now, with everything connected.

    await holdfast(['settings', 'limit', '--data', data, '--no-pause-on-battery'])
    await untilState(data, 'everything to be sent', isSent)
  })
})
