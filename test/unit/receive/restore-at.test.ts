import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { storeLayout } from '../../../core/receive/layout.ts'
import { openAdmission } from '../../../core/receive/limits/admission.ts'
import { DEFAULT_RULES } from '../../../core/receive/limits/rules.ts'
import { openManifest } from '../../../core/receive/manifest/manifest.ts'
import { openManifestFile } from '../../../core/receive/manifest/manifest-file.ts'
import { openRows } from '../../../core/receive/manifest/rows.ts'
import type { RestoreEvent } from '../../../core/receive/restore/restore.ts'
import { listStore, restoreStore } from '../../../core/receive/restore/restore.ts'
import { openStore } from '../../../core/receive/store/store.ts'
import { versionName } from '../../../core/receive/versions/name.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { receiverParts } from '../../support/transfer.ts'
import { until } from '../../support/until.ts'

const YEARS_MS = 3 * 365 * 86_400_000

/** A time after all that was done, and before all that is done next. */
async function moment(): Promise<number> {
  const at = Date.now() + 3
  await until('a moment later', () => Date.now() > at + 3)
  return at
}

/** A store where one file was replaced under a clock that was years ahead, and after that by these. */
async function setUp(later: readonly string[] = ['three', 'four']) {
  const base = temporaryDirectory('restore-at')
  const root = path.join(base, 'store')
  const layout = storeLayout(root)
  fs.mkdirSync(layout.own, { recursive: true })
  const manifest = openManifest(receiverParts.manifestThread, layout, () => undefined)
  const store = openStore(root, {
    thread: null,
    journal: { record: (notes) => manifest.record(notes), announce: manifest.announce },
    admission: openAdmission(root, DEFAULT_RULES, manifest.known, (folder) => manifest.usage(folder)),
  })
  let mtimeMs = 1000
  const put = (text: string) => {
    mtimeMs += 1
    const file = { folder: 'pc', source: 'data', path: 'file', size: text.length, mtimeMs, mode: 0o640 }
    return store.receive(file, Buffer.from(text), createHash('sha256').update(text).digest())
  }
  await put('one')
  const afterOne = await moment()
  const now = Date.now.bind(Date)
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + YEARS_MS)
  onTestFinished(() => clock.mockRestore())
  await put('two')
  clock.mockRestore()
  const moments: number[] = []
  for (const text of later) {
    await put(text)
    moments.push(await moment())
  }
  const [afterThree = 0, afterFour = 0] = moments
  await store.close()
  await manifest.close()

  let tries = 0
  /** What comes back, and what is said besides. */
  const restoreAt = async (from: string, at: number) => {
    tries += 1
    const to = path.join(base, `to-${tries}`)
    const kinds: string[] = []
    const host = { event: async ({ kind }: RestoreEvent) => void kinds.push(kind), progress: () => undefined }
    const wanted = { sender: null, source: null, path: null, at, version: null }
    await restoreStore(from, to, wanted, false, host)
    const listed: string[] = []
    const listing = { ...host, event: async ({ kind }: RestoreEvent) => void listed.push(kind) }
    await listStore(from, wanted, listing)
    expect(listed.includes('unsure')).toBe(kinds.includes('unsure'))
    return [fs.readFileSync(path.join(to, 'pc/data/file'), 'utf8'), ...kinds]
  }
  return { base, root, layout, restoreAt, afterOne, afterThree, afterFour }
}

test('what was there at a time is found although a clock was once ahead, and where it cannot be known that is said', async () => {
  const { base, root, restoreAt, afterOne, afterThree, afterFour } = await setUp()
  const copy = path.join(base, 'copy')
  fs.cpSync(root, copy, { recursive: true, preserveTimestamps: true })
  // In a copy only the manifest tells when something was stored.
  for (const store of [root, copy]) {
    expect(await restoreAt(store, afterFour), store).toEqual(['four', 'restored'])
    expect(await restoreAt(store, afterThree), store).toEqual(['three', 'restored'])
    // When "two" was stored, under the clock that was ahead, nobody knows.
    expect(await restoreAt(store, afterOne), store).toEqual(['one', 'unsure', 'restored'])
    expect(await restoreAt(store, Date.now() + 10 * YEARS_MS), store).toEqual(['four', 'restored'])
  }
})

test('without a manifest the times of the files stand in for it', async () => {
  const { base, root, layout, restoreAt, afterThree, afterFour } = await setUp()
  fs.rmSync(layout.manifest)
  fs.rmSync(layout.journal, { recursive: true, force: true })
  expect(await restoreAt(root, afterFour)).toEqual(['four', 'restored'])
  expect(await restoreAt(root, afterThree)).toEqual(['three', 'unsure', 'restored'])
  const copy = path.join(base, 'copy')
  fs.cpSync(root, copy, { recursive: true })
  expect(await restoreAt(copy, await moment())).toEqual(['four', 'restored'])
})

test('of a time to come it is what is in its place, whenever that says that it was stored', async () => {
  const { root, restoreAt, afterOne } = await setUp([])
  expect(await restoreAt(root, afterOne)).toEqual(['one', 'unsure', 'restored'])
  expect(await restoreAt(root, Date.now() + 60_000)).toEqual(['two', 'restored'])
})

test('a row that the manifest still has of an earlier content does not date the one that is there', async () => {
  const { root, layout, restoreAt } = await setUp()
  const { database } = openManifestFile(layout.manifest)
  const rows = openRows(database)
  const old = { folder: 'pc', path: 'data/file', version: '', depth: 0, storedAt: 1 }
  const digest = createHash('sha256').update('zero').digest('hex')
  rows.changes().add({ ...old, digest, size: 4, mtimeMs: 1, mode: 0o640 })
  database.close()
  const versions = path.join(root, '.holdfast/versions/pc/data/file')
  fs.rmSync(versions, { recursive: true })
  fs.mkdirSync(versions)
  fs.writeFileSync(path.join(versions, 'zero'), 'zero')
  const then = await moment()
  fs.renameSync(path.join(versions, 'zero'), path.join(versions, versionName(new Date())))
  fs.utimesSync(path.join(root, 'pc/data/file'), 1, 1)
  await moment()
  expect(await restoreAt(root, then)).toEqual(['zero', 'restored'])
})
