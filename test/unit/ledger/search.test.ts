import { expect, test } from 'vitest'
import type { RowPlace } from '../../../core/ledger/ledger.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { file, open } from '../../support/store/ledger.ts'

test('file search: files are found by part of their path, case-insensitive, newest first, in pages', () => {
  const { ledger } = open()
  ledger.offer('d', [file('2026/IMG_1.CR3'), file('notes.txt'), file('2026/img_2.cr3'), file('100%_.txt')])
  const found = (text: string, before: RowPlace | null = null, limit = 10) =>
    ledger.files(['d'], { source: null, state: null, before, limit, text })
  expect(found('img_').files.map(({ path }) => path)).toEqual(['2026/img_2.cr3', '2026/IMG_1.CR3'])
  // No pattern: each character is itself.
  expect(found('%_').files.map(({ path }) => path)).toEqual(['100%_.txt'])
  const first = found('.', null, 3)
  expect(first.files).toHaveLength(3)
  const rest = found('.', first.older, 3)
  expect([rest.files.map(({ path }) => path), rest.older]).toEqual([['2026/IMG_1.CR3'], null])
  expect(found('nothing').files).toEqual([])
})

test('parked files: a single file is retried by its row, only at its own destination', () => {
  const { ledger, take } = open()
  ledger.offer('d', [file('a'), file('b')])
  const reason = message('problem.other', { reason: 'x' })
  for (const due of take()) ledger.park(due, reason)
  const [one] = ledger.files(['d'], { source: null, state: 'parked', before: null, limit: 1 }).files
  const id = one?.id ?? 0
  expect(ledger.unparkRow('other', id)).toBe(false)
  expect(ledger.unparkRow('d', id)).toBe(true)
  expect(ledger.unparkRow('d', id)).toBe(false)
  expect(take().map(({ path }) => path)).toEqual([one?.path])
})

test('file pages: a file that was sent again is above all others, and the last file of its source', () => {
  const { ledger, take } = open()
  ledger.offer('d', [file('rewritten'), file('once')])
  const [rewritten, once] = take()
  if (rewritten === undefined || once === undefined) throw new Error('nothing due')
  ledger.markSent([{ ...rewritten, mark: false }], 1_000)
  ledger.markSent([{ ...once, mark: false }], 2_000)
  const list = () =>
    ledger
      .files(['d'], { source: null, state: 'sent', before: null, limit: 10 })
      .files.map(({ path }) => path)
  expect(list()).toEqual(['once', 'rewritten'])
  ledger.offer('d', [file('rewritten', { size: 11 })])
  ledger.markSent(
    take().map((due) => ({ ...due, mark: false })),
    3_000,
  )
  expect(list()).toEqual(['rewritten', 'once'])
})
