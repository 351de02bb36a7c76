import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { createSemaphore } from '../../../core/pacing/semaphore.ts'
import { digestOf, factsOf } from '../../support/file-facts.ts'
import { beginLarge, openAt, openLarge, sendLarge } from '../../support/large-files.ts'
import { until } from '../../support/until.ts'

const told = (bytes: Buffer) => `${bytes.length} ${digestOf(bytes).toString('hex')}`

/** Whether this process has a file open below this directory. */
function isAnyOpen(directory: string): boolean {
  return fs.readdirSync('/proc/self/fd').some((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory)
    } catch {
      return false
    }
  })
}

describe('what waits to be gone on with is bounded', () => {
  test('is not opened before it is its turn, and never when its connection is gone by then', async () => {
    const { store } = openLarge()
    const bytes = randomBytes(1000)
    const turns = createSemaphore(1)
    const [first, second, third] = ['a', 'b', 'c'].map((name) =>
      store.begin(factsOf(name, bytes.length), '1', turns),
    )
    expect(await first?.offset).toBe(0)
    let isOpen = false
    void second?.offset.then(() => {
      isOpen = true
    })
    const gone = third?.abort(true)
    await first?.write(bytes)
    expect(isOpen).toBe(false)
    expect(await first?.finish(digestOf(bytes))).toMatchObject({ status: 'durable' })
    expect(await second?.offset).toBe(0)
    await second?.abort()
    await gone
    expect([await third?.offset, turns.available]).toEqual([null, 1])
  })

  test('64 of a sender, the oldest goes first', async () => {
    const { store, kept } = openLarge()
    const bytes = randomBytes(1000)
    for (let index = 0; index < 70; index += 1) await beginLarge(store, `f${index}`, bytes, 10 + index)
    expect(kept()).toHaveLength(64)
    expect(await beginLarge(store, 'f0', bytes, 1)).toBe(0)
    expect(await beginLarge(store, 'f69', bytes, 1)).toBe(79)
  })

  test('it counts against its sender’s quota, and goes where it is in the way', async () => {
    const { store, kept } = openLarge({ quota: { each: { bytes: 5000, files: null }, of: {} } })
    const large = randomBytes(4000)
    const small = randomBytes(3000)
    await beginLarge(store, 'large', large, 3000)
    const attempt = () => store.receive(factsOf('small', small.length), small, digestOf(small))
    expect((await attempt()).status).toBe('full')
    await until('it is removed', () => kept().length === 0)
    expect((await attempt()).status).toBe('durable')
  })

  test.runIf(process.platform === 'linux')(
    'it counts until what is made of it is stored, or is not',
    async () => {
      const { root, store, kept } = openLarge({ quota: { each: { bytes: 5000, files: null }, of: {} } })
      const large = randomBytes(4000)
      const small = randomBytes(1500)
      const sendSmall = (name: string) => store.receive(factsOf(name, small.length), small, digestOf(small))
      await beginLarge(store, 'a', large, 3000)
      let release: () => void = () => undefined
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      let isItsTurn = false
      void store.alone(['pc', 'data', 'a'], async () => {
        isItsTurn = true
        await held
      })
      await until('nobody else can put it in its place', () => isItsTurn)
      const finished = sendLarge(store, 'a', large)
      await until('all of it has come', () => kept().includes(told(large)))
      await until(
        'it is closed, and waits for its place',
        () => !isAnyOpen(path.join(root, '.holdfast', 'partial')),
      )
      expect((await sendSmall('small')).status).toBe('full')
      release()
      expect((await finished).status).toBe('durable')
      expect((await sendSmall('small')).status).toBe('durable')
      await beginLarge(store, 'below/b', large, 3000)
      fs.symlinkSync('/', path.join(root, 'pc', 'data', 'below'))
      expect((await sendLarge(store, 'below/b', large)).status).toBe('name')
      expect([kept(), (await sendSmall('another')).status]).toEqual([[], 'durable'])
    },
  )

  test('it waits for room, also while another connection asks for that', async () => {
    const quota = (bytes: number) => ({ quota: { each: { bytes, files: null }, of: {} } })
    const { root, store, kept } = openLarge(quota(5000))
    const bytes = randomBytes(4000)
    await beginLarge(store, 'a', bytes, 3000)
    await store.close()
    const tight = openAt(root, quota(3500))
    const begin = () => tight.begin(factsOf('a', bytes.length), '1')
    const [first, second] = [begin(), begin()]
    expect([await first.offset, await second.offset]).toEqual([null, null])
    expect(second.refused).toMatchObject({ status: 'full' })
    await Promise.all([first.abort(true), second.abort(true)])
    expect(kept()).toHaveLength(1)
    await tight.close()
    expect(await sendLarge(openAt(root, quota(5000)), 'a', bytes)).toEqual({
      offset: 3000,
      status: 'durable',
    })
  })

  test('what could not have room without it, too, costs nobody anything', async () => {
    const { store, kept } = openLarge({ quota: { each: { bytes: 5000, files: null }, of: {} } })
    await beginLarge(store, 'large', randomBytes(4000), 3000)
    for (const size of [6000, 2 ** 52]) {
      const file = store.begin({ ...factsOf('larger', size), folder: size > 6000 ? 'other' : 'pc' }, '1')
      await file.offset
      expect(file.refused?.status).toBe('full')
      await file.abort()
    }
    await new Promise(setImmediate)
    expect(kept()).toHaveLength(1)
  })

  test('the sender’s own go first, then the oldest, and no more than are in the way', async () => {
    const { store, kept } = openLarge({ quota: { each: { bytes: 5000, files: null }, of: {} } })
    const bytes = randomBytes(2000)
    for (const name of ['oldest', 'older', 'newest']) await beginLarge(store, name, bytes, 1000)
    const small = randomBytes(3500)
    expect((await store.receive(factsOf('small', small.length), small, digestOf(small))).status).toBe('full')
    await until('two are removed', () => kept().length === 1)
    expect(await beginLarge(store, 'newest', bytes, 1)).toBe(1000)
  })
})
