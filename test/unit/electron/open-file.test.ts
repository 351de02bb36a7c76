import path from 'node:path'
import { expect, test } from 'vitest'
import { isInside } from '../../../electron/main/open-file.ts'

test.each([
  ['D:\\data', 'D:\\data\\2026\\x.txt', true],
  ['D:\\data', 'd:\\Data\\x.txt', true],
  ['D:\\', 'D:\\x.txt', true],
  ['D:\\data', 'D:\\data', true],
  ['D:\\data', 'D:\\data\\..x.txt', true],
  ['D:\\data', 'D:\\database\\x.txt', false],
  ['D:\\data', 'D:\\', false],
  ['D:\\data', 'C:\\x.txt', false],
  ['\\\\nas\\data', '\\\\nas\\other\\x.txt', false],
])('confinement: on Windows %s contains %s: %s', (root, file, inside) => {
  expect(isInside(file, root, path.win32)).toBe(inside)
})

test.each([
  ['/', '/x.txt', true],
  ['/data', '/data/..x.txt', true],
  ['/data', '/database/x.txt', false],
  ['/data/inner', '/data', false],
])('confinement: on Linux %s contains %s: %s', (root, file, inside) => {
  expect(isInside(file, root, path.posix)).toBe(inside)
})
