import { expect, onTestFinished, test } from 'vitest'
import { KeptConnection, type SessionAttempt } from '../../../core/backends/keep-connected.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { until } from '../../support/until.ts'

/** Keeps a connection whose sessions are numbers. `ends`: ends the last one. `steps`: what happened, in order. */
function keep() {
  const steps: string[] = []
  let last: SessionAttempt | undefined
  let count = 0
  const kept = new KeptConnection<number>(
    {
      retrySeconds: 0.01,
      async open(attempt) {
        last = attempt
        count += 1
        const session = count
        const close = () => void steps.push(`close ${session}`)
        return { session, isToItself: false, localAddress: null, close }
      },
      toTrouble: () => ({
        state: 'unreachable',
        problem: message('transfer.unreachable', { name: 'nas', address: 'nas:1', reason: 'lost' }),
      }),
    },
    {
      onSession: (session) => void steps.push(session === null ? 'none' : `open ${session}`),
      ...{ onState: () => undefined, onTrouble: () => undefined, log: () => undefined },
    },
    () => () => undefined,
  )
  onTestFinished(() => kept.stop())
  return { kept, steps, end: () => last?.end(new Error('lost')) }
}

test('kept connection: each session is closed before the next one is opened, and the last one at the end', async () => {
  const { kept, steps, end } = keep()
  await until('a session', () => steps.length === 1)
  end()
  await until('the next session', () => steps.includes('open 2'))
  expect(steps).toEqual(['open 1', 'close 1', 'none', 'open 2'])
  await kept.stop()
  await until('its end', () => steps.length === 6)
  expect(steps.slice(4)).toEqual(['close 2', 'none'])
})
