import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import { stateSnapshotSchema } from '../../../core/agent/state/schema.ts'
import { probeKinds } from '../../../core/check/checker-messages.ts'
import { probeWriting } from '../../../core/check/probes/file-probes.ts'
import { startCheckerProcess } from '../../support/check/client.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { canMount, mountExt4 } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const readModified = (at: string) => statSync(at, { bigint: true }).mtimeNs
const readChanged = (at: string) => statSync(at, { bigint: true }).ctimeNs

describe.skipIf(process.platform !== 'linux')('modification time of a checked directory', () => {
  it('checks leave it as it is, and a change by another program keeps its own time', async () => {
    const directory = temporaryDirectory('traces')
    const time = readModified(directory)
    const checker = await startCheckerProcess({
      paths: [{ id: 'p', path: directory, probes: [...probeKinds], keepsTime: true }],
    })
    await until('three checks', () => checker.reports('p').length >= 3)
    // A check that is under way has changed it.
    await until('the time from before', () => readModified(directory) === time)
    expect(checker.reports('p').every(({ probes }) => probes.write?.kind === 'ok')).toBe(true)
    writeFileSync(path.join(directory, 'new'), '')
    const next = await until('a later time', () => {
      const now = readModified(directory)
      return readdirSync(directory).join() === 'new' && now > time && now
    })
    const known = checker.reports('p').length
    await until('three more checks', () => checker.reports('p').length >= known + 3)
    await until('the time of the change', () => readModified(directory) === next)
  })

  it('a change while the probe’s file is there is not dated back', async () => {
    const directory = temporaryDirectory('traces')
    const time = readModified(directory)
    const probe = (enter: (step: string) => void) =>
      probeWriting(directory, { isBuffered: true, keepsTime: true, enter })
    await probe(() => undefined)
    expect(readModified(directory)).toBe(time)
    await probe((step) => {
      if (step === 'fsync') writeFileSync(path.join(directory, 'new'), '')
    })
    expect(readModified(directory)).toBeGreaterThan(time)
  })

  it('a source keeps it, and a checked directory inside is left to the watcher', async () => {
    const source = temporaryDirectory('traces')
    const inside = path.join(source, 'inside')
    mkdirSync(inside)
    writeFileSync(path.join(inside, 'file'), 'x')
    const [time, timeInside] = [readModified(source), readModified(inside)]
    const data = temporaryDirectory('traces-data')
    const agent = startHoldfast(['agent', '--data', data])
    await agent.says(/./)
    await sendCommand(data, 'addSource', { path: source })
    await sendCommand(data, 'addCheckedPath', { path: inside })
    const readState = async () => stateSnapshotSchema.parse(await sendCommand(data, 'snapshot', {})).state
    // At the usual interval: with a short one, a slow check is given up, and the next one changes the time beside it.
    const checkedOften = async () => {
      await sendCommand(data, 'checkNow', {})
      return ((await readState()).sources[0]?.delays.length ?? 0) >= 3
    }
    await until('three checks', checkedOften)
    await until('the time from before', () => readModified(source) === time)
    expect(readModified(inside)).toBeGreaterThan(timeInside)
    await until('the file to be sent', async () => (await readState()).sources[0]?.totals.sentFiles === 1)
  })
})

describe.skipIf(!canMount)('times in whole seconds (needs root: mount)', () => {
  it('stay as the probe leaves them, because another program’s change could not be told apart', async () => {
    const disk = await mountExt4(onTestFinished, { inodeBytes: 128 })
    const before = readChanged(disk.point)
    const time = readModified(disk.point)
    await until('another second', async () => {
      await probeWriting(disk.point, { isBuffered: true, keepsTime: true })
      return readChanged(disk.point) > before
    })
    expect(readModified(disk.point)).toBeGreaterThan(time)
  })
})
