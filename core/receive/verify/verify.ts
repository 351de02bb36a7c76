import { lstat } from 'node:fs/promises'
import pathTo from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { Message } from '../../words/message.ts'
import { message } from '../../words/message.ts'
import { errorCode } from '../../words/problem.ts'
import type { StoreLayout } from '../layout.ts'
import { storeLayout } from '../layout.ts'
import { catchUp, openForAdopting, untilSettled } from '../manifest/catch-up.ts'
import { readManifestFile } from '../manifest/manifest-file.ts'
import type { ManifestRow, RowKey, Rows } from '../manifest/rows.ts'
import { openRows, placeOf } from '../manifest/rows.ts'
import { requireDirectory } from '../store-problem.ts'
import type { Finding, Progress, VerifySummary } from './findings.ts'
import { emptySummary } from './findings.ts'
import { NotAFile, readDigest } from './read-digest.ts'
import type { Found } from './walk.ts'
import { rowKeysOf, walkStore } from './walk.ts'

export interface VerifyHost {
  /** What a person should know before the findings. */
  notice(sentence: Message): Promise<void>
  /** What it says is waited for, so that findings never pile up. */
  found(finding: Finding): Promise<void>
  progress(progress: Progress): void
}

const PAGE_ROWS = 200
/**
 * What changed less than this ago, in milliseconds, may still be on its way into the manifest of a receiver that
 * runs: it is looked at again when it is older.
 */
const YOUNG_MS = 5_000
/** How long a receiver may take to keep up its manifest, in milliseconds, before it is not waited for. */
const SETTLE_MS = 20_000
const SAME_TIME_MS = 1

/** Waits until the manifest tells of all that happened before now. */
async function waitUntilOld(layout: StoreLayout, database: DatabaseSyncInstance, ctimeMs: number) {
  const age = Date.now() - ctimeMs
  if (age >= 0 && age < YOUNG_MS) await delay(YOUNG_MS - age)
  await untilSettled(layout, database, SETTLE_MS)
}

/**
 * Reads every file of a store and compares it with the manifest: first what the manifest knows, in its order, then
 * what else is there. Works beside a running receiver. Memory does not grow with the store.
 *
 * @param adopt records unknown files in the manifest as they are now.
 * @throws Problem if there is no store, or it cannot be looked at.
 */
export async function verifyStore(
  directory: string,
  { adopt }: { adopt: boolean },
  host: VerifyHost,
): Promise<VerifySummary> {
  const layout = storeLayout(directory)
  await requireDirectory(layout.root, layout.own)
  const { isRunning } = await catchUp(layout).catch((thrown: unknown) => {
    // Read-only: what the journal still holds will be unknown, and everything else can be compared.
    if (['EROFS', 'EACCES', 'EPERM'].includes(errorCode(thrown) ?? '')) return { isRunning: false }
    throw thrown
  })
  const { database, aside } = adopt
    ? openForAdopting(layout)
    : { database: readManifestFile(layout.manifest), aside: null }
  const { manifest: path } = layout
  if (aside !== null) await host.notice(message('store.manifestAside', { path, aside }))
  if (database === null) await host.notice(message('store.manifestNone', { path, store: layout.root }))
  try {
    return await compare(layout, database, isRunning, adopt, host)
  } finally {
    database?.close()
  }
}

async function compare(
  layout: StoreLayout,
  database: DatabaseSyncInstance | null,
  isRunning: boolean,
  adopt: boolean,
  host: VerifyHost,
): Promise<VerifySummary> {
  const rows = database === null ? null : openRows(database)
  const summary = emptySummary()
  const progress: Progress = { files: 0, bytes: 0, totalFiles: 0, totalBytes: 0 }
  for (const { files, bytes } of rows?.totals() ?? []) {
    progress.totalFiles += files
    progress.totalBytes += bytes
  }
  const advance = (bytes: number) => {
    progress.bytes += bytes
    host.progress(progress)
  }
  const say = async (finding: Finding) => {
    summary[finding.kind] += 1
    if (finding.kind === 'unknown' && finding.adopted) summary.adopted += 1
    await host.found(finding)
  }
  /** True: something may have happened since, and the row has to be looked up once more. */
  const mayBeYoung = async (file: string): Promise<boolean> => {
    if (!isRunning || database === null) return false
    const stats = await lstat(file).catch(() => null)
    await waitUntilOld(layout, database, stats?.ctimeMs ?? Date.now())
    return true
  }

  for await (const row of allRows(rows)) {
    const place = placeOf(layout, row)
    let finding = await checkRow(layout, row, advance)
    if (finding !== null && (await mayBeYoung(pathTo.join(layout.root, ...place)))) {
      const again = rows?.find(row.folder, row.path, row.version) ?? null
      finding = again === null ? null : await checkRow(layout, again, () => undefined)
    }
    progress.files += 1
    summary.files += 1
    summary.bytes += row.size
    advance(0)
    if (finding !== null) await say({ place: place.join('/'), ...finding })
  }
  for await (const found of walkStore(layout)) {
    advance(0)
    if (rows !== null && isKnown(rows, found)) continue
    const place = found.place.join('/')
    if (found.kind === 'unreadable') await say({ kind: 'unreadable', place, code: found.code })
    else if (found.kind === 'strange') await say({ kind: 'strange', place })
    else {
      if (
        (await mayBeYoung(pathTo.join(layout.root, ...found.place))) &&
        rows !== null &&
        isKnown(rows, found)
      )
        continue
      await say(await unknownFile(layout, found, adopt ? rows : null, advance))
    }
  }
  return summary
}

/** All rows in the manifest's order, a page at a time: no statement stays open, so a receiver can write. */
async function* allRows(rows: Rows | null): AsyncGenerator<ManifestRow> {
  let key: RowKey = { folder: '', path: '', version: '' }
  for (;;) {
    const page = rows?.after(key, PAGE_ROWS) ?? []
    yield* page
    const last = page.at(-1)
    if (last === undefined) return
    key = last
  }
}

type Unplaced<T> = T extends unknown ? Omit<T, 'place'> : never

async function checkRow(
  layout: StoreLayout,
  row: ManifestRow,
  advance: (bytes: number) => void,
): Promise<Unplaced<Finding> | null> {
  try {
    const file = pathTo.join(layout.root, ...placeOf(layout, row))
    const read = await readDigest(file, ({ length }) => advance(length))
    if (read.digest === row.digest) return null
    const isSame = read.size === row.size && Math.abs(read.mtimeMs - row.mtimeMs) < SAME_TIME_MS
    return { kind: isSame ? 'damaged' : 'changed', expected: row.digest, found: read.digest }
  } catch (thrown) {
    const code = errorCode(thrown)
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'missing' }
    // What stands there instead of the file is told by the walk.
    if (thrown instanceof NotAFile) return { kind: 'missing' }
    return { kind: 'unreadable', code: code ?? String(thrown) }
  }
}

function isKnown(rows: Rows, found: Found): boolean {
  return (
    found.kind === 'file' &&
    rowKeysOf(found).some(({ folder, path: at, version }) => rows.find(folder, at, version) !== null)
  )
}

async function unknownFile(
  layout: StoreLayout,
  found: Found,
  rows: Rows | null,
  advance: (bytes: number) => void,
): Promise<Finding> {
  const place = found.place.join('/')
  const key = rowKeysOf(found)[0]
  if (rows === null || key === undefined) return { kind: 'unknown', place, adopted: false }
  try {
    const read = await readDigest(pathTo.join(layout.root, ...found.place), ({ length }) => advance(length))
    rows.changes().add({ ...key, ...read, storedAt: Date.now() })
    return { kind: 'unknown', place, adopted: true }
  } catch (thrown) {
    return { kind: 'unreadable', place, code: errorCode(thrown) ?? String(thrown) }
  }
}
