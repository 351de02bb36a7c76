import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { digestOf, factsOf } from '../../support/file-facts.ts'
import { openLarge, sendLarge } from '../../support/large-files.ts'
import { until } from '../../support/until.ts'

const linkOf = (link: string): string => {
  try {
    return fs.readlinkSync(link)
  } catch {
    return ''
  }
}

describe('a large file that another connection still has', () => {
  const bytes = randomBytes(3 * 1024 * 1024 + 77)

  test('is taken over from a connection that is not known to be dead', async () => {
    const { store, kept } = openLarge()
    const dead = store.begin(factsOf('a', bytes.length), '1')
    await dead.write(bytes.subarray(0, 1_000_000))
    expect(await sendLarge(store, 'a', bytes)).toEqual({ offset: 1_000_000, status: 'durable' })
    expect(dead.refused).toEqual({ status: 'aborted', detail: '' })
    await dead.write(bytes)
    expect((await dead.finish(digestOf(bytes))).status).toBe('aborted')
    expect(kept()).toEqual([])
  })

  test('is taken over also when as many as may be written at a time are, while all of them are written', async () => {
    const { store } = openLarge()
    const names = Array.from({ length: 64 }, (_, index) => `f${index}`)
    const beginOne = (name: string) => store.begin(factsOf(name, 40 * 1024), '1')
    const before = names.map(beginOne)
    await Promise.all(before.map(({ offset }) => offset))
    // More than is written in one call: the second call comes after the first step of who takes it over.
    for (const file of before)
      for (let count = 0; count < 20; count += 1) void file.write(bytes.subarray(0, 1024))
    const after = names.map(beginOne)
    expect(await Promise.all(after.map(({ offset }) => offset))).toEqual(names.map(() => 20 * 1024))
    expect(before.map(({ refused }) => refused?.status)).toEqual(names.map(() => 'aborted'))
    const last = bytes.subarray(0, 1024)
    const another = store.begin({ ...factsOf('another', last.length), folder: 'other' })
    void another.write(last)
    expect(await another.finish(digestOf(last))).toMatchObject({ status: 'durable' })
  })

  test('is taken over while its end is being made durable: one of the two stores it', async () => {
    const { store, kept, stored } = openLarge()
    const first = store.begin(factsOf('a', bytes.length), '1')
    void first.write(bytes)
    const [one, other] = await Promise.all([first.finish(digestOf(bytes)), sendLarge(store, 'a', bytes)])
    expect([one.status, other.status].filter((status) => status === 'durable')).not.toEqual([])
    expect(Object.keys(stored())).toEqual(['a'])
    expect(kept()).toEqual([])
  })

  test.skipIf(process.platform !== 'linux')(
    'is taken over when all of it has come and it waits for its name: not a byte is sent again',
    async () => {
      const { root, store, kept, stored } = openLarge()
      const first = store.begin(factsOf('a', bytes.length), '1')
      await first.write(bytes)
      let release: () => void = () => undefined
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      void store.alone(['pc', 'data', 'a'], () => held)
      const one = first.finish(digestOf(bytes))
      const partial = path.join(root, '.holdfast', 'partial')
      const isOpen = (fd: string) => linkOf(`/proc/self/fd/${fd}`).startsWith(partial)
      await until('it is whole and closed', () => !fs.readdirSync('/proc/self/fd').some(isOpen))
      const second = store.begin(factsOf('a', bytes.length), '1')
      expect(await second.offset).toBe(bytes.length)
      release()
      expect(await one).toMatchObject({ status: 'durable' })
      expect(await second.finish(digestOf(bytes))).toMatchObject({ status: 'same' })
      expect([Object.keys(stored()), kept()]).toEqual([['a'], []])
    },
  )
})
