import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { CloudEvent } from '../../../core/events/cloud-event.ts'
import { eventLines, eventsIn, readCopy, sha256, writeEventSettings } from '../../support/agent/events.ts'
import { holdfast, untilState } from '../../support/agent/two-receivers.ts'
import { type RunningCommand, startHoldfast } from '../../support/cli/processes.ts'
import { chooseLength } from '../../support/long.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const ROUNDS = chooseLength(4, 50)
const FILES = 40
const LONG_MS = 120_000

test(`events: ${ROUNDS} kills of the agent lose no event, bring none early, and mark what comes again`, {
  timeout: 60_000 + ROUNDS * 60_000,
}, async () => {
  const server = await recordingServer()
  const [data, source] = [temporaryDirectory('kill-events-data'), temporaryDirectory('kill-events')]
  const early: string[] = []
  const events: CloudEvent[] = []
  let isSilent = false
  server.answer((asked) => {
    for (const event of eventsIn(asked)) {
      events.push(event)
      const file = event.data.path
      if (event.type !== 'app.holdfast.file.durable' || file === undefined) continue
      const copy = readCopy(data, 'obs', file)
      const isThere = copy !== null && sha256(copy) === sha256(readFileSync(path.join(source, file)))
      if (!isThere) early.push(file)
    }
    return { status: 200, isSilent }
  })
  writeEventSettings(data, {
    sources: [{ id: 's', path: source, name: 'obs' }],
    sinks: [{ id: 'hook', name: 'Hook', kind: 'webhook', since: 0 }],
    secrets: { hook: { url: server.origin } },
  })
  const written: string[] = []
  const start = async (): Promise<RunningCommand> => {
    const agent = startHoldfast(['agent', '--data', data])
    await untilState(data, 'the agent', () => true, LONG_MS)
    return agent
  }
  const isDurable = (file: string) =>
    events.some(({ type, data: { path: at } }) => type === 'app.holdfast.file.durable' && at === file)

  let agent = await start()
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = events.length
    // Each round ends at another moment: before, between and after deliveries, or during one that has no answer yet.
    const most = [0, 1, FILES / 2, 1][round % 4] ?? 0
    isSilent = round % 4 === 3
    for (let index = 0; index < FILES; index += 1) {
      const name = `${round}-${index}`
      writeFileSync(path.join(source, name), randomBytes(500 + index))
      written.push(name)
    }
    await until(`${most} events of round ${round}`, () => events.length >= before + most, LONG_MS)
    agent.child.kill('SIGKILL')
    await agent.ended()
    isSilent = false
    agent = await start()
  }
  await until('an event for each file', () => written.every(isDurable), LONG_MS).catch((error: unknown) => {
    throw new Error(`${error}; lost: ${written.filter((file) => !isDurable(file)).slice(0, 20)}`)
  })
  expect(early).toEqual([])

  const seen = new Set<string>()
  const unmarked = events.filter(({ id, redelivered }) => {
    const isAgain = seen.has(id)
    seen.add(id)
    return isAgain && redelivered !== true
  })
  expect(unmarked).toEqual([])
  const log = eventLines(await holdfast(['events', '--json', '--data', data]))
  const inLog = log.filter(({ type }) => type === 'app.holdfast.file.durable').map(({ id }) => id)
  expect(inLog.every((id) => seen.has(id))).toBe(true)
  // Each content is durable once: the transaction with the event is the one that records the file as sent.
  expect(inLog).toHaveLength(written.length)
})
