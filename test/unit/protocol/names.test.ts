import { describe, expect, test } from 'vitest'
import { findNameFault, folderName, toLocalName } from '../../../core/protocol/names.ts'
import { formatPairingCode, newSecret, parsePairingCode } from '../../../core/protocol/pairing-code.ts'

describe('file names', () => {
  test.each([
    ['a', null],
    ['a/b/c.txt', null],
    ['with space: and "quotes"\n', null],
    ['back\\slash', null],
    ['...', null],
    ['..a/b..', null],
    ['一'.repeat(85), null],
    [`${`${'d'.repeat(15)}/`.repeat(255)}${'f'.repeat(16)}`, null],
    [`${`${'d'.repeat(15)}/`.repeat(255)}${'f'.repeat(17)}`, 'long'],
    [`${'d/'.repeat(255)}f`, null],
    [`${'d/'.repeat(256)}f`, 'long'],
    ['', 'empty'],
    ['a//b', 'empty'],
    ['a/', 'empty'],
    ['.', 'dots'],
    ['..', 'dots'],
    ['a/../b', 'dots'],
    ['a/./b', 'dots'],
    ['/a', 'absolute'],
    ['//a', 'absolute'],
    ['a\0b', 'nul'],
    ['x'.repeat(256), 'long'],
    ['一'.repeat(86), 'long'],
    ['.holdfast/senders.json', null],
    ['lone \ud800 surrogate', 'characters'],
  ])('%j on Linux has the fault: %s', (name, fault) => {
    expect(findNameFault(name, 'linux')).toBe(fault)
  })

  test.each([
    ['a\\b', 'characters'],
    ['C:', 'characters'],
    ['file:stream', 'characters'],
    ['ends.', 'characters'],
    ['ends ', 'characters'],
    ['tab\there', 'characters'],
    ['con', 'reserved'],
    ['a/LPT1.txt', 'reserved'],
    ['console', null],
  ])('%j on Windows has the fault: %s', (name, fault) => {
    expect(findNameFault(name, 'win32')).toBe(fault)
  })
})

test.each([
  ['plain.dat', 'plain.dat'],
  ['12:30 *?.dat', '12%3A30 %2A%3F.dat'],
  ['a\\..\\b', 'a%5C..%5Cb'],
  ['ends.', 'ends%2E'],
  ['tab\t|"<>', 'tab%09%7C%22%3C%3E'],
  ['con.txt', '%63on.txt'],
  ['資料 🎉', '資料 🎉'],
])('restored names: Windows has %j as %j', (name, local) => {
  expect(toLocalName(name, 'win32')).toBe(local)
  expect(findNameFault(local, 'win32')).toBeNull()
  expect(toLocalName(name, 'linux')).toBe(name)
})

test.each([
  ['Photos', 'Photos'],
  ['a/b\\c:d', 'a_b_c_d'],
  ['..', '_'],
  [' .hidden. ', 'hidden'],
  ['con', '_con'],
  ['資料', '資料'],
  ['x'.repeat(300), 'x'.repeat(200)],
  ['tab\t', 'tab_'],
])('folder names: the name %j becomes the valid folder name %j', (name, folder) => {
  expect(folderName(name)).toBe(folder)
  expect(findNameFault(folderName(name), 'win32')).toBeNull()
})

describe('pairing codes', () => {
  const code = {
    host: '192.0.2.1',
    port: 7766,
    code: 'abc123',
    fingerprint: 'a'.repeat(64),
    name: 'Büro & Lager',
  }

  test.each([code, { ...code, host: '2001:db8::1' }, { ...code, host: 'nas.example' }])(
    'a pairing code for host $host is parsed back unchanged',
    (one) => {
      expect(parsePairingCode(`  ${formatPairingCode(one)}\n`)).toEqual(one)
    },
  )

  test.each(['', 'abc', 'holdfast://', 'holdfast://h:1', 'https://h:1?code=a', 'holdfast://h:99999?code=a'])(
    '%j is rejected as not a pairing code',
    (text) => {
      expect(() => parsePairingCode(text)).toThrow(/not a pairing code/)
    },
  )

  test('a code with an invalid fingerprint is rejected', () => {
    expect(() => parsePairingCode(formatPairingCode({ ...code, fingerprint: 'xyz' }))).toThrow()
  })

  test('100 new secrets are all different and have 20 characters each', () => {
    const secrets = new Set(Array.from({ length: 100 }, newSecret))
    expect(secrets.size).toBe(100)
    for (const secret of secrets) expect(secret).toMatch(/^[0-9a-z]{20}$/)
  })
})
