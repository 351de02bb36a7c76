import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import { stateSnapshotSchema } from '../../../core/agent/state/schema.ts'
import { waitForEnd } from '../../support/alerts/headless.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { canMount, type Ext4Loop, mountExt4, mountPointsBelow } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const readState = async (data: string) =>
  stateSnapshotSchema.parse(await sendCommand(data, 'snapshot', {})).state

const readUsb = async (data: string) =>
  (await readState(data)).destinations.find(({ name }) => name === 'usb') ?? expect.fail('no usb')

/** The kinds of the incidents of the ejected disk. */
async function readIncidents(data: string): Promise<string[]> {
  const { id } = await readUsb(data)
  const isOfDisk = ({ paths }: { paths: Record<string, string> }) =>
    Object.keys(paths).some((one) => one.endsWith(id))
  return (await readState(data)).incidents.filter(isOfDisk).map(({ kind }) => kind)
}

const isMounted = ({ point }: Ext4Loop) => mountPointsBelow(path.dirname(point)).includes(point)

/** Runs `holdfast … --json`; returns its exit code and its output. */
async function run(data: string, ...words: string[]): Promise<{ code: unknown; out: string; err: string }> {
  return waitForEnd(startHoldfast([...words, '--data', data]))
}

async function startAgent(data: string) {
  const agent = startHoldfast(['agent', '--data', data])
  await until('the agent', () => readState(data).catch(() => null))
  return agent
}

/** An agent that sends a directory to a folder on a mounted disk, and checks every second. */
async function sending() {
  const disk = await mountExt4(onTestFinished)
  const data = temporaryDirectory('eject')
  const source = path.join(temporaryDirectory('eject-source'), 'work')
  mkdirSync(source)
  const folder = path.join(disk.point, 'copies')
  mkdirSync(folder)
  writeFileSync(path.join(source, 'first'), 'first')
  const agent = await startAgent(data)
  await sendCommand(data, 'changeSettings', { check: { intervalSeconds: 1 } })
  await sendCommand(data, 'addSource', { path: source })
  const usb = { kind: 'folder', name: 'usb', path: folder, recipient: null, hideNames: false }
  await sendCommand(data, 'addDestination', { destination: usb, secrets: {} })
  const arrived = () => readdirSync(path.join(folder, hostname(), 'work'))
  await until('the first file', async () => (await readUsb(data)).totals.sentFiles === 1)
  /** Waits until the source was checked some times more. */
  const checks = async (count: number) => {
    const at = async () => (await readState(data)).sources[0]?.checked?.at ?? 0
    for (let index = 0; index < count; index += 1) {
      const before = await at()
      await until('another check', async () => (await at()) > before)
    }
  }
  return { disk, source, data, agent, arrived, checks }
}

describe.skipIf(!canMount)('ejected disk (needs root: mount)', () => {
  test('it is unmounted, its absence raises no alert, and its files are sent once it is back', async () => {
    const { disk, source, data, arrived, checks } = await sending()
    const { code, out } = await run(data, 'destinations', 'eject', 'usb', '--json')
    expect([code, JSON.parse(out)]).toMatchObject([
      0,
      { name: 'usb', removable: true, command: null, sentence: { text: 'usb may be unplugged now.' } },
    ])
    expect(isMounted(disk)).toBe(false)
    writeFileSync(path.join(source, 'second'), 'second')
    await until('the file to wait', async () => (await readUsb(data)).totals.waitingFiles === 1)
    await checks(3)
    expect(await readIncidents(data)).toEqual([])
    expect(await readState(data)).toMatchObject({
      status: { level: 'paused', sentence: { key: 'status.ejected', params: { name: 'usb', count: 1 } } },
    })
    expect((await run(data, 'destinations')).out).toMatch(/usb .*ejected since .*1 waiting/)
    await disk.mountAgain()
    await until('the file to arrive', () => arrived().includes('second'))
    expect((await readUsb(data)).ejectedAt).toBeUndefined()
    await checks(2)
    expect(await readIncidents(data)).toEqual([])
  })

  test('a disk that stays mounted is not used, also after a restart, and can be unmounted at once', async () => {
    const { disk, source, data, agent, arrived, checks } = await sending()
    await sendCommand(data, 'pause', { minutes: null })
    const open = openSync(path.join(disk.point, 'of-another-program'), 'w')
    const { code, out } = await run(data, 'destinations', 'eject', 'usb', '--json')
    closeSync(open)
    expect([code, JSON.parse(out)]).toMatchObject([
      1,
      { removable: false, command: expect.stringMatching(/umount/), sentence: { key: 'eject.busy' } },
    ])
    await sendCommand(data, 'resume', {})
    writeFileSync(path.join(source, 'second'), 'second')
    await checks(3)
    agent.child.kill('SIGTERM')
    await agent.ended()
    await startAgent(data)
    await until('the file to wait', async () => (await readUsb(data)).totals.waitingFiles === 1)
    await checks(2)
    expect(arrived()).toEqual(['first'])
    execFileSync('umount', [disk.point])
    await checks(3)
    expect(await readIncidents(data)).toEqual([])
    await disk.mountAgain()
    await until('the file to arrive', () => arrived().includes('second'))
  })

  test('another disk at its place is not used, and `use` ends the wait', async () => {
    const { disk, data, checks } = await sending()
    await run(data, 'destinations', 'eject', 'usb')
    execFileSync('mount', ['-t', 'tmpfs', 'another', disk.point])
    await checks(3)
    expect((await readUsb(data)).ejectedAt).toBeGreaterThan(0)
    expect(readdirSync(disk.point)).toEqual([])
    execFileSync('umount', [disk.point])
    const { code, out } = await run(data, 'destinations', 'use', 'usb', '--json')
    expect([code, JSON.parse(out)]).toEqual([0, { name: 'usb', used: true }])
    const isMissing = async () => (await readIncidents(data)).includes('missing')
    await until('the missing disk to be an incident', isMissing)
  })

  test('without an agent: a disk with another folder in use stays mounted, and the folder is named', async () => {
    const disk = await mountExt4(onTestFinished)
    const data = temporaryDirectory('eject')
    for (const name of ['usb', 'archive']) {
      mkdirSync(path.join(disk.point, name))
      await run(data, 'destinations', 'add', 'folder', path.join(disk.point, name), '--name', name)
    }
    const { code, out } = await run(data, 'destinations', 'eject', 'usb')
    expect([code, out]).toEqual([
      1,
      'Holdfast has closed usb, but uses its disk for archive, too. Do not unplug it.\n',
    ])
    expect(isMounted(disk)).toBe(true)
    await run(data, 'destinations', 'eject', 'archive')
    expect(await run(data, 'destinations', 'eject', 'usb')).toMatchObject({
      code: 0,
      out: 'usb may be unplugged now.\n',
    })
    expect(isMounted(disk)).toBe(false)
  })
})

test('eject: a folder on the computer’s own disk waits for `use`, and an unknown name is refused', async () => {
  const data = temporaryDirectory('eject')
  await run(data, 'destinations', 'add', 'folder', temporaryDirectory('eject-copies'), '--name', 'copies')
  const { code, out } = await run(data, 'destinations', 'eject', 'copies', '--json')
  expect([code, JSON.parse(out)]).toMatchObject([1, { removable: false, sentence: { key: 'eject.system' } }])
  expect((await run(data, 'destinations', 'use', 'copies')).code).toBe(0)
  expect(await run(data, 'destinations', 'eject', 'none')).toMatchObject({ code: 1, out: '' })
})
