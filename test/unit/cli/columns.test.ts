import { expect, test } from 'vitest'
import { countCells, cutTo, padded, tableLines } from '../../../cli/terminal/columns.ts'

test.each([
  ['abc', 3],
  ['資料夾', 6],
  ['（已滿）', 8],
  ['ｱ', 1],
  ['한', 2],
  ['e\u0301', 1],
  ['– →', 3],
  ['𠮷', 2],
])('terminal columns: %s takes %i cells', (text, cells) => expect(countCells(text)).toBe(cells))

test('terminal columns: each column of a table begins at the same cell in every row', () => {
  const rows = tableLines([
    ['名稱', '狀態', '資料夾'],
    ['pc', '正常', 'pc'],
    ['相機一', 'ok', '相機一'],
  ])
  expect(rows).toEqual(['名稱    狀態  資料夾', 'pc      正常  pc', '相機一  ok    相機一'])
})

test('terminal columns: text is cut and padded at the end of a wide character', () => {
  expect(cutTo('約需 5 秒', 4)).toBe('約需')
  expect(cutTo('約需 5 秒', 3)).toBe('約')
  expect(cutTo('short', 80)).toBe('short')
  expect(padded('目前', 6)).toBe('目前  ')
})
