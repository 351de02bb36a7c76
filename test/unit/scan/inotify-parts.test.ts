import { describe, expect, test } from 'vitest'
import type { FileFacts } from '../../../core/scan/tree/facts.ts'
import type { FromThread } from '../../../core/scan/watch/inotify.ts'
import { Outbox } from '../../../core/scan/watch/inotify-outbox.ts'
import { until } from '../../support/until.ts'

const file = (path: string, more: Partial<FileFacts> = {}): FileFacts => ({
  path,
  size: 1,
  mtimeNs: 1n,
  ctimeNs: 1n,
  inode: 1n,
  device: 1n,
  mode: 0o100644,
  ...more,
})

const WATCH = 3

describe('reports', () => {
  const open = () => {
    const sent: string[][] = []
    const post = (message: FromThread) => {
      if (message.type === 'files') sent.push(message.finished.map(({ path }) => path))
    }
    return { sent, outbox: new Outbox(post) }
  }

  test('gather while the last one is not dealt with, and for a moment behind it', async () => {
    const { sent, outbox } = open()
    outbox.finished(1, file('a'), WATCH)
    outbox.flushWhenTaken()
    outbox.finished(1, file('b'), WATCH)
    outbox.flushWhenTaken()
    outbox.finished(1, file('c'), WATCH)
    outbox.flushWhenTaken()
    expect(sent).toEqual([['a']])
    expect(outbox.nextFlush).toBe(Number.POSITIVE_INFINITY)
    outbox.taken()
    expect(outbox.nextFlush).toBeLessThan(Number.POSITIVE_INFINITY)
    await until('the others', () => {
      outbox.flushWhenTaken()
      return sent.length > 1
    })
    expect(sent).toEqual([['a'], ['b', 'c']])
  })

  test('a full one goes at once, and eight that nobody deals with hold the thread back', () => {
    const { sent, outbox } = open()
    for (let one = 0; one < 7 * 256; one += 1) outbox.finished(1, file(`f${one}`), WATCH)
    expect(outbox.hasRoom).toBe(true)
    for (let one = 0; one < 256; one += 1) outbox.finished(1, file(`g${one}`), WATCH)
    expect(sent.map(({ length }) => length)).toEqual(Array(8).fill(256))
    expect(outbox.hasRoom).toBe(false)
    outbox.taken()
    expect(outbox.hasRoom).toBe(true)
  })

  test('thousands of files are known', () => {
    const { outbox } = open()
    outbox.finished(1, file('first'), WATCH)
    for (let one = 0; one < 8_000; one += 1) outbox.finished(1, file(`f${one}`), WATCH)
    outbox.finished(1, file('last'), WATCH)
    expect(outbox.hasReportedUnder(1, WATCH, 'first')).toBe(true)
    expect(outbox.hasReportedUnder(1, WATCH, 'last')).toBe(true)
  })

  test('a file that an event brought is known under its directory’s watch, not under another one’s', () => {
    const { outbox } = open()
    outbox.finished(1, file('told'), 7)
    outbox.finished(1, file('without'), -1)
    expect(outbox.hasReportedUnder(1, 7, 'told')).toBe(true)
    // The watch of a directory that another tree shows, too, has the same number.
    expect(outbox.hasReportedUnder(2, 7, 'told')).toBe(false)
    expect(outbox.hasReportedUnder(1, 8, 'told')).toBe(false)
    expect(outbox.hasReportedUnder(1, 7, 'other')).toBe(false)
    expect(outbox.hasReportedUnder(1, -1, 'without')).toBe(false)
  })
})
