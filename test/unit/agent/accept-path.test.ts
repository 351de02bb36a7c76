import { describe, expect, it } from 'vitest'
import {
  acceptFolder,
  acceptPath,
  acceptSource,
  type LookedAt,
  refusedSources,
} from '../../../core/agent/accept-path.ts'
import { toSentence } from '../../../core/lib/i18n/user-error.ts'

const directory: LookedAt = {
  real: '/data/photos',
  kind: 'directory',
  readable: true,
  store: null,
  code: null,
}
const nothingTaken = { sources: [], stores: ['/var/holdfast/store'] }

function catchRefusal(act: () => void): string | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    return toSentence(error).key
  }
}

function refusal(facts: Partial<LookedAt>, sources: string[] = []): string | undefined {
  const taken = { ...nothingTaken, sources: sources.map((path) => ({ path, name: path })) }
  return catchRefusal(() => acceptSource('/data/photos', { ...directory, ...facts }, taken))
}

describe('source path', () => {
  it('a readable directory is accepted', () => expect(refusal({})).toBeUndefined())
  it.each([
    [{ real: null, kind: null, readable: false }, 'refuse.missing'],
    [{ kind: 'file' as const }, 'refuse.notDirectory'],
    [{ readable: false }, 'refuse.unreadable'],
    [{ real: null, code: 'EIO' }, 'refuse.cannotLook'],
    [{ real: '/var/holdfast' }, 'refuse.containsStore'],
    [{ real: '/var/holdfast/store' }, 'refuse.isStore'],
    [{ real: '/' }, 'refuse.containsStore'],
    [{ real: '/var/holdfast/store/a' }, 'refuse.insideStore'],
    [{ store: '/data/photos' }, 'refuse.isStore'],
    [{ store: '/data' }, 'refuse.insideStore'],
  ])('an unsuitable path is refused with a message for its fault: %j', (facts, key) =>
    expect(refusal(facts)).toBe(key),
  )

  it.each([
    ['/data/photos', 'refuse.already'],
    ['/data', 'refuse.insideSource'],
    ['/', 'refuse.insideSource'],
    ['/data/photos/2026', 'refuse.aroundSource'],
    ['/data/photos2', undefined],
  ])('a path is refused only where it overlaps an existing source: %s, %s', (source, key) =>
    expect(refusal({}, [source])).toBe(key),
  )

  it('a missing path whose name is not UTF-8 is refused as such, not as missing', () => {
    const unnamed = Buffer.from('/data/d\xe9p', 'latin1').toString()
    expect(catchRefusal(() => acceptPath(unnamed, { ...directory, real: null, kind: null }))).toBe(
      'refuse.notUtf8',
    )
  })

  it('a file is accepted as a path that is only checked', () => {
    expect(catchRefusal(() => acceptPath('/data/disk.img', { ...directory, kind: 'file' }))).toBeUndefined()
  })
})

describe('hand-edited settings', () => {
  it('a source that overlaps or repeats an earlier source, or overlaps a store, is refused', () => {
    const source = (path: string) => ({ id: path, path, name: path })
    const paths = ['/data', '/data/inner', '/other', '/var', '/var/holdfast/store/x', '/other']
    const refused = refusedSources(paths.map(source), ['/var/holdfast/store'])
    expect([...refused].map(([id, { key }]) => [id, key])).toEqual([
      ['/data/inner', 'refuse.insideSource'],
      ['/var', 'refuse.containsStore'],
      ['/var/holdfast/store/x', 'refuse.insideStore'],
      ['/other', 'refuse.already'],
    ])
  })
})

describe('folder destination path', () => {
  it.each([
    ['/data/photos', undefined],
    ['/data/photos/inner', undefined],
    ['/data', 'refuse.folderSource'],
    ['/data/source', 'refuse.folderSource'],
    ['/data/source/inner', 'refuse.folderSource'],
    ['/var', 'refuse.folderStore'],
    ['/var/holdfast/store', 'refuse.folderStore'],
    ['/var/holdfast/store/x', 'refuse.folderStore'],
  ])('a folder is refused only where it overlaps a source or a store: %s, %s', (real, key) => {
    const taken = { ...nothingTaken, sources: [{ path: '/data/source', name: 'source' }] }
    expect(catchRefusal(() => acceptFolder(real, { ...directory, real }, taken))).toBe(key)
  })
})
