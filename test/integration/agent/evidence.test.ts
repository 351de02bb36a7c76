import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import { stateSnapshotSchema } from '../../../core/agent/state/schema.ts'
import { timelineEntrySchema } from '../../../core/alerts/incident.ts'
import { AROUND_MS, evidenceSchema } from '../../../core/check/evidence/evidence-messages.ts'
import { untilState } from '../../support/agent/two-receivers.ts'
import { parseEntries } from '../../support/alerts/headless.ts'
import { commandScript } from '../../support/cli/command-script.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { canMount, mountExt4, mountTmpfs, triggerExt4Error } from '../../support/faults/mounts.ts'
import { giveAway, letOthersIn, USER } from '../../support/faults/ordinary-user.ts'
import type { Surroundings } from '../../support/faults/within.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** An agent that checks an ext4 of its own, and sends notifications to a server of LINE Notify on this computer. */
async function checking(isDataThere: boolean, env: Record<string, string> = {}, user: Surroundings = {}) {
  const disk = await mountExt4(onTestFinished)
  const server = await recordingServer()
  const data = isDataThere ? path.join(disk.point, 'holdfast') : temporaryDirectory('evidence')
  mkdirSync(data, { recursive: true })
  const line = {
    id: 'line',
    type: 'line-notify',
    name: 'LINE',
    options: { endpoint: `${server.origin}/notify` },
  }
  const settings = { checkedPaths: [{ id: 'disk', path: disk.point }], alerts: { channels: [line] } }
  writeFileSync(path.join(data, 'settings.json'), JSON.stringify({ version: 1, ...settings }))
  writeFileSync(
    path.join(data, 'secrets.json'),
    JSON.stringify({ version: 2, owners: { line: { token: { plain: 'token' } } } }),
    {
      mode: 0o600,
    },
  )
  if (user.uid !== undefined) giveAway(data, disk.point)
  let agent = startHoldfast(['agent', '--data', data], env, user)
  const stop = async () => {
    agent.child.kill('SIGTERM')
    await agent.ended()
  }
  const start = async () => {
    agent = startHoldfast(['agent', '--data', data])
    await until('the agent to answer', readState)
  }
  const readState = async () => stateSnapshotSchema.parse(await sendCommand(data, 'snapshot', {})).state
  await until(
    'a check that is well',
    async () => (await readState()).checkedPaths[0]?.checked?.overall.kind === 'ok',
  )
  const messages = () => server.requests.map(({ body }) => new URLSearchParams(body).get('message') ?? '')
  return { disk, data, messages, readState, stop, start }
}

const CAUSE = (device: string) =>
  new RegExp(`ext4 found an error on ${device} .*trigger_test_error.*\\. ?Then ext4 stopped writing`, 's')

describe.skipIf(!canMount)('evidence of a read-only disk (needs root: mounts)', () => {
  test('the notification has what the kernel reported, and the command shows its lines', {
    tags: 'story',
  }, async () => {
    const { disk, data, messages } = await checking(false)
    const device = await triggerExt4Error(disk.point)
    const text = await until('the notification', () =>
      messages().find((one) => one.includes('>>> touch failed')),
    )
    expect(text).toMatch(/^\n\[PROJ_CODE\] .*, in .*\n>>> touch failed\n/)
    expect(text).toMatch(CAUSE(device))
    const run = async (...words: string[]) => {
      const command = startHoldfast(['failures', ...words, '--data', data])
      expect(await command.ended()).toBe(0)
      return command.out()
    }
    const { incident } = timelineEntrySchema.parse(JSON.parse(await run('--json')))
    expect(incident.cause?.map(({ key }) => key)).toEqual(['cause.ext4Error', 'cause.stoppedWriting'])
    const { evidence } = JSON.parse(await run('show', incident.id, '--evidence', '--json'))
    const { lines, facts, unread } = evidenceSchema.parse(evidence)
    expect(lines.map(({ text }) => text)).toContainEqual(
      expect.stringMatching(new RegExp(`EXT4-fs error .*${device}.*test$`)),
    )
    expect(facts).toContainEqual({
      place: `/sys/fs/ext4/${device}/first_error_func`,
      text: 'trigger_test_error',
    })
    expect(facts.map(({ place }) => place)).toContain('/proc/self/mountinfo (before)')
    expect(unread).toEqual([])
    const shown = await run('show', incident.id, '--evidence')
    expect(shown).toMatch(/^ {2}Before the failure at .*:\n(?: {4}.*\n)* {4}.*EXT4-fs error .*test$/m)
    expect(shown).toMatch(/^ {4}sudo umount .*\n {4}sudo fsck .*\n {4}sudo mount /m)
    expect(await run('show', incident.id)).not.toContain('Before the failure')
  })

  test('the health of the disks before and after the failure is in the evidence, or why it has no values', async () => {
    const { disk, data, readState } = await checking(false)
    await until('a reading of the disks', async () => (await readState()).disks.at !== null)
    const device = await triggerExt4Error(disk.point)
    const incident = await until('the incident', async () => (await readState()).incidents[0])
    const readings = await until('the reading after it', async () => {
      const answer = (await sendCommand(data, 'evidence', { id: incident.id })) as { evidence: unknown }
      const { facts } = answer.evidence === null ? { facts: [] } : evidenceSchema.parse(answer.evidence)
      const found = facts.filter(({ place }) => place.startsWith(`smartctl ${device} (`))
      return found.length === 2 && found
    })
    expect(readings.map(({ text }) => text)).toEqual(['unsupported', 'unsupported'])
    const times = readings.map(({ place }) => Date.parse(/\((.*)\)/.exec(place)?.[1] ?? ''))
    expect(times[0]).toBeLessThan(incident.startedAt)
    expect(times[1]).toBeGreaterThan(incident.startedAt)
  })

  test('files whose inodes are damaged are named, with the command that gets the copy of one that was sent', {
    tags: 'story',
  }, async () => {
    const disk = await mountExt4(onTestFinished)
    const data = temporaryDirectory('damaged')
    const run = async (...words: string[]) => {
      const command = startHoldfast([...words, '--data', data])
      expect(await command.ended(), command.err()).toBe(0)
      return command.out()
    }
    const photos = path.join(disk.point, 'photos')
    mkdirSync(photos)
    const damaged = ['a picture.jpg', 'another.jpg', 'left out.jpg'].map((name) => path.join(photos, name))
    for (const file of [...damaged, path.join(photos, 'whole.jpg')]) writeFileSync(file, `content of ${file}`)
    const inodes = damaged.map((file) => statSync(file).ino)
    // A file on another disk has the same inode number.
    const others = path.join((await mountExt4(onTestFinished)).point, 'others')
    mkdirSync(others)
    writeFileSync(path.join(others, 'other.jpg'), 'other')
    expect(statSync(path.join(others, 'other.jpg')).ino).toBe(inodes[0])
    const sources = [
      { id: 'photos', name: 'photos', path: photos, ignore: ['left*'] },
      { id: 'others', name: 'others', path: others },
    ]
    writeFileSync(path.join(data, 'settings.json'), JSON.stringify({ version: 1, sources }))
    await run('destinations', 'add', 'folder', temporaryDirectory('usb'), '--name', 'usb')
    const first = startHoldfast(['agent', '--data', data])
    await untilState(data, 'all to be sent', ({ sources: all }) =>
      all.every(({ totals }, index) => totals.sentFiles === [3, 1][index]),
    )
    first.child.kill('SIGTERM')
    await first.ended()
    await disk.damage(
      `set_inode_field <${inodes[0]}> checksum 1`,
      `set_inode_field <${inodes[1]}> links_count 0`,
      `set_inode_field <${inodes[2]}> checksum 1`,
    )
    // Otherwise ext4 reports only the error that makes it read-only.
    await disk.remount('errors=continue')
    for (const file of damaged) expect(() => statSync(file)).toThrow()
    startHoldfast(['agent', '--data', data])
    const { incidents } = await untilState(data, 'its cause', (state) =>
      state.incidents.some(({ cause }) => cause !== undefined),
    )
    const id = incidents.find(({ cause }) => cause !== undefined)?.id ?? ''
    const { files, inodes: reported } = await until('the files', async () => {
      const text = await run('failures', 'show', id, '--evidence', '--json')
      const evidence = evidenceSchema.parse(JSON.parse(text).evidence)
      return evidence.files.length > 0 && evidence
    })
    expect(reported).toEqual(expect.arrayContaining(inodes.map(String)))
    expect(files.map(({ key, params }) => [key, params.path, params.destination])).toEqual(
      damaged.slice(0, 2).map((file) => ['cause.fileSent', file, 'usb']),
    )
    expect(await run('failures', 'show', id, '--evidence')).toMatch(
      /a picture\.jpg may be damaged\..* holdfast restore --from usb 'photos\/a picture\.jpg'\n/,
    )
    const copies = temporaryDirectory('copies')
    await run('restore', '--from', 'usb', 'photos/a picture.jpg', '--to', copies)
    expect(readFileSync(path.join(copies, 'a picture.jpg'), 'utf8')).toBe(`content of ${damaged[0]}`)
  })

  test('without permission to read the log: the incident has the command that permits it, and no cause', async () => {
    const directory = temporaryDirectory('forbidden')
    const [log, journal] = ['kmsg', 'journalctl'].map((name) => path.join(directory, name)) as [
      string,
      string,
    ]
    writeFileSync(log, '', { mode: 0o600 })
    writeFileSync(journal, '#!/bin/sh\n', { mode: 0o755 })
    letOthersIn(journal)
    letOthersIn(process.execPath)
    letOthersIn(commandScript)
    const env = { PATH: `${directory}:${process.env.PATH}` }
    const user = { replaced: { '/dev/kmsg': log }, uid: USER }
    const { disk, data, messages, readState } = await checking(false, env, user)
    await triggerExt4Error(disk.point)
    const text = await until('the notification', () => messages().find((one) => one.includes('touch failed')))
    expect(text).not.toContain('ext4 found an error')
    const [incident] = (await readState()).incidents
    const shown = await until('the command', async () => {
      const command = startHoldfast(['failures', 'show', incident?.id ?? '', '--evidence', '--data', data])
      expect(await command.ended()).toBe(0)
      return command.out().includes('cannot be read') ? command.out() : null
    })
    expect(shown).toMatch(/ restart the computer: sudo usermod -aG adm nobody\n/)
    expect(shown).toContain('/first_error_func: trigger_test_error')
  })

  test('each of more disks than the state lists incidents has its cause', async () => {
    const disks = await Promise.all(Array.from({ length: 101 }, () => mountTmpfs(onTestFinished)))
    const data = temporaryDirectory('disks')
    const checkedPaths = disks.map(({ point }, index) => ({ id: `disk-${index}`, path: point }))
    writeFileSync(path.join(data, 'settings.json'), JSON.stringify({ version: 1, checkedPaths }))
    startHoldfast(['agent', '--data', data])
    const untilAll = (kind: string) =>
      untilState(data, `all to be ${kind}`, (state) =>
        state.checkedPaths.every(({ checked }) => checked?.overall.kind === kind),
      )
    await untilAll('ok')
    await Promise.all(disks.map(({ remount }) => remount('ro')))
    await untilAll('read-only')
    const haveCauses = async () => {
      const command = startHoldfast(['failures', '--most', '200', '--json', '--data', data])
      expect(await command.ended()).toBe(0)
      return parseEntries(command.out()).filter(({ incident }) => incident.cause).length === disks.length
    }
    // A reading that a busy computer did not answer in time is repeated once.
    await until('their causes', haveCauses, AROUND_MS + 60_000)
  })

  test('a data directory on the same disk: the notification has the cause, and the evidence is kept in memory', async () => {
    const { disk, data, messages, readState } = await checking(true)
    const device = await triggerExt4Error(disk.point)
    expect(
      await until('the notification', () => messages().find((one) => one.includes('touch failed'))),
    ).toMatch(CAUSE(device))
    const [incident] = (await readState()).incidents
    const answer = (await sendCommand(data, 'evidence', { id: incident?.id })) as { evidence: unknown }
    expect(evidenceSchema.parse(answer.evidence).lines.length).toBeGreaterThan(0)
  })

  test('an incident of an earlier run: its evidence is kept, and read if the run ended before', async () => {
    const first = await checking(false)
    await triggerExt4Error(first.disk.point)
    const incident = await until('the incident', async () => (await first.readState()).incidents[0])
    const read = async () => {
      const answer = (await sendCommand(first.data, 'evidence', { id: incident.id })) as { evidence: unknown }
      return answer.evidence === null ? null : evidenceSchema.parse(answer.evidence)
    }
    const before = await until('its evidence', read)
    expect(before.facts.map(({ place }) => place)).toContain('/proc/self/mountinfo (before)')
    await first.stop()
    await first.start()
    await until('the agent to check', async () => {
      const [path] = (await first.readState()).checkedPaths
      return path?.checked?.overall.kind === 'read-only'
    })
    expect((await read())?.facts).toEqual(before.facts)
    for (const loss of ['DELETE FROM evidence', `UPDATE evidence SET text = '{"cause":'`]) {
      await first.stop()
      const database = new DatabaseSync(path.join(first.data, 'alerts.db'))
      database.exec(loss)
      database.close()
      await first.start()
      expect((await until('its evidence again', read)).cause).toEqual(before.cause)
    }
  })
})
