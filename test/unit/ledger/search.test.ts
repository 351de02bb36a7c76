import { expect, test } from 'vitest'
import { message } from '../../../core/lib/i18n/message.ts'
import { file, open } from '../../support/store/ledger.ts'

test('file search: files are found by part of their path, case-insensitive, newest first, in pages', () => {
  const { ledger } = open()
  ledger.offer('d', [file('2026/IMG_1.CR3'), file('notes.txt'), file('2026/img_2.cr3'), file('100%_.txt')])
  const found = (text: string, before: number | null = null, limit = 10) =>
    ledger.files(['d'], { source: null, state: null, before, limit, text })
  expect(found('img_').files.map(({ path }) => path)).toEqual(['2026/img_2.cr3', '2026/IMG_1.CR3'])
  // No pattern: each character is itself.
  expect(found('%_').files.map(({ path }) => path)).toEqual(['100%_.txt'])
  const first = found('.', null, 3)
  expect([first.files.length, first.more]).toEqual([3, true])
  const rest = found('.', first.files.at(-1)?.id ?? null, 3)
  expect([rest.files.map(({ path }) => path), rest.more]).toEqual([['2026/IMG_1.CR3'], false])
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
