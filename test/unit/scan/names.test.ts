import { readFile } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { probeName } from '../../../core/check/probes/file-probes.ts'
import {
  createNameFilter,
  leavesNothingOut,
  leftOutBySize,
  oldEnoughAt,
  toNameRules,
} from '../../../core/filter/exclusion-rules.ts'
import { isAtRest, isTemporaryPath, mayBeFinal, temporaryNames } from '../../../core/filter/temporary.ts'
import type { QueuedFile } from '../../../core/ledger/ledger.ts'
import { asideName } from '../../../core/send/delete-after-send/safe-unlink.ts'
import { createQueueFilter } from '../../../core/send/queue/queue.ts'
import { sourceSchema } from '../../../core/settings/schema.ts'

test('name filter: files that Holdfast creates in a source are excluded as its own', () => {
  const filter = createNameFilter({ ignore: [], marks: [] })
  for (const name of [probeName(), asideName(7)]) expect(filter.file(`deep/${name}`), name).toBe('own')
})

test('name filter: the keys of a store are excluded at any depth, and names like them are not', () => {
  const filter = createNameFilter({ ignore: [], marks: [] })
  for (const path of ['.holdfast/identity/identity.pem', 'srv/store/.holdfast/codes/1'])
    expect(filter.fileBelow(path), path).toBe('own')
  expect(filter.directory('srv/store/.holdfast')).toBe('own')
  for (const path of ['.holdfast', 'a/.holdfast.d/b', '.holdfast-notes/c'])
    expect(filter.fileBelow(path), path).toBe(null)
})

test('queue filter: waiting files of a store’s keys are left out, also without filters', () => {
  const source = sourceSchema.parse({ id: 's', path: '/s', name: 's' })
  const files = ['.holdfast/identity/identity.pem', 'a'].map((path) => ({ path, size: 1 }) as QueuedFile)
  const { pass, leftOut } = createQueueFilter(source)(files, Date.now())
  expect([pass, leftOut]).toEqual([[files[1]], [files[0]]])
})

describe('temporary names', () => {
  test.each([
    'a.part',
    'a.PART',
    'b.tmp',
    'c.crdownload',
    'd~',
    '.e.txt.swp',
    '.e.txt.swx',
    '.#lock',
    '~$report.docx',
    '.~lock.report.odt#',
    '.goutputstream-AB12CD',
    '.nfs000000000123abcd',
    '.fuse_hidden0000001',
    'f.filepart',
    'iso.aria2',
    'video.mp4.ytdl',
    'video.f137.mp4.part-Frag12',
    'film.mkv.!qB',
    'film.mkv.bc!',
    '.rsync-partial/a.iso',
    'deep/.~tmp~/a',
    'deep/.#lock',
    '.run.fastq.gz.aB3xYz',
    'deep/.a.000abc',
  ])('%s is a temporary name', (name) => expect(isTemporaryPath(name)).toBe(true))

  test.each(['.app.config', '.backup.202401', 'run.aB3xYz', '.a.aB3xY', '.profile'])(
    '%s, unlike a name of rsync’s, is not a temporary name',
    (name) => expect(isTemporaryPath(name)).toBe(false),
  )

  test('a name like rsync’s may be final: the file counts as finished an hour after its last change', () => {
    expect(['.a.aB3xYz', '.a.part', '.~tmp~/.a.aB3xYz'].map(mayBeFinal)).toEqual([true, false, false])
    const at = (minutes: number) => ({ ctimeNs: BigInt(minutes * 60_000) * 1_000_000n })
    const now = 1_000 * 60_000
    expect([941, 940, 939, 1_070].map((minutes) => isAtRest(at(minutes), now))).toEqual([
      false,
      true,
      true,
      true,
    ])
  })

  test('a file with a temporary name is left out unless the source sends them', () => {
    const source = sourceSchema.parse({ id: 's', path: '/s', name: 's' })
    const findReason = (temporary: 'send' | 'leave-out', path: string) =>
      createNameFilter(toNameRules({ ...source, temporary })).fileBelow(path)
    for (const path of ['a.!qB', 'b/.rsync-partial/c', 'd.aria2'])
      expect([findReason('leave-out', path), findReason('send', path)]).toEqual(['temporary', null])
    expect(source.temporary).toBe('leave-out')
  })

  test('docs/filters.md lists every temporary name', async () => {
    const page = await readFile(new URL('../../../docs/filters.md', import.meta.url), 'utf8')
    for (const name of temporaryNames) expect(page).toContain(`\`${name}\``)
  })

  test.each([
    'a.party',
    'tmp',
    'part',
    'a.part.jpg',
    '~user',
    '.hidden',
    'b.tmpl',
    '.nfs',
    'swp',
    'aria2',
    'x.rsync-partial/a',
  ])('%s is not a temporary name', (name) => expect(isTemporaryPath(name)).toBe(false))
})

describe('name filter of a batch source', () => {
  const source = sourceSchema.parse({
    id: 's',
    path: '/s',
    name: 's',
    kind: 'batch',
    batch: { closedMark: 'done', sentMark: 'shipped' },
    ignore: ['*.log', '/top.txt', 'cache/', '!kept.log'],
  })
  const { batchPrefix, ...rules } = toNameRules(source)
  const filter = createNameFilter(rules)

  test('a path outside every batch directory is left out as not-batch', () => {
    expect(batchPrefix).toBe('')
    const { file, directory, fileBelow } = createNameFilter({ ...rules, batchPrefix: 'DC' })
    expect([file('a.txt'), file('done'), file('DC1')]).toEqual(['not-batch', 'not-batch', 'not-batch'])
    expect([file('DC1/a.txt'), directory('DC1'), directory('DC1/other')]).toEqual([null, null, null])
    expect([directory('other'), fileBelow('other/a.txt')]).toEqual(['not-batch', 'not-batch'])
  })

  test.each([
    ['a.txt', null],
    ['deep/a.log', 'ignored'],
    ['deep/kept.log', null],
    ['top.txt', 'ignored'],
    ['deep/top.txt', null],
    ['cache/x', 'ignored'],
    ['cache', null],
    ['DC1/done', 'mark'],
    ['DC1/deep/shipped', 'mark'],
    ['DC1/finished.parse', null],
    ['.holdfast-probe-0a1b2c3d-1-0a1b2c3d-1', 'own'],
    ['.holdfast-removing-12', 'own'],
    ['.holdfast-probe-notes', null],
    ['.holdfast-x', null],
    ['a.part', 'temporary'],
  ])('the file %s gets the exclusion reason %s', (path, why) => expect(filter.file(path)).toBe(why))

  test.each([
    ['', null],
    ['cache', 'ignored'],
    ['deep/cache', 'ignored'],
    ['a.tmp', null],
    ['.holdfast-store', null],
    ['.holdfast-restore-0a1b2c3d4e5f', 'own'],
  ])('the directory %s gets the exclusion reason %s', (path, why) => expect(filter.directory(path)).toBe(why))
})

describe('hidden names', () => {
  const source = sourceSchema.parse({
    id: 's',
    path: '/s',
    name: 's',
    hidden: 'leave-out',
    ignore: ['cache/', '*.log'],
  })
  const filter = createNameFilter(toNameRules(source))

  test.each([
    ['a', null],
    ['.a', 'hidden'],
    ['deep/.a', 'hidden'],
    ['.git/config', 'hidden'],
    ['deep/.git/objects/ab', 'hidden'],
    ['deep/cache/a', 'ignored'],
    ['a.b', null],
  ])('the path %s gets the exclusion reason %s, its parent directories included', (path, why) =>
    expect(filter.fileBelow(path)).toBe(why),
  )

  test('a hidden directory is left out too, and `hidden: send` sends both', () => {
    expect(filter.directory('deep/.git')).toBe('hidden')
    const plain = createNameFilter(toNameRules({ ...source, hidden: 'send' }))
    expect([plain.directory('.git'), plain.fileBelow('.git/config'), plain.file('.a')]).toEqual([
      null,
      null,
      null,
    ])
  })

  test('`findPattern` returns the pattern that excludes a file, and null for a hidden name', () => {
    expect(filter.findPattern('deep/cache/a')).toBe('cache/')
    expect(filter.findPattern('x.log')).toBe('*.log')
    expect(filter.findPattern('.a')).toBeNull()
  })
})

test.runIf(process.platform === 'linux')(
  'ignore patterns: upper case and lower case differ on Linux, as in git',
  () => {
    const { file, directory } = createNameFilter({ ignore: ['Backup/', '*.C'], marks: [] })
    expect([directory('Backup'), directory('backup'), file('a.C'), file('a.c')]).toEqual([
      'ignored',
      null,
      'ignored',
      null,
    ])
  },
)

test('ignore patterns: 200,000 tested paths grow the heap by less than 10 MiB', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const { file } = createNameFilter({ ignore: ['*.log'], marks: [] })
  const heap = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const before = heap()
  for (let index = 0; index < 200_000; index += 1) file(`station/2026-11-20/measurement-${index}.dat`)
  const grown = heap() - before
  // Asked once more, so that the filter is not collected before it is measured.
  expect(file('a.log')).toBe('ignored')
  expect(grown / 1024 ** 2).toBeLessThan(10)
})

describe('filters by size and age', () => {
  test('sizes at a limit are sent, and those beyond it are not', () => {
    const both = { minimumBytes: 10, maximumBytes: 20 }
    const found = [9, 10, 20, 21].map((size) => leftOutBySize(both, size))
    expect(found).toEqual(['too-small', null, null, 'too-large'])
    const none = { minimumBytes: null, maximumBytes: null }
    expect([0, 2 ** 50].map((size) => leftOutBySize(none, size))).toEqual([null, null])
  })

  test('each filter leaves something out, and the defaults do not', () => {
    const usual: Parameters<typeof leavesNothingOut>[0] = {
      ignore: [],
      hidden: 'send',
      temporary: 'leave-out',
      minimumBytes: null,
      maximumBytes: null,
      minimumAgeSeconds: 0,
    }
    expect(leavesNothingOut(usual)).toBe(true)
    const changes: Partial<typeof usual>[] = [
      ...[{ ignore: ['*.o'] }, { minimumBytes: 1 }, { maximumBytes: 1 }, { minimumAgeSeconds: 1 }],
      { hidden: 'leave-out' },
    ]
    for (const change of changes)
      expect(leavesNothingOut({ ...usual, ...change }), JSON.stringify(change)).toBe(false)
  })

  test('the age counts from the last change, and from that of the inode where the time is far in the future', () => {
    const HOUR = 3_600_000
    const now = 100 * HOUR
    const at = (mtime: number, ctime: number, minimumAgeSeconds = 60) => {
      const [mtimeNs, ctimeNs] = [BigInt(mtime) * 1_000_000n, BigInt(ctime) * 1_000_000n]
      return oldEnoughAt(minimumAgeSeconds, { mtimeNs, ctimeNs }, now)
    }
    expect(at(HOUR, 2 * HOUR)).toBe(HOUR + 60_000)
    expect(at(now + HOUR, HOUR)).toBe(now + HOUR + 60_000)
    expect(at(now + HOUR + 1, HOUR)).toBe(HOUR + 60_000)
    expect(at(now + HOUR + 1, now + HOUR + 1)).toBe(now)
    expect(at(now + HOUR, HOUR, 0)).toBe(now)
  })
})
