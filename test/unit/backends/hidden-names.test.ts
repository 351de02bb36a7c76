import { expect, test, vi } from 'vitest'
import { decryptLibrary } from '../../../core/backends/encrypted/encrypted-library.ts'
import {
  deriveNameKey,
  hiddenPath,
  hiddenSource,
  isNameKeyFile,
  nameKeyFile,
  nameKeysIn,
  nameKeyText,
  shownPath,
  shownSource,
} from '../../../core/backends/encrypted/names.ts'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const key = deriveNameKey({ key: 'the key of a computer' }, 'age1recipient')

test('hidden names: a path and a key always give the same hidden path', () => {
  expect(hiddenPath(key, 'a/b')).toBe('06smhO93ube1zzMZL6BN7ow/mnFoDEvEdRt8-9ZoncdO0Bo')
})

test('hidden names: a hidden path can be restored, and equal names in two directories differ', () => {
  for (const path of ['a', 'a/b/c', '測試/檔案', 'line\nbreak', ' ', 'x'.repeat(172), '-'])
    expect(shownPath(key, hiddenPath(key, path))).toBe(path)
  const [inOne, inOther] = ['one/IMG.jpg', 'two/IMG.jpg'].map((path) => hiddenPath(key, path).split('/')[1])
  expect(inOne).not.toBe(inOther)
  expect(shownPath(key, inOne ?? '', 'one')).toBe('IMG.jpg')
  expect(`${hiddenPath(key, 'x'.repeat(172))}.age`).toHaveLength(255)
})

test('hidden names: a name of another key, from another directory or never hidden is returned unchanged', () => {
  const other = deriveNameKey({ key: 'the key of a computer' }, 'age1another')
  const hidden = hiddenPath(key, 'one/IMG.jpg')
  const moved = hidden.split('/')[1] ?? ''
  expect(shownPath(other, hidden)).toBe(hidden)
  expect(shownPath(key, moved, 'two')).toBe(moved)
  for (const plain of ['IMG.jpg', 'a', 'a long name that is no name that was hidden']) {
    expect(shownPath(key, plain)).toBe(plain)
    expect(shownSource(key, plain)).toBeNull()
  }
})

test('hidden names: a source name can be restored, also with the suffix "-2", a long one shortened', () => {
  expect(shownSource(key, `${hiddenSource(key, 'photos')}-2`)).toBe('photos')
  const long = hiddenSource(key, '照'.repeat(100))
  expect(long.length).toBeLessThan(200)
  expect(shownSource(key, long)).toBe('照'.repeat(40))
})

test('hidden names: the key can be read back from its file', () => {
  expect(isNameKeyFile(nameKeyFile(key))).toBe(true)
  expect(nameKeysIn(nameKeyText(key))).toEqual([Buffer.from(key)])
  expect(nameKeysIn('no key')).toEqual([])
})

test('hidden names: counts of a directory are asked for by its hidden names, and not at a destination without them', async () => {
  const identityDirectory = temporaryDirectory('hidden-counts')
  const own = deriveNameKey(await loadIdentity(identityDirectory), 'age1recipient')
  const counts = vi.fn(async () => ({ counts: [], next: null }))
  const open = (more: object) =>
    decryptLibrary(
      { folders: async () => [{ name: hiddenSource(own, 'data'), source: 's' }], ...more } as never,
      { recipient: 'age1recipient', hideNames: true },
      { identityDirectory, key: null } as never,
      async () => [],
    )
  const library = await open({ counts })
  await library.counts?.({ folder: 'data', path: 'a/b', after: '1' })
  expect(counts).toHaveBeenLastCalledWith({
    ...{ folder: hiddenSource(own, 'data'), path: hiddenPath(own, 'a/b'), after: '1' },
  })
  await library.counts?.({ folder: null, path: null, after: null })
  expect(counts).toHaveBeenLastCalledWith({ folder: null, path: null, after: null })
  const other = await open({})
  expect(await other.counts?.({ folder: 'data', path: null, after: null })).toBeNull()
})
