import { describe, expect, test } from 'vitest'
import type { ScannedFile } from '../../../core/walk/scanned-file.ts'
import { type FoundFiles, Outbox } from '../../../core/watch/inotify-examiner.ts'
import { until } from '../../support/until.ts'

const file = (path: string, more: Partial<ScannedFile> = {}): ScannedFile => ({
  path,
  size: 1,
  mtimeNs: 1n,
  ctimeNs: 1n,
  inode: 1n,
  device: 1n,
  mode: 0o100644,
  ...more,
})

describe('inotify outbox', () => {
  const open = () => {
    const sent: string[][] = []
    const post = ({ finished }: FoundFiles) => void sent.push(finished.map(({ path }) => path))
    return { sent, outbox: new Outbox(post) }
  }

  test('files collect until the last report is acknowledged, and for a moment after it', async () => {
    const { sent, outbox } = open()
    outbox.add('finished', file('a'))
    outbox.flushWhenTaken()
    outbox.add('finished', file('b'))
    outbox.flushWhenTaken()
    outbox.add('finished', file('c'))
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

  test('a report of 256 files is sent at once, and eight unacknowledged reports leave no room', () => {
    const { sent, outbox } = open()
    for (let one = 0; one < 7 * 256; one += 1) outbox.add('finished', file(`f${one}`))
    expect(outbox.hasRoom).toBe(true)
    for (let one = 0; one < 256; one += 1) outbox.add('finished', file(`g${one}`))
    expect(sent.map(({ length }) => length)).toEqual(Array(8).fill(256))
    expect(outbox.hasRoom).toBe(false)
    outbox.taken()
    expect(outbox.hasRoom).toBe(true)
  })
})
