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

describe('a directory that somebody wants to protect', () => {
  it('is taken if it is a readable directory', () => expect(refusal({})).toBeUndefined())
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
  ])('is refused with a sentence: %j', (facts, key) => expect(refusal(facts)).toBe(key))

  it.each([
    ['/data/photos', 'refuse.already'],
    ['/data', 'refuse.insideSource'],
    ['/', 'refuse.insideSource'],
    ['/data/photos/2026', 'refuse.aroundSource'],
    ['/data/photos2', undefined],
  ])('is compared with the source %s', (source, key) => expect(refusal({}, [source])).toBe(key))

  it('is not said to be missing where bytes of its name are not UTF-8', () => {
    const unnamed = Buffer.from('/data/d\xe9p', 'latin1').toString()
    expect(catchRefusal(() => acceptPath(unnamed, { ...directory, real: null, kind: null }))).toBe(
      'refuse.notUtf8',
    )
  })

  it('may be a file if it is only checked', () => {
    expect(catchRefusal(() => acceptPath('/data/disk.img', { ...directory, kind: 'file' }))).toBeUndefined()
  })
})

describe('sources of a settings file that was edited by hand', () => {
  it('do not run where they overlap, or would copy the copies', () => {
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

describe('a folder that files are to be sent to', () => {
  it.each([
    ['/data/photos', undefined],
    ['/data/photos/inner', undefined],
    ['/data', 'refuse.folderSource'],
    ['/data/source', 'refuse.folderSource'],
    ['/data/source/inner', 'refuse.folderSource'],
    ['/var', 'refuse.folderStore'],
    ['/var/holdfast/store', 'refuse.folderStore'],
    ['/var/holdfast/store/x', 'refuse.folderStore'],
  ])('%s: %s', (real, key) => {
    const taken = { ...nothingTaken, sources: [{ path: '/data/source', name: 'source' }] }
    expect(catchRefusal(() => acceptFolder(real, { ...directory, real }, taken))).toBe(key)
  })
})
