import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import { stateSnapshotSchema } from '../../../core/agent/state/schema.ts'
import { channelSchema } from '../../../core/alerts/settings.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { canMount, mountTmpfs } from '../../support/faults/mounts.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

async function readState(data: string) {
  return stateSnapshotSchema.parse(await sendCommand(data, 'snapshot', {})).state
}

async function readEnds(data: string): Promise<(number | null)[]> {
  return (await readState(data)).incidents.map(({ endedAt }) => endedAt)
}

/** An agent that has told that its directory's disk is read-only. */
async function told() {
  const disk = await mountTmpfs(onTestFinished)
  const data = temporaryDirectory('restarts')
  const words = ['agent', '--data', data]
  const agent = startHoldfast(words)
  await until('the agent', () => readState(data))
  // To an agent that has been at work: no other change of its settings follows.
  await sendCommand(data, 'addCheckedPath', { path: disk.point })
  const wellAt = async () => (await readState(data)).checkedPaths[0]?.checked?.at ?? 0
  await until('a check that is well', async () => (await wellAt()) > 0)
  await disk.remount('ro')
  await agent.says(/Read-only: .*/)
  return { disk, data, words, agent, checkedAt: wellAt }
}

describe.skipIf(!canMount)('notified incident (needs root: mount)', () => {
  test('a restart of the checker does not end it, and it is reported only once', async () => {
    const { disk, data, agent, checkedAt } = await told()
    const { pid } = (await readState(data)).workers.checker
    process.kill(pid ?? expect.fail('no checker'), 'SIGKILL')
    const killedAt = Date.now()
    await until('a check of the next one', async () => (await checkedAt()) > killedAt)
    expect(await readEnds(data)).toEqual([null])
    await disk.remount('rw')
    await agent.says(/Recovered: .*/)
    expect(agent.out().match(/Read-only: /g)).toHaveLength(1)
  })

  test('the next agent does not report it again, and reports its recovery', async () => {
    const { disk, data, words, agent, checkedAt } = await told()
    const begun = (await readState(data)).incidents[0]?.startedAt
    agent.child.kill('SIGTERM')
    await agent.ended()
    const killedAt = Date.now()
    const next = startHoldfast(words)
    await next.says(/./)
    await until('its first check', async () => (await checkedAt().catch(() => 0)) > killedAt)
    const incidents = async () => (await readState(data)).incidents
    // A slow disk gives those of the last run later.
    await until('that incident', async () => (await incidents()).some(({ startedAt }) => startedAt === begun))
    expect(await incidents()).toMatchObject([{ startedAt: begun, endedAt: null }])
    next.child.kill('SIGTERM')
    await next.ended()
    expect(next.out()).not.toContain('Read-only: ')
    await disk.remount('rw')
    const last = startHoldfast(words)
    await last.says(/Recovered: .*/)
  })
})

test('restarted agent: the last file and each channel are known before anything new happens', async () => {
  const server = await recordingServer()
  server.answer({ status: 200 })
  const [data, source] = [temporaryDirectory('restarts'), temporaryDirectory('photos')]
  writeFileSync(path.join(source, 'a.jpg'), 'a')
  const words = ['agent', '--data', data, source]
  const agent = startHoldfast(words)
  await agent.says(/./)
  await until('the file', async () => (await readState(data)).totals.sentFiles === 1)
  const channel = channelSchema.parse({ id: 'hook', name: 'Hook', type: 'webhook' })
  await sendCommand(data, 'addChannel', { channel, secrets: { url: `${server.origin}/hook` } })
  await sendCommand(data, 'testChannel', { id: 'hook' })
  const known = async () => {
    const { sources, channels } = await readState(data)
    return { lastFile: sources[0]?.lastFile, hook: channels.find(({ id }) => id === 'hook') }
  }
  await until('the test', async () => (await known()).hook?.condition === 'ok')
  const before = await known()
  expect(before.lastFile?.path).toBe('a.jpg')
  agent.child.kill('SIGTERM')
  await agent.ended()

  const next = startHoldfast(words)
  await next.says(/./)
  await until('both', async () => {
    const { lastFile, hook } = await known()
    return lastFile != null && hook?.condition === 'ok'
  })
  expect(await known()).toEqual(before)
  expect(server.requests).toHaveLength(1)
})
