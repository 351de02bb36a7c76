import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { pairWith, readState, untilState } from '../../support/agent/two-receivers.ts'
import {
  expectPosted,
  factsIn,
  headless,
  parseEntries,
  postsOfTest,
  receiverConfig,
  SILENT_MS,
  untilPosted,
} from '../../support/alerts/headless.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** Whatever was to be told has been posted by then. */
const NOTHING_MS = 2_500

test('receiver notifications: a failing sender and a killed, silent sender are notified, and so is each recovery', async () => {
  const { origin, posts } = await postsOfTest()
  const { file, store } = receiverConfig(origin)
  const startReceiver = async () => {
    const receiver = startHoldfast(['receive', '--config', file])
    const port = await until('it listens', () => /Receiving on \S+:(\d+)/.exec(receiver.err())?.[1])
    return { receiver, port: Number(port) }
  }
  const { receiver: first, port } = await startReceiver()
  const checked = path.join(temporaryDirectory('checked'), 'photos')
  mkdirSync(checked)
  const home = headless({
    check: { intervalSeconds: 1 },
    checkedPaths: [{ id: 'photos', path: checked }],
    send: { retrySeconds: 1 },
  })
  await pairWith({ store }, home.directory, 'station')
  const agent = home.startAgent()
  await until('it runs', () => readState(home.directory))
  const isThere = ({ destinations, checkedPaths }: Awaited<ReturnType<typeof readState>>) =>
    destinations.some(({ name, connection }) => name === 'cellar' && connection.state === 'connected') &&
    checkedPaths[0]?.checked?.overall.kind === 'ok'
  await untilState(home.directory, 'it to be well and connected', isThere)

  rmSync(checked, { recursive: true })
  await untilPosted(posts, 1, 30_000)
  mkdirSync(checked)
  await untilPosted(posts, 2, 30_000)
  const [failing, wellAgain] = factsIn(posts).map(({ said }) => said)
  expect(failing).toMatchObject({
    what: 'failed',
    computer: 'cellar',
    incident: { kind: 'sender-failing', severity: 'critical', paths: ['station'], endedAt: null },
  })
  expect(failing.incident.sentence).toMatch(/^station reports: .*photos/)
  expect(wellAgain).toMatchObject({ what: 'recovered', about: failing.about })

  agent.child.kill('SIGKILL')
  const killedAt = Date.now()
  await untilPosted(posts, 3, SILENT_MS + 20_000)
  const silent = factsIn(posts)[2]
  expect(silent?.said).toMatchObject({
    what: 'failed',
    incident: { kind: 'sender-silent', severity: 'critical', paths: ['station'] },
  })
  // A heartbeat before its end it may have been heard last.
  expect((silent?.at ?? 0) - killedAt).toBeGreaterThanOrEqual(SILENT_MS - 6_000)
  // A receiver that is started again has not heard the sender by that.
  first.child.kill('SIGTERM')
  expect(await first.ended()).toBe(0)
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), port }))
  const { receiver } = await startReceiver()
  await delay(NOTHING_MS)
  expectPosted(posts, 3)

  home.startAgent()
  await untilPosted(posts, 4, 30_000)
  expect(factsIn(posts)[3]?.said).toMatchObject({ what: 'recovered', about: silent?.said.about })
  await delay(NOTHING_MS)
  expectPosted(posts, 4)

  const list = async () => parseEntries((await home.says(['failures', '--store', store, '--json'])) ?? '')
  const isOver = (await list()).map(({ incident: { kind, endedAt }, deliveries }) => [
    kind,
    endedAt !== null,
    deliveries.map(({ channelName, what, state }) => `${channelName} ${what} ${state}`).sort(),
  ])
  const told = ['Operators failed delivered', 'Operators recovered delivered']
  expect(isOver).toEqual([
    ['sender-silent', true, told],
    ['sender-failing', true, told],
  ])
  receiver.child.kill('SIGTERM')
  expect(await receiver.ended()).toBe(0)
  expect(await list()).toHaveLength(2)
  expect([first, receiver].map((one) => `${one.out()}${one.err()}`).join('')).not.toContain('very-secret')
})
