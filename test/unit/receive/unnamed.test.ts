import { describe, expect, test } from 'vitest'
import { ANYWHERE, openNameFile } from '../../../core/receive/bulk/unnamed.ts'

/** A kernel that names a file by its descriptor alone, or does not; `gone`: no directory is there. */
function kernel({ byDescriptor, gone = false }: { byDescriptor: boolean; gone?: boolean }) {
  const calls: string[] = []
  const link = (from: number, name: string, directory: number, to: string): string | null => {
    calls.push(`${from} ${name} ${directory} ${to}`)
    if (gone || (name === '' && !byDescriptor)) return 'ENOENT'
    return to === 'taken' ? 'EEXIST' : null
  }
  return { calls, link }
}

describe('the name of a file without one', () => {
  test('is given by its descriptor where the kernel lets it', () => {
    const { calls, link } = kernel({ byDescriptor: true })
    const name = openNameFile(link)
    expect([name(7, 5, 'a'), name(8, 5, 'taken'), name(9, ANYWHERE, '/b')]).toEqual([null, 'EEXIST', null])
    expect(calls).toEqual(['7  5 a', '8  5 taken', '9  -100 /b'])
  })

  test('is given through /proc where it does not, from the second file on at once', () => {
    const { calls, link } = kernel({ byDescriptor: false })
    const name = openNameFile(link)
    expect([name(7, 5, 'a'), name(8, 5, 'taken')]).toEqual([null, 'EEXIST'])
    expect(calls).toEqual(['7  5 a', '-100 /proc/self/fd/7 5 a', '-100 /proc/self/fd/8 5 taken'])
  })

  test('a directory that is gone is no reason to change the way', () => {
    const { calls, link } = kernel({ byDescriptor: true, gone: true })
    const name = openNameFile(link)
    expect([name(7, 5, 'a'), name(8, 5, 'b')]).toEqual(['ENOENT', 'ENOENT'])
    expect(calls.filter((call) => call.startsWith('8 '))).toHaveLength(1)
  })
})
