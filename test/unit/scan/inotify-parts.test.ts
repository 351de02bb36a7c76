import { describe, expect, test } from 'vitest'
import type { FileFacts } from '../../../core/scan/tree/facts.ts'
import type { Looked } from '../../../core/scan/watch/finished.ts'
import { packFiles, unpackFiles } from '../../../core/scan/watch/inotify-columns.ts'
import type { FromThread } from '../../../core/scan/watch/inotify-messages.ts'
import { Outbox } from '../../../core/scan/watch/inotify-outbox.ts'
import { Pace } from '../../../core/scan/watch/inotify-pace.ts'

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

describe('files in columns', () => {
  test('come out as they went in, extremes and odd names too', () => {
    const files = [
      file('a/"b"\n\\'),
      file('繁體/\u{10FFFF}', { size: Number.MAX_SAFE_INTEGER, mode: 0o107777 }),
      file('c', { mtimeNs: -1n, ctimeNs: -2n, inode: 2n ** 64n - 1n, device: 2n ** 64n - 1n }),
      file('d', { mtimeNs: 2n ** 63n - 1n, ctimeNs: 2n ** 63n - 2n, size: 0 }),
    ]
    expect(unpackFiles(structuredClone(packFiles(files)))).toEqual(files)
    expect(unpackFiles(packFiles([]))).toEqual([])
  })
})

describe('the pace of reading', () => {
  test('a lone file is read at once, a burst every millisecond, the next lone file at once', () => {
    const pace = new Pace()
    for (let at = 0; at < 4; at += 1) {
      expect(pace.waitMs(at / 10)).toBe(0)
      pace.read(at / 10)
    }
    expect(pace.waitMs(0.4)).toBe(1)
    expect(pace.waitMs(2.5)).toBe(0)
    pace.read(2.5)
    expect(pace.waitMs(2.6)).toBe(1)
    expect(pace.waitMs(20)).toBe(0)
    pace.read(20)
    expect(pace.waitMs(20)).toBe(0)
  })
})

const WATCH = 3
const looked = (path: string, more: Partial<FileFacts> = {}, ctimeNs = 5n): Looked => ({
  facts: file(path, more),
  ctimeNs,
})

describe('reports', () => {
  const open = () => {
    const sent: string[][] = []
    const post = (message: FromThread) => {
      if (message.type === 'files') sent.push(unpackFiles(message.finished).map(({ path }) => path))
    }
    return { sent, outbox: new Outbox(post) }
  }

  test('gather while the last one is not dealt with', () => {
    const { sent, outbox } = open()
    outbox.finished(1, looked('a'), WATCH)
    outbox.flushWhenTaken()
    outbox.finished(1, looked('b'), WATCH)
    outbox.flushWhenTaken()
    outbox.finished(1, looked('c'), WATCH)
    outbox.flushWhenTaken()
    expect(sent).toEqual([['a']])
    outbox.taken()
    outbox.flushWhenTaken()
    expect(sent).toEqual([['a'], ['b', 'c']])
  })

  test('a full one goes at once, and eight that nobody deals with hold the thread back', () => {
    const { sent, outbox } = open()
    for (let one = 0; one < 7 * 256; one += 1) outbox.finished(1, looked(`f${one}`), WATCH)
    expect(outbox.hasRoom).toBe(true)
    for (let one = 0; one < 256; one += 1) outbox.finished(1, looked(`g${one}`), WATCH)
    expect(sent.map(({ length }) => length)).toEqual(Array(8).fill(256))
    expect(outbox.hasRoom).toBe(false)
    outbox.taken()
    expect(outbox.hasRoom).toBe(true)
  })

  test('the same content is known for thousands of files more; another content is not', () => {
    const { outbox } = open()
    outbox.finished(1, looked('first'), WATCH)
    for (let one = 0; one < 4_000; one += 1) outbox.finished(1, looked(`f${one}`), WATCH)
    outbox.finished(1, looked('last'), WATCH)
    expect(outbox.hasReported(1, looked('first'), WATCH)).toBe(true)
    for (let one = 0; one < 4_000; one += 1) outbox.finished(1, looked(`g${one}`), WATCH)
    expect(outbox.hasReported(1, looked('last'), WATCH)).toBe(true)
    expect(outbox.hasReported(2, looked('last'), WATCH)).toBe(false)
    expect(outbox.hasReported(1, looked('last', { mtimeNs: 2n }), WATCH)).toBe(false)
    outbox.finished(1, looked('last', { mtimeNs: 2n }), WATCH)
    expect(outbox.hasReported(1, looked('last'), WATCH)).toBe(false)
  })

  test('a file that had another name meanwhile is not known, itself or with its directory', () => {
    const { outbox } = open()
    outbox.finished(1, looked('d/a'), WATCH)
    expect(outbox.hasReported(1, looked('d/a', {}, 6n), WATCH)).toBe(false)
    expect(outbox.hasReported(1, looked('d/a'), WATCH + 1)).toBe(false)
    expect(outbox.hasReported(1, looked('d/a'), WATCH)).toBe(true)
  })

  test('a file that an event brought is known under its directory’s watch, not under another one’s', () => {
    const { outbox } = open()
    outbox.finished(1, looked('told'), 7)
    outbox.finished(1, looked('without'), -1)
    expect(outbox.hasReportedUnder(1, 7, 'told')).toBe(true)
    // The watch of a directory that another tree shows, too, has the same number.
    expect(outbox.hasReportedUnder(2, 7, 'told')).toBe(false)
    expect(outbox.hasReportedUnder(1, 8, 'told')).toBe(false)
    expect(outbox.hasReportedUnder(1, 7, 'other')).toBe(false)
    expect(outbox.hasReportedUnder(1, -1, 'without')).toBe(false)
  })
})
