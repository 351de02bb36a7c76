import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { storeLayout } from '../../../core/receive/layout.ts'
import { openAdmission } from '../../../core/receive/limits/admission.ts'
import { DEFAULT_RULES } from '../../../core/receive/limits/rules.ts'
import { openManifest } from '../../../core/receive/manifest/manifest.ts'
import { openManifestFile } from '../../../core/receive/manifest/manifest-file.ts'
import { openRows } from '../../../core/receive/manifest/rows.ts'
import type { RestoreEvent } from '../../../core/receive/restore/restore.ts'
import { restoreStore } from '../../../core/receive/restore/restore.ts'
import { openStore } from '../../../core/receive/store/store.ts'
import { lockDirectory } from '../../../core/worker/directory-lock.ts'
import { hasTotals } from '../../support/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { receiverParts, writeFile } from '../../support/transfer.ts'
import { until } from '../../support/until.ts'

/** What changed a moment ago is waited for. */
const SLOW = { timeout: 60_000 }
const FILES = 100

const digestOf = (text: string) => createHash('sha256').update(text).digest()

/** A store whose lock is held, as by a receiver that runs. */
function setUp() {
  const base = temporaryDirectory('restore-beside')
  const root = path.join(base, 'store')
  const layout = storeLayout(root)
  fs.mkdirSync(layout.own, { recursive: true })
  const lock = lockDirectory(layout.own)
  const release = () => lock?.release()
  onTestFinished(release)
  const to = path.join(base, 'to')
  const restore = async (told: (event: RestoreEvent) => Promise<void>) => {
    const wanted = { sender: 'pc', source: 'data', path: null, at: null, version: null }
    return restoreStore(root, to, wanted, false, { event: told, progress: () => undefined })
  }
  return { root, layout, to, release, restore }
}

test(
  'a file that is replaced while its store is restored comes back as it is then, and is no damage',
  SLOW,
  async () => {
    const { root, layout, to, restore } = setUp()
    const manifest = openManifest(receiverParts.manifestThread, layout, () => undefined)
    const store = openStore(root, {
      thread: null,
      journal: { record: (notes) => manifest.record(notes), announce: manifest.announce },
      admission: openAdmission(root, DEFAULT_RULES, manifest.known, (folder) => manifest.usage(folder)),
    })
    onTestFinished(async () => {
      await store.close()
      await manifest.close()
    })
    const put = (name: string, text: string, mtimeMs: number) => {
      const file = { folder: 'pc', source: 'data', path: name, size: text.length, mtimeMs, mode: 0o640 }
      return store.receive(file, Buffer.from(text), digestOf(text))
    }
    const names = Array.from({ length: FILES }, (_, index) => `file-${index}`)
    for (const name of names) await put(name, 'first', 1000)
    await until('the manifest has all', hasTotals(root, FILES))

    const events: RestoreEvent[] = []
    let first = ''
    const summary = await restore(async (event) => {
      events.push(event)
      if (events.length > 1 || !('to' in event)) return
      first = path.basename(event.to)
      for (const name of names) if (name !== first) await put(name, 'the second', 2000)
    })
    expect(events.filter(({ kind }) => kind !== 'restored')).toEqual([])
    expect(summary).toMatchObject({ files: FILES, restored: FILES, unverified: 0, failed: 0 })
    const expected = names.map((name) => [name, name === first ? 'first' : 'the second'])
    expect(names.map((name) => [name, fs.readFileSync(path.join(to, name), 'utf8')])).toEqual(expected)
  },
)

test(
  'beside a receiver only what has its size and time is damaged, and many are waited for once',
  SLOW,
  async () => {
    const { root, layout, release, restore } = setUp()
    const { database } = openManifestFile(layout.manifest)
    const changes = openRows(database).changes()
    for (let index = 0; index < FILES; index += 1) {
      writeFile(root, `pc/data/changed-${index}`, 'written by somebody')
      writeFile(root, `pc/data/rotten-${index}`, 'stoned')
      fs.utimesSync(path.join(root, `pc/data/rotten-${index}`), 1000, 1000)
      const stored = { size: 6, mtimeMs: 1_000_000, mode: 0o644, storedAt: 1 }
      const row = {
        folder: 'pc',
        version: '',
        depth: 0,
        digest: digestOf('stored').toString('hex'),
        ...stored,
      }
      for (const kind of ['changed', 'rotten']) changes.add({ ...row, path: `data/${kind}-${index}` })
    }
    database.close()
    const kindsOf = async () => {
      const kinds: Record<string, number> = {}
      const summary = await restore(async ({ kind, ...event }) => {
        const name = 'place' in event ? event.place.replace(/.*\/|-.*/g, '') : ''
        kinds[`${name} ${kind}`] = (kinds[`${name} ${kind}`] ?? 0) + 1
      })
      return { kinds, failed: summary.failed }
    }
    const begun = performance.now()
    expect(await kindsOf()).toEqual({
      kinds: { 'changed changed': FILES, 'rotten damaged': FILES },
      failed: 2 * FILES,
    })
    expect(performance.now() - begun).toBeLessThan(20_000)
    release()
    expect((await kindsOf()).kinds).toEqual({ 'changed damaged': FILES, 'rotten damaged': FILES })
  },
)
