import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import { stateSnapshotSchema } from '../../../core/agent/state/schema.ts'
import { timelineEntrySchema } from '../../../core/alerts/incident.ts'
import { evidenceSchema } from '../../../core/check/evidence/evidence-messages.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { canMount, mountExt4, triggerExt4Error } from '../../support/faults/mounts.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** An agent that checks an ext4 of its own, and sends notifications to a server of LINE Notify on this computer. */
async function checking(isDataThere: boolean) {
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
  let agent = startHoldfast(['agent', '--data', data])
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
      const command = startHoldfast(['incidents', ...words, '--data', data])
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
    expect(await run('show', incident.id, '--evidence')).toContain('In the minute before:')
    expect(await run('show', incident.id)).not.toContain('In the minute before:')
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
    await first.stop()
    const database = new DatabaseSync(path.join(first.data, 'alerts.db'))
    database.exec('DELETE FROM evidence')
    database.close()
    await first.start()
    expect((await until('its evidence again', read)).cause).toEqual(before.cause)
  })
})
