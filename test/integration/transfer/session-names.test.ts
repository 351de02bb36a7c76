import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Frame, FrameHeader, SmallFile } from '../../../core/protocol/frames.ts'
import { Store } from '../../../core/store/store.ts'
import { computeDigest } from '../../support/store/file-facts.ts'
import { manifestTotals, startRuled } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome } from '../../support/transfer/transfer.ts'
import { buildHello, connectWire, DATA, dataSource, wireFacts } from '../../support/transfer/wire-client.ts'
import { until } from '../../support/until.ts'

const TIMES = 10
/** Files that are sent in one batch. */
const FILES = 200

type Remembered = FrameHeader<'hello'>['session']

/** A sender that remembers its sessions as core/backends/session-memory.ts does. */
async function setUp() {
  const base = temporaryDirectory('session-names')
  const store = path.join(base, 'store')
  const home = await makeHome(path.join(base, 'home'))
  const { receiver, log } = await startRuled(store, [home], {})
  const memory: { session: Remembered } = { session: null }

  const connect = async () => {
    const frames: Frame[] = []
    const { send, socket, closed } = connectWire(receiver.port, home.identity, (frame) => frames.push(frame))
    const find = <T extends Frame['type']>(type: T) =>
      frames.find((one): one is Frame & { type: T } => one.type === type)
    send('hello', buildHello({ session: memory.session }))
    const { header } = await until(`a welcome, not ${JSON.stringify(frames)}`, () => find('welcome'))
    if (header.session !== null) {
      const { epoch, position, last, next } = header.session
      memory.session = { epoch, position, last, next }
    }
    send('source', dataSource)
    const close = () => {
      socket.destroy()
      return closed
    }
    return { session: header.session, send, find, close }
  }
  return { store, log, connect }
}

const buildBatch = (prefix: string): [FrameHeader<'batch'>, Uint8Array[]] => {
  const content = Buffer.from('x')
  const digest = computeDigest(content)
  const files = Array.from(
    { length: FILES },
    (_, id): SmallFile => [id, DATA, `${prefix}-${id}`, 1, wireFacts(), digest],
  )
  return [{ files, directories: [] }, files.map(() => content)]
}

test('sender sessions: files that a lost connection still brings are no other computer’s to the ones after it', async () => {
  const { store, log, connect } = await setUp()
  for (let time = 1; time <= TIMES; time += 1) {
    const first = await connect()
    expect(first.session?.isForked, `time ${time}`).not.toBe(true)
    first.send('batch', ...buildBatch(`f${time}`))
    // They are written, and wait for their round.
    await until('it has the files', () => first.find('credit'))
    void first.close()
    const second = await connect()
    expect(second.session?.isForked, `time ${time}, again`).not.toBe(true)
    await second.close()
    await until('they are stored', () => manifestTotals(store)?.files === time * FILES)
  }
  expect(log.filter((line) => line.includes('copied'))).toEqual([])
})

test('sender sessions: a sender that was welcomed without a session, as the store did not answer, is no other computer later', async () => {
  const { store, log, connect } = await setUp()
  const send = async (prefix: string, files: number) => {
    const { session, send, close } = await connect()
    send('batch', ...buildBatch(prefix))
    await until('they are stored', () => manifestTotals(store)?.files === files)
    await close()
    return session
  }
  // A store that is slow to open has no session for the first.
  while ((await send('first', FILES)) === null);
  const known = vi.spyOn(Store.prototype, 'known').mockResolvedValueOnce(null)
  onTestFinished(() => known.mockRestore())
  expect(await send('second', 2 * FILES)).toBe(null)
  expect((await send('third', 3 * FILES))?.isForked).not.toBe(true)
  expect(log.filter((line) => line.includes('copied'))).toEqual([])
})
