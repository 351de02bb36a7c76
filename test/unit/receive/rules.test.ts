import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { leftMs, progressLine } from '../../../cli/progress.ts'
import { digestOf, digestText } from '../../../core/files/digest.ts'
import { storeLayout } from '../../../core/receive/layout.ts'
import { rulesOf } from '../../../core/receive/limits/rule-words.ts'
import { DEFAULT_RULES, floorBytes, overQuota, quotaOf } from '../../../core/receive/limits/rules.ts'
import { openIntake } from '../../../core/receive/manifest/intake.ts'
import { journalFiles, openJournal } from '../../../core/receive/manifest/journal.ts'
import {
  MANIFEST_VERSION,
  openManifestFile,
  readManifestFile,
} from '../../../core/receive/manifest/manifest-file.ts'
import type { Note } from '../../../core/receive/manifest/notes.ts'
import { formatNote, parseNote } from '../../../core/receive/manifest/notes.ts'
import { openRows, placeOf, versionsAt } from '../../../core/receive/manifest/rows.ts'
import { originOf } from '../../../core/receive/restore/wanted.ts'
import { versionsToPrune } from '../../../core/receive/versions/choose.ts'
import { isVersionName, replacedAt, versionName } from '../../../core/receive/versions/name.ts'
import { verdictOf } from '../../../core/send/pump/verdict.ts'
import { parseSize } from '../../../core/words/amounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 10, 20, 12)
const daysAgo = (days: number, attempt = 0) => versionName(new Date(NOW - days * DAY), attempt)

describe('which versions go', () => {
  const names = [daysAgo(40), daysAgo(3), daysAgo(1), daysAgo(1, 1), daysAgo(10)]
  test.each([
    ['nothing without limits', { versions: null, days: null }, true, []],
    [
      'the oldest beyond the number',
      { versions: 2, days: null },
      true,
      [daysAgo(3), daysAgo(10), daysAgo(40)],
    ],
    ['what is older than the days', { versions: null, days: 7 }, true, [daysAgo(10), daysAgo(40)]],
    ['whatever is beyond either', { versions: 3, days: 2 }, true, [daysAgo(3), daysAgo(10), daysAgo(40)]],
    ['all, with none to keep', { versions: 0, days: null }, true, [...names].sort().reverse()],
    [
      'never the newest content',
      { versions: 0, days: 0 },
      false,
      [daysAgo(1), daysAgo(3), daysAgo(10), daysAgo(40)],
    ],
  ])('%s', (_, keep, hasCurrent, gone) => {
    expect(versionsToPrune([...names, 'not a version'], keep, hasCurrent, NOW).sort()).toEqual(
      [...gone].sort(),
    )
  })

  test('a name tells when the content was replaced', () => {
    expect(replacedAt(versionName(new Date(NOW), 12))).toBe(NOW)
    expect(['20261399T000000.000Z', 'file', '20261120T065300Z'].map(replacedAt)).toEqual([null, null, null])
    expect(isVersionName('20261120T065300.123Z-1')).toBe(true)
  })
})

describe('limits', () => {
  test.each([
    [{ bytes: 100, files: null }, { bytes: 90, files: 9 }, 10, null],
    [{ bytes: 100, files: null }, { bytes: 90, files: 9 }, 11, 'quota bytes 100'],
    [{ bytes: null, files: 10 }, { bytes: 90, files: 9 }, 11, null],
    [{ bytes: null, files: 9 }, { bytes: 90, files: 9 }, 0, 'quota files 9'],
    [{ bytes: null, files: null }, { bytes: 2 ** 50, files: 2 ** 40 }, 2 ** 50, null],
  ])('quota %j, used %j, %d more bytes: %s', (quota, used, size, over) => {
    expect(overQuota(quota, used, size)).toBe(over)
  })

  test('the floor is the lesser of size and part of the disk', () => {
    expect(floorBytes(DEFAULT_RULES.floor, 10 * 1024 ** 4)).toBe(1024 ** 3)
    expect(floorBytes(DEFAULT_RULES.floor, 8_000_000)).toBe(80_000)
  })

  test('the command line: one size for each sender, another for one, and what is no size', () => {
    const options = { versions: 'all', versionsDays: '30', keepFree: '5%', quota: ['500G', 'a=b=1.5T'] }
    const rules = rulesOf({ ...options, quotaFiles: ['a=b=7'] })
    expect(rules.keep).toEqual({ versions: null, days: 30 })
    expect(floorBytes(rules.floor, 1000)).toBe(50)
    expect(quotaOf(rules, 'pc')).toEqual({ bytes: 500 * 1024 ** 3, files: null })
    expect(quotaOf(rules, 'a=b')).toEqual({ bytes: 1.5 * 1024 ** 4, files: 7 })
    expect(['1', '2k', '3 MiB', '', '-1', 'G', '1e3'].map(parseSize)).toEqual([
      1,
      2048,
      3 * 1024 ** 2,
      null,
      null,
      null,
      null,
    ])
    expect(() => rulesOf({ ...options, quota: ['pc=lots'], quotaFiles: [] })).toThrow('lots is not a size')
    expect(() => rulesOf({ ...options, quota: ['pc='], quotaFiles: [] })).toThrow('"pc=" is not a size')
    expect(() => rulesOf({ ...options, versions: 'some', quotaFiles: [] })).toThrow('--versions')
  })

  test.each([
    ['quota bytes 1024', 'transfer.quotaBytes', { name: 'there', limit: 1024 }],
    ['quota files 7', 'transfer.quotaFiles', { name: 'there', limit: 7 }],
    ['floor', 'transfer.storeFloor', { name: 'there' }],
    ['ENOSPC', 'transfer.storeFull', { name: 'there' }],
    ['quota bytes lots', 'transfer.storeFull', { name: 'there' }],
  ])('the sender says of "%s": %s', (detail, key, params) => {
    const verdict = verdictOf({ status: 'full', detail }, 'there', { path: '/a', size: 1 })
    expect(verdict).toEqual({ kind: 'store', reason: { key, params } })
  })
})

const digest = createHash('sha256').update('x').digest('hex')
const placed = (at: string, size = 1): Extract<Note, { did: 'placed' }> => ({
  did: 'placed',
  folder: 'pc',
  path: at,
  size,
  mtimeMs: 1_600_000_000_000.5,
  mode: 0o640,
  digest,
  storedAt: 5,
  again: false,
})

describe('manifest', () => {
  async function open() {
    const layout = storeLayout(temporaryDirectory('manifest'))
    fs.mkdirSync(layout.own)
    const { database } = openManifestFile(layout.manifest)
    const rows = openRows(database)
    return {
      layout,
      database,
      rows,
      journal: openJournal(layout.journal),
      intake: openIntake(layout, database, rows),
    }
  }

  test('a note is one line; half a line, zeros and other things are none', () => {
    const note = placed('data/a\n"b"')
    expect(parseNote(formatNote(note))).toEqual(note)
    for (const text of ['', formatNote(note).slice(0, -3), '\0\0', '{}', '["placed","pc"]'])
      expect(parseNote(text)).toBeNull()
  })

  test('the journal is taken in once, whatever is torn; what is taken in is removed', async () => {
    const { layout, rows, journal, intake } = await open()
    await journal.append([placed('data/a'), placed('data/b', 10)])
    const { name } = await journal.append([
      { did: 'kept', folder: 'pc', path: 'data/a', version: daysAgo(1) },
    ])
    fs.appendFileSync(path.join(layout.journal, name), '["placed","pc","data/torn')
    while (intake.step(journal.tag));
    expect(rows.totals()).toEqual([{ folder: 'pc', files: 2, bytes: 11 }])
    await journal.append([placed('data/a', 5)])
    while (intake.step(journal.tag));
    expect(rows.totals()).toEqual([{ folder: 'pc', files: 3, bytes: 16 }])
    while (intake.step(null));
    expect(await journalFiles(layout.journal)).toEqual([])
  })

  test('what the disk refused is written with the next notes, and what it took of it counts once', async () => {
    const { layout, rows, journal, intake } = await open()
    const { name } = await journal.append([placed('data/a')])
    // A directory in the place of the file: it cannot be written to.
    fs.renameSync(path.join(layout.journal, name), path.join(layout.journal, 'aside'))
    fs.mkdirSync(path.join(layout.journal, name))
    await expect(journal.append([placed('data/b')])).rejects.toThrow()
    fs.rmdirSync(path.join(layout.journal, name))
    fs.renameSync(path.join(layout.journal, 'aside'), path.join(layout.journal, name))
    fs.appendFileSync(path.join(layout.journal, name), `${formatNote(placed('data/b'))}\n["placed","pc","da`)
    while (intake.step(journal.tag));
    await journal.append([placed('data/c')])
    while (intake.step(journal.tag));
    expect(rows.totals()).toEqual([{ folder: 'pc', files: 3, bytes: 3 }])
  })

  test('a directory that had to go is one version with all below it, and goes as one', async () => {
    const { layout, rows } = await open()
    const { apply } = rows.changes()
    const version = daysAgo(2)
    for (const at of ['data/a/b', 'data/a/c/d', 'data/a0', 'data/a']) apply(placed(at))
    apply({ did: 'kept', folder: 'pc', path: 'data/a', version })
    const row = rows.find('pc', 'data/a/c/d', version)
    expect(row === null ? null : placeOf(layout, row).slice(2)).toEqual([
      'pc',
      'data',
      'a',
      version,
      'c',
      'd',
    ])
    expect(versionsAt(['data', 'a', version, 'c', 'd'])).toEqual([{ path: 'data/a/c/d', version, depth: 2 }])
    expect(rows.find('pc', 'data/a0', '')).not.toBeNull()
    apply({ did: 'pruned', folder: 'pc', path: 'data/a', version })
    expect(rows.totals()).toEqual([{ folder: 'pc', files: 1, bytes: 1 }])
  })

  test('a content that was there already keeps the time at which it came, however its digest is made now', async () => {
    const { rows } = await open()
    const { apply } = rows.changes()
    apply(placed('data/a'))
    const now = { ...placed('data/a'), digest: digestText(digestOf('blake3', Buffer.from('a'))), storedAt: 9 }
    apply({ ...now, again: true })
    expect(rows.find('pc', 'data/a', '')).toMatchObject({ digest: now.digest, storedAt: 5 })
    apply({ ...now, digest: placed('data/a').digest, again: false })
    expect(rows.find('pc', 'data/a', '')).toMatchObject({ digest: placed('data/a').digest, storedAt: 9 })
  })

  test('one of version 1, whose digests are all SHA-256, is brought up, or read as it is on a read-only disk', async () => {
    const { layout, rows, database } = await open()
    rows.changes().apply(placed('data/a'))
    const row = rows.find('pc', 'data/a', '')
    expect(row).toMatchObject({ digest: placed('data/a').digest })
    database.exec('ALTER TABLE file RENAME COLUMN digest TO sha256; PRAGMA user_version = 1')
    database.close()
    const read = readManifestFile(layout.manifest)
    if (read === null) throw new Error('it cannot be read')
    expect(openRows(read).find('pc', 'data/a', '')).toEqual(row)
    expect(openRows(read).after({ folder: '', path: '', version: '' }, 9)).toEqual([row])
    read.close()
    const { database: now, aside } = openManifestFile(layout.manifest)
    onTestFinished(() => now.close())
    expect(aside).toBeNull()
    openRows(now).changes().apply(placed('data/b'))
    expect(openRows(now).find('pc', 'data/a', '')).toEqual(row)
    expect(openRows(now).totals()).toEqual([{ folder: 'pc', files: 2, bytes: 2 }])
  })

  test('one that is damaged, or newer, is set aside, never erased', async () => {
    const { layout } = await open()
    const file = path.join(path.dirname(layout.manifest), 'other.db')
    const newer = new DatabaseSync(file)
    newer.exec(`PRAGMA user_version = ${MANIFEST_VERSION + 1}`)
    newer.close()
    const opened = openManifestFile(file)
    opened.database.close()
    expect(opened.aside).toMatch(/other\.db\.newer-/)
    expect(fs.existsSync(opened.aside ?? '')).toBe(true)
  })
})

test('progress has a share, a rate and a time left', () => {
  const amount = { files: 3, bytes: 256, totalFiles: 12, totalBytes: 1024 }
  const bar = '[######------------------]  25%  256 B of 1 KiB'
  expect(progressLine(amount, 4000)).toBe(`${bar}  64 B/s  12 sec left  3 files`)
  // So early nobody knows.
  expect(progressLine(amount, 1000)).toBe(`${bar}  256 B/s  no end known  3 files`)
  expect([leftMs(amount, 4000), leftMs(amount, 2999)]).toEqual([12_000, null])
})

describe('what is wanted from a store', () => {
  const wanted = { sender: 'pc', source: 'data', path: 'a/b/', at: null, version: null }
  test('names become the path below the store', () => {
    expect(originOf(wanted)).toEqual(['pc', 'data', 'a', 'b'])
    expect(originOf({ ...wanted, sender: null, source: null, path: null })).toEqual([])
  })

  test.each([
    [{ path: '../../..' }, 'is not a name in a store'],
    [{ path: '/etc' }, 'is not a name in a store'],
    [{ source: '.holdfast' }, 'is not a name in a store'],
    [{ sender: '..' }, 'is not a name in a store'],
    [{ source: null }, 'Give --sender with --source'],
    [{ path: null, version: daysAgo(1) }, 'Give its --path'],
    [{ version: '../x' }, 'is not a version'],
  ])('%j is refused', (change, why) => {
    expect(() => originOf({ ...wanted, ...change })).toThrow(why)
  })
})
