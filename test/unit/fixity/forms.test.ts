import { describe, expect, test } from 'vitest'
import { formatBagLine, formatSumLine, parseBagLine, parseSumLine } from '../../../core/fixity/forms.ts'

const digest = 'ab'.repeat(32)
const NAMES = [
  'plain',
  'with space ',
  'back\\slash',
  'line\nbreak',
  'carriage\rreturn',
  '100%',
  '%0A',
  'café/資料',
  '\\n',
  '*star',
]

describe('manifest lines', () => {
  test.each(NAMES)('%j is the same after formatting and parsing', (path) => {
    const strip = (line: string) => line.slice(0, -1)
    expect(parseSumLine(strip(formatSumLine({ path, digest })))).toEqual({ kind: 'sha256', path, digest })
    expect(parseBagLine(strip(formatBagLine({ path, digest })))).toEqual({ kind: 'sha256', path, digest })
  })

  test('sums are escaped as GNU coreutils does, bags as RFC 8493 says', () => {
    expect(formatSumLine({ path: 'a\\b\nc', digest })).toBe(`\\${digest}  a\\\\b\\nc\n`)
    expect(formatBagLine({ path: 'a\\b\nc%', digest })).toBe(`${digest}  data/a\\b%0Ac%25\n`)
  })

  test('lines of other programs are read: binary mark, upper case, "./", MD5', () => {
    expect(parseSumLine(`${digest.toUpperCase()} *./below/a`)).toEqual({
      kind: 'sha256',
      path: 'below/a',
      digest,
    })
    expect(parseSumLine(`${'0'.repeat(32)}  a`)).toMatchObject({ kind: 'md5' })
    expect(parseBagLine(`${digest}\tdata/a%0d`)).toEqual({ kind: 'sha256', path: 'a\r', digest })
  })

  test.each(['', '# comment', `${digest}`, `${digest.slice(1)}  a`, `${digest}  `, 'a'])(
    '%j is no line',
    (line) => {
      expect(parseSumLine(line)).toBeNull()
      expect(parseBagLine(line)).toBeNull()
    },
  )
})
