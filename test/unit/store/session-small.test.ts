import { expect, test } from 'vitest'
import { batchBuffers } from '../../../core/protocol/frame-buffers.ts'
import type { SmallFile } from '../../../core/protocol/frames.ts'
import { receiveBatch } from '../../../core/store/session/upload-session.ts'
import type { Store, StoreSmallEvents } from '../../../core/store/store.ts'
import { until } from '../../support/until.ts'

const KIB = 1024
const digest = Buffer.alloc(32, 0x1e)
const source = { id: 1, folder: 'pc', directory: 'data' }
const refused = { status: 'digest', detail: '' } as const
const durable = { status: 'durable', detail: '' } as const

/** A batch of these sizes that has come, whose store does as it is told. */
async function arrived(sizes: readonly number[], memory: Buffer = batchBuffers.take()) {
  const payload = memory.subarray(
    0,
    sizes.reduce((sum, size) => sum + size, 0),
  )
  let events: StoreSmallEvents | null = null
  const back: number[] = []
  const told: number[] = []
  const store: Pick<Store, 'receiveAll'> = {
    receiveAll(_, heard) {
      events = heard
    },
  }
  receiveBatch(
    {
      store: store as Store,
      session: { name: 's' },
      answers: {
        spend: () => undefined,
        giveBack: (bytes) => void back.push(bytes),
      },
      sources: {
        declare: () => undefined,
        find: async () => () => source,
        getName: () => 'data',
      },
      answer: ({ id }) => void told.push(id),
    },
    {
      files: sizes.map((size, id): SmallFile => [id, 0, `${id}`, size, [0, 0, 0o644, 0, 0, null], digest]),
      directories: [],
    },
    payload,
  )
  return { payload, back, told, events: await until('it comes to the store', () => events) }
}

test('upload session: the credit of a small file is returned once, when it is written or answered unwritten', async () => {
  const { back, told, events } = await arrived([300 * KIB, 0, 200 * KIB, 500 * KIB])
  events.onWritten(0)
  events.onStored(1, { ...durable, position: 1 })
  events.onStored(2, refused)
  events.onWritten(3)
  events.onStored(3, { ...durable, position: 2 })
  events.onStored(0, { ...durable, position: 2 })
  expect(back.filter((bytes) => bytes > 0)).toEqual([300 * KIB, 200 * KIB, 500 * KIB])
  expect(told).toEqual([1, 2, 3, 0])
})
