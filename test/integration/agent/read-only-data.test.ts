// @module-tag story
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { holdfast, readState, startReceiver } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { canMount, mountBind } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** A data directory on a file system that an administrator has made read-only. */
async function readOnlyData() {
  const data = await mountBind(onTestFinished, temporaryDirectory('read-only-data'))
  await loadIdentity(path.join(data.point, 'identity'))
  await data.remount('ro,bind')
  return data
}

describe.skipIf(!canMount)('read-only data directory (needs root: mount)', () => {
  test('pairing is refused and uses up no pairing code', async () => {
    const data = await readOnlyData()
    const { store } = await startReceiver('nas')
    const [code] = await startHoldfast(['pair', '--store', store]).says(/holdfast:\/\/\S+/)
    const words = ['pair', code, '--data', data.point]
    const refused = startHoldfast(words)
    expect(await refused.ended()).toBe(1)
    expect(refused.err()).toContain(
      `${data.point}/settings.json cannot be written: read-only file system. Nothing was changed.`,
    )
    await data.remount('rw,bind')
    expect(await holdfast(words)).toContain('nas')
  })

  test('an agent that was killed there does not start again, and has the reason', async () => {
    const data = await mountBind(onTestFinished, temporaryDirectory('read-only-data'))
    const killed = startHoldfast(['agent', '--data', data.point])
    await until('the agent to answer', () => readState(data.point))
    killed.child.kill('SIGKILL')
    await killed.ended()
    await data.remount('ro,bind')
    const refused = startHoldfast(['agent', '--data', data.point])
    expect(await refused.ended()).toBe(1)
    expect(refused.err()).toContain(`${data.point} cannot be used: read-only file system.`)
  })

  test('adding a destination is refused with the reason, and nothing is written into its folder', async () => {
    const folder = temporaryDirectory('folder')
    const data = await mountBind(onTestFinished, temporaryDirectory('read-only-data'))
    await data.remount('ro,bind')
    const words = [`folder ${folder}`, 's3 https://127.0.0.1:1 bucket']
    const said = []
    for (const word of words) {
      const add = startHoldfast(['destinations', 'add', ...word.split(' '), '--data', data.point], {
        HOLDFAST_ACCESS_KEY: 'key',
        HOLDFAST_SECRET_KEY: 'key',
      })
      expect(await add.ended()).toBe(1)
      said.push(add.err())
    }
    expect(said).toEqual([
      expect.stringContaining(`${data.point}/settings.json cannot be written: read-only file system.`),
      expect.stringContaining(`${data.point} cannot be used: read-only file system. Make it writable`),
    ])
    expect(readdirSync(folder)).toEqual([])
  })

  test.each(['agent', 'send --once /usr/share/doc'])(
    'a command that needs to write is refused with the reason and the remedy: %s',
    async (line) => {
      const data = await readOnlyData()
      const command = startHoldfast([...line.split(' '), '--data', data.point])
      expect(await command.ended()).toBe(1)
      expect(command.err()).toBe(
        `Holdfast's own folder ${data.point} cannot be used: read-only file system. Make it writable, or name another one: with HOLDFAST_HOME, on the command line also with --data.\n`,
      )
    },
  )
})
