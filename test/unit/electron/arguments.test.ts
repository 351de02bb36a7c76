import { expect, test } from 'vitest'
import { argumentsAgain, isHidden, parseDirectories } from '../../../electron/main/arguments.ts'

test.each([
  { isPackaged: false, argv: ['/electron', '--no-sandbox', '/holdfast', '--hidden', '/a'] },
  { isPackaged: true, argv: ['/opt/holdfast', '--no-sandbox', '--hidden', '/a'] },
])('relaunch: keeps switches, replaces directories, drops --hidden (packaged: $isPackaged)', (started) => {
  const { argv, isPackaged } = started
  const again = [argv[0] ?? '', ...argumentsAgain(argv, isPackaged, ['/b', '/c'])]
  expect(parseDirectories(again, isPackaged)).toEqual(['/b', '/c'])
  expect(again).toContain('--no-sandbox')
  expect(isHidden(argv)).toBe(true)
  expect(isHidden(again)).toBe(false)
  expect(again.includes('/holdfast')).toBe(!isPackaged)
})

test('command-line directories: a pairing link is not a directory, a file URL is one', () => {
  const words = ['/opt/holdfast', 'holdfast://nas:1?code=x', 'file:///a%20b', '/c']
  expect(parseDirectories(words, true)).toEqual(['/a b', '/c'])
})
