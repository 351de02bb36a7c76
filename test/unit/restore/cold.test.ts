// Cold storage, by a library whose contents thaw when the test has them thaw.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, onTestFinished, test, vi } from 'vitest'
import { COLD, NotReadable } from '../../../core/backends/errors.ts'
import type { Library } from '../../../core/backends/library.ts'
import type { SentFile } from '../../../core/ledger/pages.ts'
import type { ProofSum } from '../../../core/ledger/proofs.ts'
import { UserError } from '../../../core/lib/i18n/user-error.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import { restoreFrom } from '../../../core/restore/restore.ts'
import { verifyLibrary } from '../../../core/restore/verify.ts'
import type { RestoreEvent } from '../../../core/restore/write/events.ts'
import type { StoredContent } from '../../../core/store/query/query.ts'
import type { Finding } from '../../../core/store/verify/findings.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'
import { until } from '../../support/until.ts'

const ALL = { folder: null, path: null, version: null, at: null }

/** @param pageFiles contents in a page of a list. */
function coldLibrary(names: readonly string[], pageFiles = Infinity) {
  const world = {
    names: new Set(names),
    thawed: new Set<string>(),
    /** Questions for everything, and those of them that were answered to the end. */
    listings: 0,
    ended: 0,
    /** All contents that were listed. */
    listed: [] as WeakRef<StoredContent>[],
    opened: [] as string[],
    asking: 0,
    mostAsking: 0,
    /** Called before a content is opened. */
    onOpen: (_name: string): void => undefined,
    /** Called while a content is read. */
    onRead: (_name: string): void => undefined,
  }
  const toContent = (name: string): StoredContent => {
    const bytes = Buffer.from(name)
    const facts = { size: bytes.length, mtimeNs: 0n, mode: 0o644, user: 0, group: 0, more: null }
    return { folder: 'data', path: name, version: '', storedAt: 0, facts, digest: computeDigest(bytes) }
  }
  const library: Library = {
    place: null,
    folders: async () => [{ name: 'data', source: 's' }],
    entries: async () => ({ entries: [], next: null }),
    async contents({ path, after }) {
      if (path === null && after === null) world.listings += 1
      const all = [...world.names].filter((name) => path === null || name === path)
      const from = Number(after)
      const contents = all.slice(from, from + pageFiles).map(toContent)
      world.listed.push(...contents.map((one) => new WeakRef(one)))
      const isEnd = from + pageFiles >= all.length
      if (path === null && isEnd) world.ended += 1
      return { contents, directories: [], strange: 0, next: isEnd ? null : String(from + pageFiles) }
    },
    async open({ path }) {
      world.opened.push(path)
      world.onOpen(path)
      if (!world.names.has(path)) throw new NotReadable('ENOENT')
      if (!world.thawed.has(path)) throw new NotReadable(COLD)
      const { facts, digest } = toContent(path)
      const pieces = async function* () {
        world.onRead(path)
        yield Buffer.from(path)
      }
      return { facts, digest, pieces }
    },
    async thaw() {
      world.asking += 1
      world.mostAsking = Math.max(world.mostAsking, world.asking)
      await new Promise((resolve) => setTimeout(resolve, 1))
      world.asking -= 1
    },
    close: () => undefined,
  }
  return { world, library }
}

async function restoreAll(
  library: Library,
  onEvent: (event: RestoreEvent) => void,
  onProgress = (): void => undefined,
) {
  const to = temporaryDirectory('cold-to')
  const events = { event: async (event: RestoreEvent) => onEvent(event), progress: onProgress }
  const wanted = { choice: ALL, destination: to, conflict: 'leave' as const }
  const summary = await restoreFrom(library, [wanted], events, new AbortController().signal)
  return { summary, tree: Object.keys(readTree(to)).sort() }
}

test('restore of cold contents: several are asked for at a time, and each is followed by progress', async () => {
  const names = Array.from({ length: 100 }, (_, index) => `file-${index}`)
  const { world, library } = coldLibrary(names)
  let told = 0
  let before = 0
  const thaw = library.thaw
  library.thaw = async (content) => {
    if (before === 0) before = told
    await thaw?.(content)
  }
  const { summary } = await restoreAll(
    library,
    ({ kind }) => {
      if (kind !== 'cold') return
      expect(told - before).toBeGreaterThanOrEqual(names.length)
      for (const name of names) world.thawed.add(name)
    },
    () => {
      told += 1
    },
  )
  expect(summary).toMatchObject({ files: names.length, restored: names.length, failed: 0 })
  expect(world.mostAsking).toBeGreaterThan(1)
  expect(world.mostAsking).toBeLessThanOrEqual(32)
})

test.each(['onOpen', 'onRead'] as const)(
  'restore of cold contents: each is looked at once a time without a listing, through a connection that is lost %s, and what is gone failed',
  async (when) => {
    const { world, library } = coldLibrary(['0', 'a', 'b', 'c', 'gone'])
    let listings = 0
    const kinds: string[] = []
    const { summary, tree } = await restoreAll(library, (event) => {
      kinds.push(event.kind)
      if (event.kind !== 'cold') return
      expect(world.opened.sort()).toEqual(['0', 'a', 'b', 'c', 'gone'])
      listings = world.listings
      world.names.delete('gone')
      world.thawed.add('a').add('b').add('c')
      let isCut = false
      world[when] = (name) => {
        if (name !== 'b' || isCut) return
        isCut = true
        world.thawed.add('0')
        throw new UserError('restore.notTold', { name: 'nas', reason: 'ECONNRESET' })
      }
    })
    expect(summary).toMatchObject({ files: 5, restored: 4, failed: 1 })
    expect(tree).toEqual(['data/0', 'data/a', 'data/b', 'data/c'])
    expect(kinds.filter((kind) => kind === 'restored')).toHaveLength(4)
    expect(world.listings).toBe(listings)
  },
  20_000,
)

test('restore of cold contents: each is asked for when it is met, and those that wait take no memory', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const names = Array.from({ length: 1_500 }, (_, index) => `file-${String(index).padStart(4, '0')}`)
  const { world, library } = coldLibrary(names, 100)
  const asked: string[] = []
  /** Listings that had ended at the first request: that of the totals is one. */
  let endedBefore: number | null = null
  const thaw = library.thaw
  library.thaw = async (content) => {
    endedBefore ??= world.ended
    asked.push(content.path)
    await thaw?.(content)
  }
  let waiting = 0
  const opened = new Map<string, number>()
  world.onOpen = (name) => {
    opened.set(name, (opened.get(name) ?? 0) + 1)
    if (opened.get(name) === 3) world.thawed.add(name)
  }
  const to = temporaryDirectory('cold-many')
  const events = {
    async event({ kind, ...one }: RestoreEvent) {
      if (kind !== 'cold' || !('files' in one)) return
      waiting = one.files
      await until('those that wait take no memory', () => {
        collect()
        return world.listed.filter((ref) => ref.deref() !== undefined).length < 400
      })
      for (const name of names.filter((_, index) => index % 20 !== 0)) world.thawed.add(name)
    },
    progress: () => undefined,
  }
  const wanted = { choice: ALL, destination: to, conflict: 'leave' as const }
  const summary = await restoreFrom(library, [wanted], events, new AbortController().signal)
  expect(endedBefore).toBeLessThan(2)
  expect([waiting, asked.length, new Set(asked).size]).toEqual([1_500, 1_500, 1_500])
  expect(world.mostAsking).toBeGreaterThan(1)
  expect(world.mostAsking).toBeLessThanOrEqual(16)
  expect(summary).toMatchObject({ files: 1_500, restored: 1_500, failed: 0 })
  expect(Object.keys(readTree(to)).sort()).toEqual(names.map((name) => `data/${name}`))
  expect(world.listings).toBe(2)
}, 60_000)

test('restore of cold contents: what is cold again after its days is asked for again, through a lost connection', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const { world, library } = coldLibrary(['a', 'b', 'c'])
  world.thawed.add('c')
  const asked: string[] = []
  let isWarm = false
  library.thaw = async ({ path }) => {
    asked.push(path)
    if (!isWarm) return
    if (path === 'a' && asked.filter((name) => name === 'a').length === 2)
      throw new UserError('restore.notTold', { name: 'nas', reason: 'ECONNRESET' })
    world.thawed.add(path)
  }
  const { summary, tree } = await restoreAll(library, ({ kind }) => {
    if (kind !== 'cold') return
    // The copies of the first requests came and went.
    isWarm = true
    vi.setSystemTime(Date.now() + 8 * 86_400_000)
  })
  expect(summary).toMatchObject({ files: 3, restored: 3, failed: 0 })
  expect(tree).toEqual(['data/a', 'data/b', 'data/c'])
  expect(asked).toEqual(['a', 'b', 'a', 'b', 'a'])
}, 30_000)

/** Verifies files that the ledger has sent, with these changes to its record of each. */
async function verifyAll(library: Library, sent: readonly (Pick<SentFile, 'path'> & Partial<SentFile>)[]) {
  const files = sent.map((one): SentFile => {
    const content = Buffer.from(one.path)
    return {
      size: content.length,
      digest: computeDigest(content),
      sentAt: 1,
      sentNs: null,
      ...one,
    } as SentFile
  })
  const recorded: Partial<ProofSum>[] = []
  const ledger = {
    sentFiles: () => files,
    sentFile: (_destination: string, _source: string, path: string) =>
      files.find((one) => one.path === path) ?? null,
    sentSums: () => [{ source: 's', files: files.length, bytes: 0 }],
    isReplaced: () => false,
    lookup: () => null,
    offerDamaged: () => false,
    isDamaged: () => false,
    endDamaged: () => undefined,
    recordProofs: (_destination: string, _kind: string, _at: number, sum: ProofSum) =>
      void recorded.push(sum),
  } as unknown as Parameters<typeof verifyLibrary>[0]['ledger']
  const found: Finding[] = []
  const events = { found: async (one: Finding) => void found.push(one), progress: () => undefined }
  const summary = await verifyLibrary({ library, ledger, destination: 'd' }, events)
  return { summary, recorded, found: found.map(({ kind, place }) => `${kind} ${place}`) }
}

test('verification of cold contents: they are not recorded as read again', async () => {
  const { world, library } = coldLibrary(['a', 'bb'])
  world.thawed.add('a')
  const { summary, recorded, found } = await verifyAll(library, [{ path: 'a' }, { path: 'bb' }])
  expect(summary).toMatchObject({ files: 2, bytes: 3, cold: 1 })
  expect(recorded).toEqual([expect.objectContaining({ files: 1, bytes: 1 })])
  expect(found).toEqual([])
})

test('verification of cold contents: they are damaged if another size or digest is recorded there than was sent', async () => {
  const names = ['same', 'without digest', 'size', 'digest']
  const { world, library } = coldLibrary(names)
  // They are found to be cold when they are read.
  for (const name of names) world.thawed.add(name)
  world.onRead = () => {
    throw new NotReadable(COLD)
  }
  const { summary, found } = await verifyAll(library, [
    { path: 'same' },
    { path: 'without digest', digest: null },
    { path: 'size', size: 5 },
    { path: 'digest', digest: computeDigest(Buffer.from('other')) },
  ])
  expect(found).toEqual(['damaged data/size', 'damaged data/digest'])
  expect(summary).toMatchObject({ files: 4, cold: 2, damaged: 2 })
})
