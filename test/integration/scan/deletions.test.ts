import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Ledger, openLedger } from '../../../core/ledger/ledger.ts'
import { settleGone, sweepDeleted } from '../../../core/scan/reconcile/deletions.ts'
import { openMassChangeGuard } from '../../../core/scan/reconcile/mass-change-guard.ts'
import { openDeletions } from '../../../core/scan/reconcile/recent-deletions.ts'
import { offerFiles } from '../../../core/scan/reconcile/reconcile.ts'
import type { SessionContext } from '../../../core/scan/source-session.ts'
import { sourceSchema } from '../../../core/settings/schema.ts'
import { OwnPlaces } from '../../../core/walk/own-places.ts'
import { toScannedFile } from '../../../core/walk/scanned-file.ts'
import { Watchers } from '../../../core/watch/open-watcher.ts'
import { canMount, mountExt4 } from '../../support/faults/mounts.ts'
import { runSource } from '../../support/scan/source.ts'
import { watcherThread } from '../../support/scan/tree.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const DESTINATIONS = ['there', 'usb']
const DIGEST = Buffer.alloc(32, 7)

/** Records every waiting file as sent, as the senders do. */
function sendAll(ledger: Ledger): number {
  const counts = DESTINATIONS.map((destination) => {
    const due = ledger.take(destination, 's', 10_000, Date.now(), new Set())
    ledger.markSent(
      due.map((claim) => ({ ...claim, mark: false, digest: DIGEST, position: 1 })),
      Date.now(),
    )
    return due.length
  })
  return Math.max(...counts)
}

interface Parts {
  root?: string
  ledger?: Ledger
  settings?: Record<string, unknown>
  reconcileSeconds?: number
}

/** A watched source whose files are sent as soon as they wait. */
function watched({ root = temporaryDirectory('deletions'), settings, ledger, reconcileSeconds }: Parts = {}) {
  const file = path.join(temporaryDirectory('ledger'), 'ledger.db')
  const known = ledger ?? openLedger(file)
  if (ledger === undefined) onTestFinished(() => known.close())
  const watchers = new Watchers({ watcherThread, quietMs: 100, log: () => undefined })
  onTestFinished(() => watchers.stop())
  let offers = 0
  const running = runSource({ path: root, ...settings }, known, {
    destinations: DESTINATIONS,
    openTree: (request, listener, scope) => watchers.open(request, listener, scope),
    offered: () => {
      offers += 1
      if (sendAll(known) > 0) setImmediate(() => running.nudge())
    },
    ...(reconcileSeconds !== undefined && { reconcileSeconds }),
  })
  const totals = (destination = 'there') => known.totals(destination).s
  return {
    root,
    ledger: known,
    running,
    totals,
    isCompared: () => running.scanned().compared === true,
    counts: (destination = 'there') => [
      totals(destination)?.sentFiles ?? 0,
      totals(destination)?.deletedFiles ?? 0,
    ],
    deleted: () => running.scanned().deleted,
    offers: () => offers,
  }
}

function fill(root: string, names: readonly string[]): void {
  for (const name of names) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
    fs.writeFileSync(path.join(root, name), `content of ${name}`)
  }
}

const numbered = (count: number, below = '') =>
  Array.from({ length: count }, (_, index) => `${below}file-${String(index).padStart(3, '0')}`)

/** A source of so many files that were sent. */
async function sent(names: readonly string[], parts: Parts = {}) {
  const source = watched(parts)
  await until('it to be compared', source.isCompared)
  fill(source.root, names)
  await until('all to be sent', () => source.counts().join() === `${names.length},0`)
  return source
}

const remove = (root: string, names: readonly string[]) => {
  for (const name of names) fs.rmSync(path.join(root, name), { recursive: true })
}

test('deleted files: 40 of 46 are counted apart and reported without a comparison, and no longer when they are back', async () => {
  const names = numbered(46)
  const { root, counts, deleted, ledger } = await sent(names)
  const gone = names.slice(0, 40)
  const metadata = gone.map((name) => fs.statSync(path.join(root, name)))
  expect(deleted()).toBeNull()
  remove(root, gone)
  await until('them to be counted', () => counts().join() === '6,40')
  // The next count of all files is five minutes away.
  await until('a report', () => deleted() != null)
  expect(counts('usb')).toEqual([6, 40])
  expect(deleted()).toMatchObject({ files: 40, known: 46 })

  fill(root, gone)
  gone.forEach((name, index) => {
    const { atime, mtime } = metadata[index] ?? expect.fail()
    fs.utimesSync(path.join(root, name), atime, mtime)
  })
  await until('them to be back', () => counts().join() === '46,0' && deleted() === null)
  expect(ledger.totals('there').s).toMatchObject({ waitingFiles: 0 })
})

test('deleted files: everything, and a directory with everything below', async () => {
  const names = [...numbered(30, 'a/deep/'), ...numbered(20, 'a/'), ...numbered(10), 'a.txt', 'a0']
  const { root, counts, deleted } = await sent(names)
  remove(root, ['a'])
  await until('the directory to be counted', () => counts().join() === '12,50')
  await until('a report', () => deleted()?.files === 50)
  remove(root, fs.readdirSync(root))
  await until('all to be counted', () => counts().join() === '0,62')
  await until('another report', () => deleted()?.files === 62)
  expect(deleted()).toMatchObject({ known: 62 })
})

test('deleted files: a person accepts them, and the counts stay', async () => {
  const names = numbered(20)
  const { root, running, counts, deleted } = await sent(names)
  remove(root, names.slice(0, 15))
  await until('a report', () => deleted()?.files === 15)
  running.acceptDeleted()
  expect(deleted()).toBeNull()
  expect(counts()).toEqual([5, 15])
  remove(root, names.slice(15, 17))
  await until('more to be counted', () => counts().join() === '3,17')
  expect(deleted()?.since ?? null).toBeNull()
})

test('deleted files: few of them, or a small share, are counted, and no person is notified', async () => {
  const names = numbered(100)
  const { root, ledger, counts, deleted } = await sent(names)
  remove(root, names.slice(0, 19))
  await until('them to be counted', () => counts().join() === '81,19')
  // The decision follows within two seconds; the next one comes with the twentieth file.
  remove(root, names.slice(19, 20))
  await until('a report', () => deleted()?.files === 20)
  expect(deleted()?.since).not.toBeNull()
  expect(ledger.deletion('s')).toMatchObject({ known: 100 })
})

test('renamed directory: its files are not deleted', { tags: 'story' }, async () => {
  const names = numbered(300, 'before/')
  const { root, ledger, running, counts, deleted } = await sent(names)
  fs.renameSync(path.join(root, 'before'), path.join(root, 'after'))
  await until('the new names to be sent', () => ledger.lookup('there', 's', 'after/file-299') !== null)
  await running.reconcile()
  await until('the old names to be left out', () => counts().join() === '300,0')
  expect(ledger.countDeleted('there', 's', 0)).toBe(0)
  expect(deleted()).toBeNull()
})

test('moved out of the source: the files are deleted here', { tags: 'story' }, async () => {
  const names = numbered(12, 'album/')
  const { root, counts } = await sent([...names, 'stays'])
  fs.renameSync(path.join(root, 'album'), path.join(temporaryDirectory('elsewhere'), 'album'))
  await until('them to be counted', () => counts().join() === '1,12')
})

test('moved out of the source and back under another name: the former name is not deleted', async () => {
  const file = path.join(temporaryDirectory('ledger'), 'ledger.db')
  const ledger = openLedger(file)
  onTestFinished(() => ledger.close())
  let decisions = 0
  const correctRenamed: Ledger['correctRenamed'] = (...asked) => {
    decisions += 1
    return ledger.correctRenamed(...asked)
  }
  const { root, counts, offers } = await sent(['album', 'stays'], { ledger: { ...ledger, correctRenamed } })
  const aside = path.join(temporaryDirectory('elsewhere'), 'album')
  const before = decisions
  fs.renameSync(path.join(root, 'album'), aside)
  await until('it to be counted', () => counts().join() === '1,1' && decisions > before)
  const known = offers()
  fs.renameSync(aside, path.join(root, 'renamed'))
  // The senders are notified of the new name, and then of the corrected totals.
  await until('it to be back', () => counts().join() === '2,0' && offers() - known >= 2)
})

test('file deleted and made again: is not counted as deleted', async () => {
  const { root, ledger, counts } = await sent(['log', 'other', 'last'])
  fs.rmSync(path.join(root, 'log'))
  fs.writeFileSync(path.join(root, 'log'), 'a new one')
  remove(root, ['last'])
  await until('the other to be counted', () => counts().join() === '2,1')
  expect(ledger.lookup('there', 's', 'log')).toMatchObject({ state: 'sent', size: 9 })
})

test('deleted while nothing runs: is found at the next start, and reported over a further start', async () => {
  const names = numbered(1_200, 'd/')
  const first = await sent([...names, 'stays'])
  first.running.stop()
  remove(first.root, names)
  const second = watched({ root: first.root, ledger: first.ledger })
  await until('them to be counted', () => second.counts().join() === '1,1200')
  await until('a report', () => second.deleted()?.files === 1_200)
  second.running.stop()
  const third = watched({ root: first.root, ledger: first.ledger })
  expect(third.deleted()).toMatchObject({ files: 1_200, known: 1_201, since: second.deleted()?.since })
})

test('first comparison: files that went before it are counted, and not reported', async () => {
  const names = numbered(20)
  const first = await sent(names)
  first.running.stop()
  remove(first.root, names)
  const upgraded: Ledger = { ...first.ledger, isSwept: () => false }
  const second = watched({ root: first.root, ledger: upgraded })
  await until('them to be counted', () => second.isCompared() && second.counts().join() === '0,20')
  second.running.nudge()
  expect(first.ledger.countDeleted('there', 's', 0)).toBe(0)
})

test('delete after sending: files that Holdfast removes are not deleted, also before their removal is recorded', {
  tags: 'story',
}, async () => {
  const names = numbered(20)
  const { root, ledger, running, counts, deleted, totals } = await sent(names)
  const due = ledger.removable('there', 's', Date.now(), 100).files
  ledger.beginRemovals(due, { others: [], since: 0, now: Date.now() })
  remove(root, names)
  await running.reconcile()
  ledger.endRemovals(
    due.map(({ id }) => ({ id, end: 'removed' })),
    Date.now(),
  )
  await running.reconcile()
  for (const destination of ['there', 'usb']) {
    expect(counts(destination)).toEqual([0, 0])
    expect(totals(destination)?.removedFiles).toBe(20)
  }
  expect(deleted()).toBeNull()
})

test('excluded and unreadable files: are not deleted', { tags: 'story' }, async () => {
  const first = await sent(['keep/a', 'leave/b', 'c'])
  first.running.stop()
  const second = watched({ root: first.root, ledger: first.ledger, settings: { ignore: ['leave'] } })
  await until('it to be compared', second.isCompared)
  expect(second.counts()).toEqual([3, 0])
  remove(first.root, ['leave/b'])
  await second.running.reconcile()
  await until('the excluded one to be counted', () => second.counts().join() === '2,1')
})

test('batch source: a deleted batch is counted, and not reported', async () => {
  const names = numbered(15, 'DC1/')
  const root = temporaryDirectory('deletions')
  fill(root, [...names, 'DC2/live'])
  const source = watched({ root, settings: { kind: 'batch' } })
  await until('all to be sent', () => source.counts()[0] === 16)
  remove(root, ['DC1'])
  await until('them to be counted', () => source.counts().join() === '1,15')
  await source.running.reconcile()
  expect(source.deleted()).toBeNull()
})

/** A session's context without its watcher; `isThere` is called between the lookup of paths and its record. */
function bareContext(root: string, ledger: Ledger, isThere: () => boolean): SessionContext {
  const failed = (error: unknown) => expect.fail(String(error))
  const source = sourceSchema.parse({ id: 's', path: root, name: 's' })
  const known = { source, ledger, destinations: DESTINATIONS }
  const ignored = { changed: () => undefined, offered: () => undefined, finished: () => undefined }
  const deletions = openDeletions({ ...known, ...ignored, quietSeconds: 0.1, isWatched: () => true, failed })
  onTestFinished(() => deletions.stop())
  const massChangeGuard = openMassChangeGuard({ ...known, ...ignored, failed })
  onTestFinished(() => massChangeGuard.stop())
  const context: Partial<SessionContext> = {
    ...{
      ...known,
      ...ignored,
      root,
      isThere,
      deletions,
      massChangeGuard,
      ledgerFailed: failed,
      own: new OwnPlaces([]),
      ownPaths: new Set(),
    },
    ...{ device: fs.statSync(root, { bigint: true }).dev, signal: new AbortController().signal },
  }
  return context as SessionContext
}

test('file that comes back during the lookup of its deletion: is sent, and one that does not is counted', async () => {
  const { root, ledger, running, totals } = await sent(['rotated.log', 'late', 'day/a', 'day/b'])
  running.stop()
  const getFacts = (name: string) => toScannedFile(name, fs.statSync(path.join(root, name), { bigint: true }))
  const late = getFacts('late')
  remove(root, ['rotated.log', 'late', 'day'])
  let isFirst = true
  const context = bareContext(root, ledger, () => {
    if (isFirst) {
      fill(root, ['rotated.log', 'day/b'])
      // The watcher examined a file before it was deleted, and reports it only now.
      offerFiles(context, [...['rotated.log', 'day/b'].map(getFacts), late])
    }
    isFirst = false
    return true
  })
  await settleGone(context, ['rotated.log', 'late', 'day'])
  for (const destination of DESTINATIONS) {
    expect(totals(destination)).toMatchObject({ waitingFiles: 2, deletedFiles: 2 })
  }
})

test('disk that goes just now: nothing is recorded while the source is not there', {
  tags: 'story',
}, async () => {
  const names = numbered(5)
  const { root, ledger, running, counts } = await sent(names)
  running.stop()
  remove(root, names)
  let isThere = false
  const context = bareContext(root, ledger, () => isThere)
  await settleGone(context, names)
  await settleGone({ ...context, device: 0n, isThere: () => true }, names)
  await sweepDeleted(context, '')
  expect(counts()).toEqual([5, 0])
  isThere = true
  await sweepDeleted(context, '')
  expect(counts()).toEqual([0, 5])
})

describe.skipIf(!canMount)('unmounted disks (needs root: mounts)', () => {
  test('a source on an unmounted disk has no deleted files', async () => {
    const disk = await mountExt4(onTestFinished)
    const names = numbered(12)
    const { running, counts } = await sent(names, { root: disk.point })
    await disk.unmount()
    await running.reconcile()
    await until('it to be missing', () => running.scanned().phase === 'missing')
    expect(counts()).toEqual([12, 0])
    await disk.mountAgain()
    fs.rmSync(path.join(disk.point, names[0] ?? ''))
    await until('one to be counted', () => counts().join() === '11,1')
  })

  test('a disk inside a source that is unmounted has no deleted files', async () => {
    const disk = await mountExt4(onTestFinished)
    const inner = path.basename(disk.point)
    const names = [...numbered(12, `${inner}/`), 'other', 'stays']
    const { root, running, counts } = await sent(names, {
      root: path.dirname(disk.point),
      settings: { ignore: ['image'] },
    })
    await disk.unmount()
    remove(root, ['other'])
    await until('the other to be counted', () => counts().join() === '13,1')
    await running.reconcile()
    expect(counts()).toEqual([13, 1])
    await disk.mountAgain()
    remove(root, [`${inner}/file-000`])
    await running.reconcile()
    await until('the one on the disk to be counted', () => counts().join() === '12,2')
  })
})
