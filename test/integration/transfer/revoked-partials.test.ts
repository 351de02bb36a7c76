// @module-tag story
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Identity, loadIdentity } from '../../../core/protocol/identity.ts'
import { startStoreReceiver } from '../../../core/receive/receiver.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { openSenders } from '../../../core/store/senders/senders.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree, receiverParts } from '../../support/transfer/transfer.ts'
import { buildHello, connectWire, DATA, dataSource, wireFacts } from '../../support/transfer/wire-client.ts'
import { until } from '../../support/until.ts'

const MIB = 1024 * 1024

async function setUp() {
  const base = temporaryDirectory('revoked')
  const store = path.join(base, 'store')
  const start = async () => {
    const receiver = await startStoreReceiver(
      {
        ...{ storeDirectory: store, host: '127.0.0.1', port: 0, name: 'receiver' },
        ...receiverParts,
      },
      { log: () => undefined },
    )
    onTestFinished(() => receiver.close())
    return receiver
  }
  const receiver = await start()
  const layout = storeLayout(store)
  const beside = () => openSenders(layout.senders, () => undefined)
  const waiting = () => Object.keys(readTree(path.join(store, '.holdfast', 'partial')))
  /** A sender that is paired, and loses its connection in the middle of a large file. */
  const interrupted = async (name: string): Promise<Identity> => {
    const identity = await loadIdentity(path.join(base, name))
    await (await beside()).pair(identity.fingerprint, name, Date.now(), null)
    await until('it may send', () =>
      receiver.senderStates().some((one) => one.fingerprint === identity.fingerprint),
    )
    const seen: string[] = []
    const wire = connectWire(receiver.port, identity, ({ type }) => seen.push(type))
    wire.send('hello', buildHello({ name }))
    const facts = { id: 1, source: DATA, path: 'large', size: 5 * MIB, facts: wireFacts(), directories: [] }
    await until('it is let in', () => seen.includes('welcome'))
    wire.send('source', dataSource)
    wire.send('begin', { ...facts, file: 'one' })
    await until('it may go on', () => seen.includes('resume'))
    wire.send('chunk', { id: 1 }, [Buffer.alloc(100_000)])
    await until('it is written', () => seen.includes('credit'))
    wire.socket.destroy()
    return identity
  }
  return { start, receiver, beside, waiting, interrupted }
}

test('partial files: revoking a sender removes its own, at once or at the next start, and keeps those of others', async () => {
  const { start, receiver, beside, waiting, interrupted } = await setUp()
  const gone = await interrupted('gone')
  const later = await interrupted('later')
  await interrupted('stays')
  await until('all three wait', () => receiver.connections.senders === 0 && waiting().length === 3)
  await (await beside()).revoke(gone.fingerprint, Date.now())
  await until('it is removed', () => waiting().length === 2)
  await receiver.close()
  await (await beside()).revoke(later.fingerprint, Date.now())
  expect(
    waiting()
      .map((name) => name.split('/')[0])
      .sort(),
  ).toEqual(['later', 'stays'])
  await start()
  await until('the next one is, too', () => waiting().length === 1)
  expect(waiting()[0]).toMatch(/^stays\//)
})
