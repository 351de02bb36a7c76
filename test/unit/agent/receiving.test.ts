import { expect, test } from 'vitest'
import { receivingState, refuseReceiving, withReceived } from '../../../core/agent/receiving.ts'
import { message } from '../../../core/words/message.ts'

const receive = { directory: '/srv/store', port: 7766, quotaBytes: null }
const running = {
  port: 7766,
  fingerprint: 'f',
  storeDirectory: '/srv/store',
  receivedFiles: 0,
  receivedBytes: 0,
  refusedConnections: 0,
}

test('a receiver that cannot run keeps the senders that it had', () => {
  const before = receivingState({ receive }, 1)
  if (before === null) throw new Error('no state')
  const sender = {
    ...{ fingerprint: 'a', name: 'station', folder: 'station', seenAt: 1, connected: true },
    ...{ level: 'ok' as const, sentence: '', words: null, statusAt: 1, files: 1, bytes: 2 },
  }
  const runs = withReceived(before, { ...running, senders: [sender] }, 2)
  expect(runs).toMatchObject({ isRunning: true, problem: null, senders: [sender] })
  const problem = message('transfer.storeInUse', { path: '/srv/store' })
  expect(withReceived(runs, { problem }, 3)).toMatchObject({
    isRunning: false,
    since: 3,
    problem,
    senders: [sender],
  })
  expect(receivingState({ receive: null }, 1)).toBeNull()
})

test.each([
  ['/srv/store/inner', true],
  ['/srv/store', true],
  ['/srv', true],
  ['/srv/store-2', false],
  ['/home', false],
])('a store beside the protected directory %s is refused: %s', (path, isRefused) => {
  const sources = [{ path, name: 'data' }] as Parameters<typeof refuseReceiving>[0]['sources']
  const refuse = () => refuseReceiving({ sources }, receive)
  if (isRefused) expect(refuse).toThrow(/protected directory data/)
  else expect(refuse).not.toThrow()
})
