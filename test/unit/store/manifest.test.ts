import fs from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { expect, onTestFinished, test, vi } from 'vitest'
import { storeLayout } from '../../../core/store/layout.ts'
import type { Changes } from '../../../core/store/manifest/manifest.ts'
import { Manifest, openManifestFile, readManifestFile } from '../../../core/store/manifest/manifest.ts'
import { getPlace, isFileRow, openRows } from '../../../core/store/manifest/rows.ts'
import { buildFacts, computeDigest } from '../../support/store/file-facts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

function open() {
  const layout = storeLayout(temporaryDirectory('manifest'))
  fs.mkdirSync(layout.own)
  const { database } = openManifestFile(layout.manifest)
  onTestFinished(() => {
    if (database.isOpen) database.close()
  })
  const manifest = new Manifest(database)
  const source = manifest.getSourceId('pc', 'data')
  /** One round, whose versions have names with this beginning. */
  const round = (work: (changes: Changes, version: string) => void, session = 's1') =>
    manifest.round([{ source, path: 'a' }], new Map([['pc', session]]), work)
  const file = (name: string, text = name, facts = buildFacts(text.length)) => ({
    ...{ source, key: name, path: name, facts },
    digest: computeDigest(Buffer.from(text)),
  })
  const totals = () => {
    const { files, bytes, names } = manifest.rows.totals()[0]?.[1] ?? { files: 0, bytes: 0, names: 0 }
    return { files, bytes, names }
  }
  return { layout, database, manifest, source, round, file, totals }
}

test('manifest: a round records files and directories exactly, to the nanosecond and the attribute', () => {
  const { manifest, source, round, file, totals } = open()
  const facts = buildFacts(3, {
    mtimeNs: -1_500_000_000n,
    user: 2 ** 32 - 1,
    more: { attributes: { 'user.x': Uint8Array.of(0, 255) }, sparse: true },
  })
  const { position } = round((changes) => {
    changes.placed(file('a/b', 'abc', facts))
    expect(changes.made(source, 'a')).toBeUndefined()
    changes.told(source, 'a', facts)
    // The files that come into it may come later.
    changes.told(source, 'b', facts)
  })
  expect(manifest.rows.find(source, 'a/b', '')).toMatchObject({
    path: 'a/b',
    version: '',
    goneAt: null,
    facts,
  })
  for (const name of ['a', 'b'])
    expect(manifest.rows.directory(source, name)?.facts).toEqual({ ...facts, size: 0 })
  expect(manifest.rows.directory(source, '')?.facts).toBeNull()
  expect(manifest.rows.totals()).toEqual([['pc', { files: 1, bytes: 3, names: 3, position, session: 's1' }]])
  expect(totals()).toEqual({ files: 1, bytes: 3, names: 3 })
})

test('manifest: a replaced directory becomes one version with all files below it, and is forgotten as a whole', () => {
  const { layout, manifest, source, round, file, totals } = open()
  round((changes) => {
    for (const name of ['a/b', 'a/c/d', 'a0']) changes.placed(file(name, 'x'))
    for (const name of ['a', 'a/c']) changes.made(source, name)
  })
  let version = ''
  round((changes, prefix) => {
    version = `${prefix}0`
    changes.replacedAll(source, 'a', version)
    changes.placed(file('a', 'x'))
  })
  const row = manifest.rows.find(source, 'a/c/d', version)
  if (row === null || !isFileRow(row)) throw new Error('it is not there')
  const folder = { folder: 'pc', directory: 'data' }
  expect(getPlace(folder, row, layout.versions).slice(2).join('/')).toBe(`pc/data/a/${version}/c/d`)
  expect(manifest.rows.find(source, 'a0', '')).not.toBeNull()
  expect(manifest.rows.directory(source, 'a')).toBeNull()
  const gone = ['a/b', 'a/c/d'].map((key) => ({ source, key, version }))
  const emptied = ['a', 'a/c'].map((name) => ({ source, path: name, version }))
  manifest.forget(gone, emptied)
  // Twice is once.
  manifest.forget(gone, emptied)
  expect(totals()).toEqual({ files: 2, bytes: 2, names: 2 })
})

test('manifest: a content that was already stored keeps its arrival time', () => {
  const { manifest, source, round, file } = open()
  const clock = vi.spyOn(Date, 'now')
  onTestFinished(() => clock.mockRestore())
  const storeAt = (now: number, text: string, mode: number) => {
    clock.mockReturnValue(now)
    round((changes) => changes.placed(file('a', text, buildFacts(text.length, { mode }))))
    return manifest.rows.find(source, 'a', '')
  }
  expect(storeAt(5, 'x', 0o600)).toMatchObject({ storedAt: 5 })
  expect(storeAt(9, 'x', 0o640)).toMatchObject({ storedAt: 5, facts: { mode: 0o640 } })
  expect(storeAt(12, 'y', 0o640)).toMatchObject({ storedAt: 12 })
})

test('manifest: files changed since a position are requested again, each once, until they arrive', () => {
  const { manifest, source, round, file } = open()
  const { position } = round((changes) => changes.placed(file('a')))
  round((changes) => {
    for (const name of ['b', 'c']) changes.placed(file(name))
  })
  manifest.wantSince('other', 0)
  expect(manifest.wanted('pc', 0, 9)).toEqual([])
  manifest.wantSince('pc', position)
  manifest.wantSince('pc', position)
  const wanted = (after = 0) => manifest.wanted('pc', after, 9).map(({ key }) => key)
  expect([wanted(), wanted(1)]).toEqual([['b', 'c'], ['c']])
  round((changes) => changes.placed(file('b')))
  expect(wanted()).toEqual(['c'])
  manifest.want(source, 'a')
  expect(wanted()).toEqual(['a', 'c'])
})

test('manifest: an unfinished round marks the paths that it may be moving', () => {
  const { database, manifest, source, round } = open()
  const moving = (...names: string[]) => names.filter((name) => manifest.rows.isMoving(source, name))
  const places = JSON.stringify([
    [source, 'a/b'],
    [source + 1, 'x'],
  ])
  database.prepare('INSERT INTO round (id, version, places) VALUES (1, ?, ?)').run('v', places)
  expect(moving('a', 'a/b', 'a/b/c', 'a/c', 'a/bc', 'x')).toEqual(['a', 'a/b', 'a/b/c'])
  round(() => expect(moving('a')).toEqual(['a']))
  expect(moving('a', 'a/b')).toEqual([])
})

test('manifest file: a damaged or foreign file is set aside intact; one of a newer version is left in place', () => {
  const { layout, database } = open()
  database.close()
  const file = path.join(layout.own, 'other.db')
  const other = (sql: string) => {
    const made = new DatabaseSync(file)
    made.exec(sql)
    made.close()
  }
  for (const [make, name] of [
    [() => fs.writeFileSync(file, 'nonsense '.repeat(1000)), 'damaged'],
    [() => other('CREATE TABLE letters (text TEXT)'), 'of somebody else'],
    [() => other('PRAGMA user_version = 1; CREATE TABLE store (id INTEGER)'), 'without its tables'],
  ] as const) {
    make()
    const before = fs.readFileSync(file)
    expect([name, readManifestFile(file)]).toEqual([name, null])
    const opened = openManifestFile(file)
    expect(openRows(opened.database).totals()).toEqual([])
    opened.database.close()
    expect(opened.aside).toMatch(/other\.db\.broken-/)
    // All but the header, in which SQLite has written how it is opened.
    const kept = fs.readFileSync(opened.aside ?? '').subarray(100)
    expect([name, kept.equals(before.subarray(100))]).toEqual([name, true])
    fs.rmSync(file)
  }
  other('PRAGMA user_version = 2')
  const before = fs.readFileSync(file)
  const sentence = { key: 'store.manifestNewer', params: { path: file } }
  for (const opening of [openManifestFile, readManifestFile])
    expect(() => opening(file)).toThrow(expect.objectContaining({ sentence }))
  expect(fs.readFileSync(file).equals(before)).toBe(true)
})
