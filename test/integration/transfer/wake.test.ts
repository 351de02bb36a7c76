// @module-tag story
import net from 'node:net'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { OpenDestination } from '../../../core/backends/destination.ts'
import type { Change, ClockReading } from '../../../core/backends/keep-connected.ts'
import { openReceiver } from '../../../core/backends/receiver/receiver.ts'
import type { Sessions } from '../../../core/backends/session-memory.ts'
import { Bucket } from '../../../core/backends/token-bucket.ts'
import { DEFAULT_KEEP } from '../../../core/store/retention/retention.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { DESTINATION, makeHome, startListening } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

/** A receiver's connection in this process, whose computer wakes up when the test says so. */
async function openTestLink(port: number | null = null) {
  const base = temporaryDirectory('wake')
  const home = await makeHome(path.join(base, 'home'))
  const { at } = await startListening(path.join(base, 'store'), [home])
  const states: string[] = []
  const began: boolean[] = []
  let wake: (change: Change, now: ClockReading) => void = () => undefined
  const log: string[] = []
  const say = (_level: string, text: string) => void log.push(text)
  const sessions: Sessions = {
    hello: () => null,
    welcome: async () => ({ asksFirst: false, notice: null }),
    offerAgain: () => 0,
  }
  const link: OpenDestination = openReceiver(
    {
      destination: {
        ...{
          id: DESTINATION,
          kind: 'receiver' as const,
          name: 'nas',
          host: '127.0.0.1',
          port: port ?? at.port,
        },
        fingerprint: at.fingerprint,
      },
      ...{
        identity: home.identity,
        sessions,
        name: 'sender',
        retrySeconds: 3600,
        keep: DEFAULT_KEEP,
        bucket: new Bucket(),
      },
    },
    {
      onSession: (session) => began.push(session !== null),
      onState: (state) => states.push(state),
      onTrouble: () => undefined,
      onNotice: () => undefined,
      onWanted: () => undefined,
      log: say,
    },
    (onChange) => {
      wake = onChange
      return () => undefined
    },
  )
  onTestFinished(() => link.stop())
  const wakeUp = (change: Change, addresses: string[] = []) =>
    wake(change, { wall: Date.now(), steady: performance.now(), addresses })
  return { at, states, sessions: began, log, wakeUp }
}

test('wake-up: a connection from before the sleep is closed at once and replaced without a pause', async () => {
  const { states, sessions, wakeUp } = await openTestLink()
  await until('connected', () => states.at(-1) === 'connected')
  wakeUp('slept')
  await until('another session', () => sessions.join() === 'true,false,true', 5_000)
  expect(states).toEqual(['connecting', 'connected', 'connecting', 'connected'])
})

test('network change: a connection stays open while its local address exists', async () => {
  const { states, sessions, wakeUp } = await openTestLink()
  await until('connected', () => states.at(-1) === 'connected')
  wakeUp('network', ['10.9.8.7'])
  wakeUp('network', [])
  wakeUp('slept')
  await until('another session', () => sessions.length === 3)
  // Only the sleep ended one: the loop's address never goes.
  expect(sessions).toEqual([true, false, true])
})

test('wake-up: an unanswered connection attempt is replaced after a sleep, and after a network change', async () => {
  // It takes connections and never answers, as a gateway does before somebody has signed in.
  const silent = net.createServer((socket) => socket.on('error', () => undefined))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const address = silent.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  let connections = 0
  silent.on('connection', (socket) => {
    connections += 1
    onTestFinished(() => void socket.destroy())
  })
  onTestFinished(() => void silent.close())
  const { states, wakeUp } = await openTestLink(address.port)
  await until('the first attempt', () => connections === 1)
  wakeUp('slept')
  await until('the second', () => connections === 2, 5_000)
  wakeUp('network', ['10.9.8.7'])
  await until('the third', () => connections === 3, 5_000)
  silent.close()
  expect(states.filter((state) => state === 'unreachable')).toEqual([])
})
